"""Joining the engine that other clients of this user have, or starting the one they will join.

Must not decide when; the supervisor does. What is left behind here goes on without us.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import subprocess
from pathlib import Path

import attrs

from codellama_lsp import dirs
from codellama_lsp.engine import registry
from codellama_lsp.engine.backend import Report
from codellama_lsp.engine.client import SocketEngine
from codellama_lsp.engine.journal import crashed
from codellama_lsp.engine.protocol import PROTOCOL_VERSION, EngineStartError
from codellama_lsp.engine.spawn import (
    KILLED_FROM_OUTSIDE,
    EngineDiedError,
    command_line,
    in_words,
    log_file,
    open_log,
    socket_in,
    start_environment,
)
from codellama_lsp.engine.spec import EngineSpec
from codellama_lsp.engine.wire import RefusedError

_CONNECT_TIMEOUT_S = 30.0
_POLL_S = 0.01
#: Engines that we started and that may outlive our interest; kept so that they are reaped.
_children: list[subprocess.Popen[bytes]] = []


class OtherVersionError(Exception):
    """What is registered cannot be talked to: an engine of one's own is needed."""


@attrs.frozen
class SharedProcess:
    """An engine process that others may use, too: never ended but by a user's wish or a hang."""

    pid: int
    socket: Path
    child: subprocess.Popen[bytes] | None
    """Where we started it."""
    shared: bool = True

    async def end(self, patience_s: float) -> None:
        """Wait a little for a process that broke the connection, so that it is known how."""
        until = asyncio.get_running_loop().time() + patience_s
        while self._running() and asyncio.get_running_loop().time() < until:  # noqa: ASYNC110
            await asyncio.sleep(_POLL_S)

    def kill(self) -> None:
        """End the process now, whoever uses it."""
        self._signal(getattr(signal, "SIGKILL", 9))

    def terminate(self) -> None:
        """Ask the process to end, whoever uses it."""
        self._signal(signal.SIGTERM)

    def was_killed(self) -> bool:
        """Whether it ended otherwise than by a fault of its own."""
        code = self._code()
        if code is None:
            return not crashed(self.socket)
        return code == 0 or code in KILLED_FROM_OUTSIDE

    def how_it_ended(self) -> str:
        """In words."""
        code = self._code()
        if code is not None:
            return in_words(code)
        return "it crashed" if crashed(self.socket) else "it has gone"

    def _running(self) -> bool:
        return self._code() is None if self.child else registry.exists(self.pid)

    def _code(self) -> int | None:
        return None if self.child is None else self.child.poll()

    def _signal(self, number: int) -> None:
        if self.child is not None:
            self.child.send_signal(number)
        elif is_engine(self.pid, self.socket):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(self.pid, number)


async def attach(spec: EngineSpec, on_loading: Report) -> tuple[SharedProcess, SocketEngine]:
    """The one engine for `spec`, connected. Raises `EngineStartError`, `OtherVersionError`."""
    try:
        directory = dirs.make_private(dirs.runtime_dir())
        async with registry.locked(directory):
            _children[:] = [child for child in _children if child.poll() is None]
            registry.sweep(directory)
            if record := registry.read(directory, spec.identity):
                if engine := await _join(record, spec, on_loading):
                    return SharedProcess(record.pid, record.socket, _child(record.pid)), engine
                registry.remove(directory, spec.identity)
            return await _start(directory, spec, on_loading)
    except OSError as error:
        raise EngineStartError(
            f"the directory of engines cannot be used: {error}",
            "Run `codellama-lsp doctor`: it checks the directories that are needed.",
        ) from error


async def _join(
    record: registry.Record, spec: EngineSpec, on_loading: Report
) -> SocketEngine | None:
    """A connection to a registered engine; None where it is no more, or hangs (it is killed)."""
    if record.protocol != PROTOCOL_VERSION:
        raise OtherVersionError
    try:
        return await SocketEngine.connect(
            record.socket, record.token, on_loading=on_loading, wishes=spec.wishes
        )
    except RefusedError as error:
        raise OtherVersionError from error
    except (OSError, EngineStartError):
        # Nobody listens; or it is about to end; or it hangs, and then it has to.
        SharedProcess(record.pid, record.socket, _child(record.pid)).kill()
        return None


async def _start(
    directory: Path, spec: EngineSpec, on_loading: Report
) -> tuple[SharedProcess, SocketEngine]:
    token = secrets.token_urlsafe(24)
    socket = socket_in(registry.socket_path(directory, spec.identity, secrets.token_hex(4)))
    child = _launch(spec, socket, token)
    process = SharedProcess(child.pid, socket, child)
    try:
        engine = await _connect(process, token, spec, on_loading)
    except BaseException:
        process.kill()
        await process.end(patience_s=1.0)
        with contextlib.suppress(OSError):
            socket.unlink(missing_ok=True)
        raise
    registry.write(directory, registry.record_of(spec.identity, child.pid, socket, token))
    return process, engine


def _launch(spec: EngineSpec, socket: Path, token: str) -> subprocess.Popen[bytes]:
    # Not asyncio's: its transports kill their process when the loop ends.
    with open_log() as stderr:
        child = subprocess.Popen(
            [*command_line(spec, socket), "--shared"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            cwd="/",
            env=start_environment(),
            start_new_session=True,
        )
    _children.append(child)
    assert child.stdin is not None
    with contextlib.suppress(OSError):
        child.stdin.write(token.encode() + b"\n")
        child.stdin.close()
    return child


async def _connect(
    process: SharedProcess, token: str, spec: EngineSpec, on_loading: Report
) -> SocketEngine:
    loop = asyncio.get_running_loop()
    until = loop.time() + _CONNECT_TIMEOUT_S
    assert process.child is not None
    while process.child.poll() is None:
        # Nobody listens yet; or it was killed, and is about to be seen to have ended.
        with contextlib.suppress(FileNotFoundError, ConnectionError):
            return await SocketEngine.connect(
                process.socket, token, on_loading=on_loading, wishes=spec.wishes
            )
        if loop.time() > until:
            raise EngineStartError(
                f"the engine did not answer within {_CONNECT_TIMEOUT_S:.0f} s",
                f"Its log is {log_file()}.",
            )
        await asyncio.sleep(_POLL_S)
    raise EngineDiedError(process.how_it_ended(), killed=process.was_killed())


def is_engine(pid: int, socket: Path) -> bool:
    """Whether process `pid` is still the engine of `socket`, as far as the system tells."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return not Path("/proc/self").exists()
    return os.fsencode(socket) in words


def _child(pid: int) -> subprocess.Popen[bytes] | None:
    return next((child for child in _children if child.pid == pid), None)
