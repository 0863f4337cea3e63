"""Where a workspace's index lives, who may write it, and what to do with a broken one.

One process at a time holds a workspace's lock and writes; the others read what it wrote.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import shutil
import sqlite3
import time
from pathlib import Path
from typing import IO

from codellama_lsp import dirs
from codellama_lsp.context.index.store import SCHEMA_VERSION, Store

log = logging.getLogger(__name__)

_SUFFIXES = ("", "-wal", "-shm")
_KEEP_UNUSED_S = 60 * 24 * 3600.0


def folder_of(root: Path) -> Path:
    """The private folder of a workspace's index, made if need be."""
    dirs.make_private(dirs.cache_dir())
    indexes = dirs.make_private(dirs.cache_dir() / "index")
    digest = hashlib.sha256(str(root).encode("utf-8", "surrogateescape")).hexdigest()
    return dirs.make_private(indexes / digest[:24])


class WriterLock:
    """Held by the one process that writes; given back when it ends, however it ends."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "writer.lock"
        self._file: IO[bytes] | None = None

    @property
    def held(self) -> bool:
        """Whether it is ours."""
        return self._file is not None

    def try_take(self) -> bool:
        """Take it unless somebody else has it."""
        if self._file is not None:
            return True
        file = self._path.open("ab")
        if _lock(file):
            self._file = file
            return True
        file.close()
        return False

    def give_back(self) -> None:
        """Let somebody else write."""
        if self._file is not None:
            self._file.close()
            self._file = None


def open_for_writing(folder: Path) -> tuple[Store, str]:
    """The store, empty where it was missing, of another version or broken; and what was wrong.

    Raises `OSError` and `sqlite3.Error` where none can be made (say, a full disk).
    """
    path = folder / "index.sqlite3"
    wrong = ""
    if path.exists():
        try:
            store = Store(path)
            if store.version == SCHEMA_VERSION and store.is_sound():
                return store, ""
            wrong = "it was of another version or damaged"
            store.close()
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise  # busy, full, unreadable: the file itself may be well
            wrong = "it was damaged"
        discard(folder)
    store = Store(path)
    path.chmod(0o600)
    store.create()
    return store, wrong


def open_for_reading(folder: Path) -> Store | None:
    """The store as another process writes it; None where there is none of our version yet."""
    path = folder / "index.sqlite3"
    try:
        store = Store(path, read_only=True)
        if store.version == SCHEMA_VERSION:
            return store
        store.close()
    except sqlite3.Error:
        pass
    return None


def identity(folder: Path) -> tuple[int, int] | None:
    """Tells a database from one that was built in its place; None where there is none."""
    try:
        facts = (folder / "index.sqlite3").stat()
    except OSError:
        return None
    return facts.st_dev, facts.st_ino


def note_use(folder: Path) -> None:
    """Note that an index is used, and delete those of workspaces that nobody opened for long."""
    with contextlib.suppress(OSError):
        os.utime(folder)
    for other in folder.parent.iterdir():
        with contextlib.suppress(OSError):
            if other == folder or time.time() - other.stat().st_mtime < _KEEP_UNUSED_S:
                continue
            lock = WriterLock(other)
            if lock.try_take():
                shutil.rmtree(other)
                lock.give_back()


def discard(folder: Path) -> None:
    """Delete a database; only for who holds the lock."""
    for suffix in _SUFFIXES:
        with contextlib.suppress(FileNotFoundError):
            (folder / f"index.sqlite3{suffix}").unlink()


def _lock(file: IO[bytes]) -> bool:
    try:
        import fcntl
    except ImportError:  # Windows
        return _lock_on_windows(file)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _lock_on_windows(file: IO[bytes]) -> bool:
    import importlib

    msvcrt = importlib.import_module("msvcrt")
    try:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    except OSError:
        return False
    return True
