"""Documents beyond the resident sequences: their KV cells, copied out of the cache and back.

In memory up to a bound, and on disk where the user wants it, so that a restart does not pay the
prefill again. What lies on disk can be read as the user's text by whoever may read the file.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path

import attrs
import numpy as np

from codellama_lsp import dirs
from codellama_lsp.engine.worker.context import Context
from codellama_lsp.engine.worker.tokens import Ids, common_prefix

#: Less than this is evaluated sooner than it is copied and looked for.
LEAST_TOKENS = 32
_MAGIC = b"codellama-lsp kv 1\n"
_MOST_FILES = 256


@attrs.frozen(eq=False)
class Parked:
    """The tokens of a sequence and its state, in memory or in a file."""

    tokens: Ids
    size: int
    """Bytes of the state."""
    data: bytes | None = None
    path: Path | None = None


class ParkingLot:
    """Keeps at most `most_bytes` of states in memory, the least recently used ones dropped."""

    def __init__(self, context: Context, most_bytes: int) -> None:
        self._context = context
        self._most_bytes = most_bytes
        self._parked: list[Parked] = []

    def best(self, prompt: Ids) -> tuple[Parked | None, int]:
        """What shares most of the prompt's first tokens, and how many they are."""
        found, most = None, 0
        for parked in self._parked:
            shared = common_prefix(parked.tokens, prompt)
            if shared > most:
                found, most = parked, shared
        return found, most

    def park(self, sequence: int, tokens: Ids) -> None:
        """Keep a sequence that is about to be dropped, if there is room for it at all."""
        if len(tokens) < LEAST_TOKENS or any(_covers(p.tokens, tokens) for p in self._parked):
            return
        if not self._most_bytes or self._context.state_size(sequence) > self._most_bytes:
            return
        data = self._context.save(sequence)
        self._parked = [p for p in self._parked if not _covers(tokens, p.tokens)]
        self._parked.append(Parked(tokens.copy(), len(data), data))
        while sum(p.size for p in self._parked if p.data is not None) > self._most_bytes:
            self._parked.remove(next(p for p in self._parked if p.data is not None))

    def restore(self, parked: Parked, sequence: int) -> bool:
        """Bring it back into an empty sequence; False where that failed (it is given up)."""
        self._parked.remove(parked)
        data = parked.data
        if data is None and parked.path is not None:
            data = _read(parked.path)
        return data is not None and self._context.restore(sequence, data)

    def add_files(self, directory: Path) -> None:
        """Know what lies on disk; it is read when it is wanted."""
        for path in sorted(directory.glob("*.kv")):
            if parked := _look_into(path):
                self._parked.append(parked)

    def clear(self) -> None:
        """Forget everything; files stay."""
        self._parked.clear()

    def states(self) -> list[Parked]:
        """Everything that is parked in memory, the most recent last."""
        return [parked for parked in self._parked if parked.data is not None]


def store(directory: Path, most_bytes: int, states: list[Parked]) -> None:
    """Keep on disk as many of `states`, the last ones first, as fit; forget older files."""
    dirs.make_private(directory.parent)
    dirs.make_private(directory)
    kept: set[Path] = set()
    room = most_bytes
    for parked in reversed(states):
        if parked.data is None or parked.size + parked.tokens.nbytes > room:
            continue
        path = directory / f"{hashlib.sha256(parked.tokens.tobytes()).hexdigest()[:32]}.kv"
        if path not in kept:
            room -= parked.size + parked.tokens.nbytes
            kept.add(path)
            with contextlib.suppress(OSError):
                _write(path, parked.tokens, parked.data)
    # What was there before stays while there is room.
    others = [path for path in directory.glob("*.kv") if path not in kept]
    for path in sorted(others, key=_modified, reverse=True):
        room -= _size(path)
        if room < 0 or len(kept) >= _MOST_FILES:
            path.unlink(missing_ok=True)
        else:
            kept.add(path)


def _covers(a: Ids, b: Ids) -> bool:
    """Whether `a` begins with all of `b`."""
    return len(a) >= len(b) and common_prefix(a, b) == len(b)


def _write(path: Path, tokens: Ids, data: bytes) -> None:
    partial = path.with_suffix(f".{os.getpid()}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(_MAGIC + len(tokens).to_bytes(8, "little"))
        file.write(tokens.astype("<i4").tobytes())
        file.write(hashlib.sha256(data).digest() + data)
    partial.replace(path)


def _look_into(path: Path) -> Parked | None:
    try:
        with path.open("rb") as file:
            if file.read(len(_MAGIC)) != _MAGIC:
                return None
            count = int.from_bytes(file.read(8), "little")
            tokens = np.frombuffer(file.read(4 * min(count, 2**24)), dtype="<i4")
    except (OSError, ValueError):
        return None
    if len(tokens) != count:
        return None
    return Parked(tokens.astype(np.int32), _size(path), path=path)


def _read(path: Path) -> bytes | None:
    """The state in a file; None where it is damaged."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    start = len(_MAGIC) + 8
    start += 4 * int.from_bytes(content[len(_MAGIC) : start], "little")
    digest, data = content[start : start + 32], content[start + 32 :]
    return data if hashlib.sha256(data).digest() == digest else None


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _modified(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
