"""Where shared engines can be found: records in the user's private runtime directory.

A record names socket, process and protocol version; the token lies in a file of its own. Whoever
reads or writes records holds the directory's lock. Must not know how to talk to an engine.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import attrs

from codellama_lsp.engine.bell import BELL_SUFFIX, bell_of
from codellama_lsp.engine.protocol import PROTOCOL_VERSION, EngineStartError

if sys.platform != "win32":  # where no engine process is started at all
    import fcntl

_PREFIX = "shared-"
_LOCK = "engines.lock"
_LOCK_POLL_S = 0.02
_LOCK_TIMEOUT_S = 60.0


@attrs.frozen
class Record:
    """Where one shared engine is."""

    identity: str
    protocol: int
    pid: int
    socket: Path
    token: str = attrs.field(repr=False)


def socket_path(directory: Path, identity: str, unique: str) -> Path:
    """Where a shared engine listens."""
    return directory / f"{_PREFIX}{identity}-{unique}.sock"


@contextlib.asynccontextmanager
async def locked(directory: Path) -> AsyncIterator[None]:
    """Hold the directory's lock, which the kernel takes back from whoever dies."""
    loop = asyncio.get_running_loop()
    until = loop.time() + _LOCK_TIMEOUT_S
    descriptor = _open_lock(directory)
    try:
        while not _lock(descriptor):
            if loop.time() > until:
                raise EngineStartError(
                    "another program has been starting an engine for too long",
                    f"End it, or remove {directory / _LOCK}.",
                )
            await asyncio.sleep(_LOCK_POLL_S)
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def locked_now(directory: Path) -> Iterator[bool]:
    """Hold the lock if nobody else does; says whether."""
    descriptor = _open_lock(directory)
    try:
        yield _lock(descriptor)
    finally:
        os.close(descriptor)


def read(directory: Path, identity: str) -> Record | None:
    """The record of `identity`; None where there is none, or none that can be trusted."""
    try:
        raw = json.loads(_record_path(directory, identity).read_text(encoding="utf-8"))
        token = _token_path(directory, identity).read_text(encoding="ascii").strip()
        record = Record(
            identity, int(raw["protocol"]), int(raw["pid"]), directory / str(raw["socket"]), token
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
    # A name, not a path: a record can only point into the directory that it lies in.
    return record if record.socket.parent == directory and record.pid > 1 else None


def write(directory: Path, record: Record) -> None:
    """Say where an engine is."""
    body = {"protocol": record.protocol, "pid": record.pid, "socket": record.socket.name}
    _write_private(_token_path(directory, record.identity), record.token)
    _write_private(_record_path(directory, record.identity), json.dumps(body))


def remove(directory: Path, identity: str) -> None:
    """Forget an engine, its socket and its bell included."""
    record = read(directory, identity)
    if record is not None:
        _unlink(record.socket)
        _unlink(bell_of(record.socket))
    _unlink(_record_path(directory, identity))
    _unlink(_token_path(directory, identity))


def sweep(directory: Path) -> None:
    """Remove the records of engines whose process has gone, and what belongs to none."""
    kept: set[Path] = set()
    for path in directory.glob(f"{_PREFIX}*.json"):
        identity = path.stem.removeprefix(_PREFIX)
        record = read(directory, identity)
        if record is None or not exists(record.pid):
            remove(directory, identity)
        else:
            kept.add(record.socket)
    for path in (
        *directory.glob(f"{_PREFIX}*.sock"),
        *directory.glob(f"{_PREFIX}*{BELL_SUFFIX}"),
    ):
        if path.with_suffix(".sock") not in kept:
            _unlink(path)


def leave(directory: Path, identity: str, pid: int) -> None:
    """An engine ends: forget it, unless somebody is at its record already."""
    with contextlib.suppress(OSError), locked_now(directory) as held:
        if held and (record := read(directory, identity)) and record.pid == pid:
            remove(directory, identity)


def record_of(identity: str, pid: int, socket: Path, token: str) -> Record:
    """A record for an engine of this version."""
    return Record(identity, PROTOCOL_VERSION, pid, socket, token)


def exists(pid: int) -> bool:
    """Whether there is such a process."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _open_lock(directory: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    return os.open(directory / _LOCK, flags, 0o600)


def _lock(descriptor: int) -> bool:
    if sys.platform == "win32":
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _record_path(directory: Path, identity: str) -> Path:
    return directory / f"{_PREFIX}{identity}.json"


def _token_path(directory: Path, identity: str) -> Path:
    return directory / f"{_PREFIX}{identity}.token"


def _write_private(path: Path, text: str) -> None:
    partial = path.with_suffix(f"{path.suffix}.new")
    _unlink(partial)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    partial.replace(path)


def _unlink(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
