"""KV cells in files, for the next start: private, checked, bounded.

What lies there can be read as the user's text by whoever may read the file.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from pathlib import Path

import numpy as np

from codellama_lsp import dirs
from codellama_lsp.engine.worker.tokens import Ids

_MAGIC = b"codellama-lsp kv 1\n"
_MOST_FILES = 256
#: A file that is being written is whole sooner than this.
_ABANDONED_S = 600.0


def states(directory: Path) -> list[Path]:
    """The files there."""
    return sorted(directory.glob("*.kv"))


def path_of(directory: Path, tokens: Ids) -> Path:
    """Where the state of these tokens lies."""
    return directory / f"{hashlib.sha256(tokens.tobytes()).hexdigest()[:32]}.kv"


def write(directory: Path, tokens: Ids, data: bytes) -> Path:
    """Keep a state. Raises `OSError`."""
    dirs.make_private(dirs.cache_dir())
    dirs.make_private(directory.parent)
    dirs.make_private(directory)
    path = path_of(directory, tokens)
    partial = path.with_suffix(f".{os.getpid()}")
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(_MAGIC + len(tokens).to_bytes(8, "little"))
            file.write(tokens.astype("<i4").tobytes())
            file.write(hashlib.sha256(data).digest())
            file.write(data)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return path


def prune(directory: Path, most_bytes: int) -> None:
    """Forget the oldest files beyond `most_bytes`, and what a writer that was killed left.

    Those of other models count, too: of files that are used no more nobody else will think.
    """
    room = most_bytes
    everything = directory.parent.glob("*/*.kv")
    for count, path in enumerate(sorted(everything, key=_modified, reverse=True)):
        room -= size(path)
        if room < 0 or count >= _MOST_FILES:
            path.unlink(missing_ok=True)
    for path in directory.parent.glob("*/*.[0-9]*"):
        if path.suffix != ".kv" and _modified(path) < time.time_ns() - _ABANDONED_S * 1e9:
            path.unlink(missing_ok=True)
    for other in directory.parent.iterdir():
        if other != directory:
            with contextlib.suppress(OSError):
                other.rmdir()  # where nothing is left in it


def look_into(path: Path) -> Ids | None:
    """The tokens of the state in a file; None where it is none of ours, or damaged there."""
    try:
        with path.open("rb") as file:
            if file.read(len(_MAGIC)) != _MAGIC:
                return None
            count = int.from_bytes(file.read(8), "little")
            tokens = np.frombuffer(file.read(4 * min(count, 2**24)), dtype="<i4")
    except (OSError, ValueError):
        return None
    ids = tokens.astype(np.int32)
    return ids if len(ids) == count and path_of(path.parent, ids) == path else None


def read(path: Path) -> bytes | None:
    """The state in a file; None where it is damaged."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    start = len(_MAGIC) + 8
    start += 4 * int.from_bytes(content[len(_MAGIC) : start], "little")
    digest, data = content[start : start + 32], content[start + 32 :]
    return data if hashlib.sha256(data).digest() == digest else None


def size(path: Path) -> int:
    """Bytes of a file; 0 where there is none."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _modified(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
