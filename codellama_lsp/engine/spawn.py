"""Starting an engine process and getting a connection to it.

The process gets a session of its own (a Ctrl-C in the terminal is not for it), no inherited file
but its log, the token through a pipe, and ends with its last client. Must not decide when.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import attrs

from codellama_lsp import dirs
from codellama_lsp.engine.backend import Report
from codellama_lsp.engine.client import SocketEngine
from codellama_lsp.engine.protocol import EngineStartError
from codellama_lsp.engine.spec import EngineSpec

_CONNECT_TIMEOUT_S = 30.0
_CONNECT_POLL_S = 0.01
_MAX_LOG_BYTES = 1_000_000
_FROM_OUTSIDE = (-signal.SIGTERM, -signal.SIGINT, -getattr(signal, "SIGKILL", 9))
_SOCKET_PREFIX = "engine-"


class EngineDiedError(EngineStartError):
    """The process ended before it could be connected to; `killed` as in `was_killed`."""

    def __init__(self, message: str, *, killed: bool) -> None:
        super().__init__(message)
        self.killed = killed


@attrs.frozen
class EngineProcess:
    """A started engine."""

    process: asyncio.subprocess.Process
    socket: Path
    token: str = attrs.field(repr=False)
    log: Path

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    async def connect(self, on_loading: Report) -> SocketEngine:
        """Connect as soon as it listens; raises `EngineDiedError` or `EngineStartError`."""
        loop = asyncio.get_running_loop()
        until = loop.time() + _CONNECT_TIMEOUT_S
        while self.process.returncode is None:
            with contextlib.suppress(FileNotFoundError, ConnectionRefusedError):
                return await SocketEngine.connect(self.socket, self.token, on_loading=on_loading)
            if loop.time() > until:
                raise EngineStartError(
                    f"the engine did not answer within {_CONNECT_TIMEOUT_S:.0f} s",
                    f"Its log is {self.log}.",
                )
            await asyncio.sleep(_CONNECT_POLL_S)
        raise EngineDiedError(self.how_it_ended(), killed=self.was_killed())

    async def end(self, patience_s: float) -> None:
        """Wait for the process to end by itself, then make it."""
        try:
            async with asyncio.timeout(patience_s):
                await self.process.wait()
        except TimeoutError:
            self.kill()
            await self.process.wait()
        finally:
            # It removes its socket itself unless it was killed.
            _remove(self.socket)

    def kill(self) -> None:
        """End the process now."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()

    def was_killed(self) -> bool:
        """Whether somebody ended it, rather than a fault of its own; only once it has ended.

        The kernel does so too when memory runs out.
        """
        return self.process.returncode in _FROM_OUTSIDE

    def how_it_ended(self) -> str:
        """In words; only once it has ended."""
        code = self.process.returncode
        if code is None:
            return "still running"
        if code >= 0:
            return f"exit status {code}"
        with contextlib.suppress(ValueError):
            return f"killed by {signal.Signals(-code).name}"
        return f"killed by signal {-code}"


def log_file() -> Path:
    """Where engines write what goes wrong."""
    return dirs.log_dir() / "engine.log"


async def spawn(spec: EngineSpec) -> EngineProcess:
    """Start an engine process for `spec`; raises `EngineStartError`.

    On Linux it dies with the thread that called this: let that be one that stays.
    """
    if sys.platform == "win32":
        raise EngineStartError("an engine process needs Unix sockets, which Windows lacks here")
    arguments = spec.arguments()
    token = secrets.token_urlsafe(24)
    try:
        socket, log = _socket_path(), _log_path()
        with _open_log(log) as stderr:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",  # nothing is ever imported from the directory the editor stands in
                "-m",
                "codellama_lsp.cli.engine",
                "engine",
                *arguments,
                "--socket",
                str(socket),
                "--parent",
                str(os.getpid()),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=stderr,
                cwd="/",
                env={**os.environ, "GGML_NO_BACKTRACE": "1"},
                start_new_session=True,
            )
    except OSError as error:
        raise EngineStartError(
            f"the engine process cannot be started: {error}",
            "Run `codellama-lsp doctor`: it checks the directories that are needed.",
        ) from error
    assert process.stdin is not None
    with contextlib.suppress(ConnectionError):
        process.stdin.write(token.encode() + b"\n")
        process.stdin.close()
    return EngineProcess(process, socket, token, log)


def _socket_path() -> Path:
    directory = dirs.make_private(dirs.runtime_dir())
    _sweep(directory)
    path = directory / f"{_SOCKET_PREFIX}{os.getpid()}-{secrets.token_hex(4)}.sock"
    if len(os.fsencode(path)) > dirs.MAX_SOCKET_PATH_BYTES:
        raise EngineStartError(
            f"the path {directory} is too long for a socket",
            f"Set {dirs.STATE_VARIABLE} or XDG_RUNTIME_DIR to a shorter one.",
        )
    return path


def _sweep(directory: Path) -> None:
    """Remove the sockets of processes that no longer exist."""
    for path in directory.glob(f"{_SOCKET_PREFIX}*-*.sock"):
        owner = path.name.removeprefix(_SOCKET_PREFIX).split("-")[0]
        if owner.isdecimal() and not _exists(int(owner)):
            _remove(path)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _log_path() -> Path:
    dirs.make_private(dirs.log_dir())
    path = log_file()
    with contextlib.suppress(FileNotFoundError):
        if path.stat().st_size > _MAX_LOG_BYTES:
            path.replace(path.with_suffix(".log.1"))
    return path


@contextlib.contextmanager
def _open_log(path: Path) -> Iterator[int]:
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    descriptor = os.open(path, flags, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
