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
from codellama_lsp.engine.bell import BELL_SUFFIX, bell_of
from codellama_lsp.engine.client import SocketEngine
from codellama_lsp.engine.protocol import EngineStartError
from codellama_lsp.engine.registry import exists
from codellama_lsp.engine.spec import EngineSpec
from codellama_lsp.engine.wishes import Wishes

_CONNECT_TIMEOUT_S = 30.0
_CONNECT_POLL_S = 0.01
_MAX_LOG_BYTES = 1_000_000
#: Exit codes of processes that somebody ended.
KILLED_FROM_OUTSIDE = (-signal.SIGTERM, -signal.SIGINT, -getattr(signal, "SIGKILL", 9))
_SOCKET_PREFIX = "engine-"
_OWN = f"{_SOCKET_PREFIX}*-*"


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
    wishes: Wishes = attrs.field(factory=Wishes)
    shared: bool = False

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    async def connect(self, on_loading: Report) -> SocketEngine:
        """Connect as soon as it listens; raises `EngineDiedError` or `EngineStartError`."""
        loop = asyncio.get_running_loop()
        until = loop.time() + _CONNECT_TIMEOUT_S
        while self.process.returncode is None:
            # Nobody listens yet; or it was killed, and is about to be seen to have ended.
            with contextlib.suppress(FileNotFoundError, ConnectionError):
                return await SocketEngine.connect(
                    self.socket, self.token, on_loading=on_loading, wishes=self.wishes
                )
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
            # It removes these itself unless it was killed.
            _remove(self.socket)
            _remove(bell_of(self.socket))

    def kill(self) -> None:
        """End the process now."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()

    def terminate(self) -> None:
        """It ends with its one client anyway."""

    def was_killed(self) -> bool:
        """Whether somebody ended it, rather than a fault of its own; only once it has ended.

        The kernel does so too when memory runs out.
        """
        return self.process.returncode in KILLED_FROM_OUTSIDE

    def how_it_ended(self) -> str:
        """In words; only once it has ended."""
        code = self.process.returncode
        return "still running" if code is None else in_words(code)


def in_words(code: int) -> str:
    """How a process with this exit code ended."""
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
    token = secrets.token_urlsafe(24)
    try:
        socket = _own_socket_path()
        with open_log() as stderr:
            process = await asyncio.create_subprocess_exec(
                *command_line(spec, socket),
                "--parent",
                str(os.getpid()),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=stderr,
                cwd="/",
                env=start_environment(),
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
    return EngineProcess(process, socket, token, log_file(), spec.wishes)


def command_line(spec: EngineSpec, socket: Path) -> list[str]:
    """What to run for `spec`; raises `EngineStartError`."""
    if sys.platform == "win32":
        raise EngineStartError("an engine process needs Unix sockets, which Windows lacks here")
    # -P: nothing is ever imported from the directory the editor stands in.
    command = [sys.executable, "-P", "-m", "codellama_lsp.cli.engine", "engine"]
    return [*command, *spec.arguments(), "--socket", str(socket)]


def start_environment() -> dict[str, str]:
    """The environment of an engine."""
    return {**os.environ, "GGML_NO_BACKTRACE": "1"}


def socket_in(path: Path) -> Path:
    """`path`, if a socket can have it; else raises `EngineStartError`."""
    if len(os.fsencode(path)) > dirs.MAX_SOCKET_PATH_BYTES:
        raise EngineStartError(
            f"the path {path.parent} is too long for a socket",
            f"Set {dirs.STATE_VARIABLE} or XDG_RUNTIME_DIR to a shorter one.",
        )
    return path


def _own_socket_path() -> Path:
    directory = dirs.make_private(dirs.runtime_dir())
    _sweep(directory)
    return socket_in(directory / f"{_SOCKET_PREFIX}{os.getpid()}-{secrets.token_hex(4)}.sock")


def _sweep(directory: Path) -> None:
    """Remove the sockets and bells of processes that no longer exist."""
    for path in (*directory.glob(f"{_OWN}.sock"), *directory.glob(f"{_OWN}{BELL_SUFFIX}")):
        owner = path.name.removeprefix(_SOCKET_PREFIX).split("-")[0]
        if owner.isdecimal() and not exists(int(owner)):
            _remove(path)


@contextlib.contextmanager
def open_log() -> Iterator[int]:
    """A file descriptor of the engines' log, for the time of a start."""
    dirs.make_private(dirs.log_dir())
    path = log_file()
    with contextlib.suppress(FileNotFoundError):
        if path.stat().st_size > _MAX_LOG_BYTES:
            path.replace(path.with_suffix(".log.1"))
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    descriptor = os.open(path, flags, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
