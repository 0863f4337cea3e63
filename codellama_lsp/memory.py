"""Memory of a process that stays for hours: what is free within it goes back to the system."""

from __future__ import annotations

import ctypes
import linecache


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
