"""A flag in memory that an engine and its clients share: whoever is about to ask raises it.

What nobody awaits then makes way while the request is still being made, without a message that
would have to be sent, woken up for and read. Must not know what makes way.
"""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import os
from pathlib import Path

BELL_SUFFIX = ".bell"
#: The flag, and the zero byte that C wants behind it.
_BYTES = 2

Flag = ctypes.Array[ctypes.c_char]


def bell_of(socket: Path) -> Path:
    """Where the bell of the engine that listens at `socket` is."""
    return socket.with_suffix(BELL_SUFFIX)


class Bell:
    """One end of it; `make` gives the engine's, `find` a client's."""

    def __init__(self, descriptor: int) -> None:
        """Maps the file, which may be closed then; raises `OSError` or `ValueError`."""
        self._mapped = mmap.mmap(descriptor, _BYTES)

    @classmethod
    def make(cls, path: Path) -> Bell:
        """A new bell in a private file; raises `OSError`."""
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0)
        descriptor = os.open(path, flags, 0o600)
        try:
            os.write(descriptor, bytes(_BYTES))
            return cls(descriptor)
        finally:
            os.close(descriptor)

    @classmethod
    def find(cls, path: Path) -> Bell | None:
        """The bell of an engine; None where it has none: then nothing makes way before it must."""
        with contextlib.suppress(OSError, ValueError):
            descriptor = os.open(path, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
            try:
                return cls(descriptor)
            finally:
                os.close(descriptor)
        return None

    def ring(self) -> None:
        """Somebody will ask at once."""
        self._mapped[0] = 1

    def flag(self) -> Flag:
        """The shared bytes, for as long as the result lives: 1 and 0 when it rings, else zeros."""
        return (ctypes.c_char * _BYTES).from_buffer(self._mapped)
