"""Which core a thread wakes up on, in virtual machines (Linux).

A thread that is sent something is often woken on the sender's core. Elsewhere it would move to an
idle one, but a virtual machine's kernel takes its idle cores for busy: their host has put something
else there. Engine and client then share one core and wait for each other's time slices, several
milliseconds long, beside an idle one. So the client keeps its core while somebody waits and
says which one that is, and the engine's threads keep off it.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

#: Where a thread may run changes only by hand.
_LOOK_AGAIN_S = 5.0
_CPU_INFO = Path("/proc/cpuinfo")


class Place:
    """Where one thread may run. Does nothing outside of virtual machines."""

    def __init__(self, *, virtual: bool | None = None) -> None:
        """`virtual`: whether this is a virtual machine; None: look."""
        if virtual is None:
            virtual = in_virtual_machine()
        self._core = _core_getter() if virtual else None
        self._allowed: set[int] | None = None
        """While the thread is placed: where it may run otherwise."""
        self._known: set[int] = set()
        self._looked_s = 0.0

    def avoid(self, thread_id: int, core: int | None = None) -> None:
        """Have a thread that sleeps wake up off `core`; None: the calling thread's."""
        if self._core is not None and sys.platform == "linux":
            with contextlib.suppress(OSError, ValueError):
                allowed = self._allowed or self._usual(thread_id)
                if others := allowed - {self._core() if core is None else core}:
                    os.sched_setaffinity(thread_id, others)
                    self._allowed = allowed

    def core(self) -> int | None:
        """The calling thread's core; None where it doesn't matter."""
        return None if self._core is None else self._core()

    def keep(self) -> None:
        """Keep the calling thread on its core."""
        if self._core is not None and self._allowed is None and sys.platform == "linux":
            with contextlib.suppress(OSError, ValueError):
                allowed = self._usual(0)
                os.sched_setaffinity(0, {self._core()})
                self._allowed = allowed

    def free(self) -> None:
        """Let the calling thread, which was placed, go where the system likes."""
        allowed, self._allowed = self._allowed, None
        if allowed is not None and sys.platform == "linux":
            with contextlib.suppress(OSError, ValueError):
                os.sched_setaffinity(0, allowed)

    def _usual(self, thread_id: int) -> set[int]:
        """Where a thread that isn't placed may run, looked up now and then."""
        now_s = time.monotonic()
        old = not self._known or now_s - self._looked_s > _LOOK_AGAIN_S
        if old and sys.platform == "linux":
            self._known, self._looked_s = os.sched_getaffinity(thread_id), now_s
        return self._known


class KeptOff:
    """Keeps one thread off the core that somebody waits on."""

    def __init__(self) -> None:
        self._place = Place()
        self._core: int | None = None

    def keep_off(self, core: int) -> None:
        """Of the calling thread, always the same one; until another core is named."""
        if core != self._core:
            self._core = core
            self._place.avoid(0, core)


@functools.cache
def in_virtual_machine() -> bool:
    """Whether the processor says that a hypervisor runs it (x86; False where nothing tells)."""
    try:
        with _CPU_INFO.open(encoding="ascii", errors="replace") as lines:
            flags = next((line for line in lines if line.startswith("flags")), "")
    except OSError:
        return False
    return "hypervisor" in flags.split()


class _Here(threading.local):
    """Of each thread: whoever wants it to stay on its core."""

    def __init__(self) -> None:
        self.place: Place | None = None
        self.owners: set[int] = set()


_here = _Here()


def core() -> int | None:
    """The calling thread's core; None outside of virtual machines."""
    return _my_place().core()


def stay(owner: object) -> None:
    """Keep the calling thread on its core until `leave`; it may have several owners."""
    if not _here.owners:
        _my_place().keep()
    _here.owners.add(id(owner))


def leave(owner: object) -> None:
    """`owner` does not mind any more where the calling thread runs."""
    if id(owner) in _here.owners:
        _here.owners.remove(id(owner))
        if not _here.owners:
            _my_place().free()


def _my_place() -> Place:
    _here.place = _here.place or Place()
    return _here.place


def _core_getter() -> Callable[[], int] | None:
    try:
        core: Callable[[], int] = ctypes.CDLL(None).sched_getcpu
    except (OSError, AttributeError):
        return None
    return core
