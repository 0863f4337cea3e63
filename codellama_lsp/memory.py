"""Memory of a process that stays for hours: what is free within it goes back to the system."""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import linecache
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

_PAUSE_S = 2.0


def give_back() -> None:
    """Forget the sources of generated methods, then return free pages where the C library can.

    Takes about a millisecond. Python's imports alone leave several megabytes behind.
    """
    for name in [name for name in linecache.cache if name.startswith("<attrs generated ")]:
        del linecache.cache[name]
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):  # another C library than glibc
        return
    trim(0)


def import_hashes() -> None:
    """Import `hashlib` without OpenSSL, a megabyte, where Python has hashes of its own."""
    own = (
        "_md5",
        "_sha1",
        "_sha256" if sys.version_info < (3, 12) else "_sha2",
        "_sha3",
        "_blake2",
    )
    if all(importlib.util.find_spec(name) for name in own):
        with without("_hashlib"):
            import hashlib  # noqa: F401
            import hmac  # noqa: F401


@contextlib.contextmanager
def without(module: str) -> Iterator[None]:
    """What is imported meanwhile finds no such `module`, as in a Python that was built so.

    A module that is there already stays for all.
    """
    if module in sys.modules:
        yield
        return
    sys.modules[module] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[module]


class Pause:
    """Calls `what` on the running event loop once nobody has postponed it for a while."""

    def __init__(self, what: Callable[[], None], after_s: float = _PAUSE_S) -> None:
        self._what = what
        self._after_s = after_s
        self._timer: asyncio.TimerHandle | None = None

    def postpone(self) -> None:
        """Something is going on now."""
        import asyncio  # which an index process never needs

        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(self._after_s, self._what)
