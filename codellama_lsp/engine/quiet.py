"""How much unasked work this machine should bear now, and a thread of low priority for it.

On battery there is none, and under load from others it does less. Must not know models or clients.
"""

from __future__ import annotations

import contextlib
import math
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

from codellama_lsp.engine.backend import CancelFlag
from codellama_lsp.engine.wishes import Background, least

T = TypeVar("T")

DEFAULT_NICE = 10
_LIGHT_SHARE = 0.5
#: Others keep this share of the cores busy: the machine counts as loaded.
_BUSY_SHARE = 0.75
_LOOK_EVERY_S = 5.0
#: The span of the system's shorter load average.
_LOAD_SPAN_S = 60.0
_POWER = Path("/sys/class/power_supply")
_PROFILE = Path("/sys/firmware/acpi/platform_profile")
_SAVING_PROFILES = ("low-power", "quiet")


class Quiet:
    """Decides on unasked work and runs it. Used from the decode thread alone."""

    def __init__(self, level: Callable[[], Background], nice: int = DEFAULT_NICE) -> None:
        self._level = level
        self._nice = nice
        self._helper: _Helper | None = None

    def allows(self, flag: CancelFlag, wished: Background) -> bool:
        """Whether unasked work may run, and through `flag` how eagerly."""
        level = least(wished, self._level())
        flag.share = _LIGHT_SHARE if level is Background.LIGHT else 1.0
        return level is not Background.OFF

    def run(self, work: Callable[[], T]) -> T:
        """Do `work` at low priority and wait for it.

        In a thread of its own: a thread that has lowered its priority may not raise it again.
        """
        if self._helper is None:
            self._helper = _Helper(self._nice)
        return self._helper.run(work)

    def close(self) -> None:
        """End the thread."""
        if self._helper is not None:
            self._helper.close()


class _Helper:
    """A thread of low priority that works for one other thread.

    An executor's futures take longer to say that work is over, and a keystroke waits for that.
    """

    def __init__(self, nice: int) -> None:
        self._nice = nice
        self._work: SimpleQueue[Callable[[], object] | None] = SimpleQueue()
        self._done: SimpleQueue[tuple[Any, BaseException | None]] = SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name="unasked", daemon=True)
        self._thread.start()

    def run(self, work: Callable[[], T]) -> T:
        """Have `work` done; raises what it raises."""
        self._work.put(work)
        result: T
        result, error = self._done.get()
        if error is not None:
            raise error
        return result

    def close(self) -> None:
        self._work.put(None)
        self._thread.join()

    def _serve(self) -> None:
        _lower_priority(self._nice)
        while (work := self._work.get()) is not None:
            try:
                self._done.put((work(), None))
            except BaseException as error:
                self._done.put((None, error))


class Machine:
    """What may be done now on this machine, looked at every few seconds."""

    def __init__(
        self,
        power: Path = _POWER,
        clock: Callable[[], float] = time.monotonic,
        own_cpu_s: Callable[[], float] = time.process_time,
    ) -> None:
        """`own_cpu_s`: the processor time of what does not count as others."""
        self._power = power
        self._clock = clock
        self._cpu_s = own_cpu_s
        self._looked_s = -math.inf
        self._known = Background.FULL
        self._own_load = 0.0
        self._own_cpu_s = own_cpu_s()
        self._own_at_s = clock()

    def level(self) -> Background:
        """The most that may be done."""
        now = self._clock()
        if now - self._looked_s >= _LOOK_EVERY_S:
            self._looked_s = now
            self._known = self._look()
        return self._known

    def _look(self) -> Background:
        if on_battery(self._power):
            return Background.OFF
        return Background.LIGHT if self.others_load() else Background.FULL

    def others_load(self) -> bool:
        """Whether others keep the cores busy: the load average less what is our own doing."""
        now = self._clock()
        cpu_s, span_s = self._cpu_s(), now - self._own_at_s
        if span_s > 0:
            # Faded as the system fades its average.
            fade = math.exp(-span_s / _LOAD_SPAN_S)
            used = max(0.0, cpu_s - self._own_cpu_s) / span_s
            self._own_load += (1 - fade) * (used - self._own_load)
            self._own_cpu_s, self._own_at_s = cpu_s, now
        try:
            load = os.getloadavg()[0]
        except (AttributeError, OSError):
            return False
        return load - self._own_load > _BUSY_SHARE * (os.cpu_count() or 1)


def on_battery(power: Path = _POWER) -> bool:
    """Whether this machine runs on its battery, as far as the system tells (Linux)."""
    online: list[bool] = []
    discharging = False
    try:
        supplies = list(power.iterdir())
    except OSError:
        return False
    for supply in supplies:
        if _read(supply / "scope") == "Device":
            continue  # a mouse's or a headset's
        kind = _read(supply / "type")
        if kind in ("Mains", "USB", "Wireless"):
            online.append(_read(supply / "online") == "1")
        elif kind == "Battery":
            discharging = discharging or _read(supply / "status") == "Discharging"
    return discharging and not any(online)


def saves_power(profile: Path = _PROFILE) -> bool:
    """Whether the user has set this machine to save power, as far as the system tells (Linux)."""
    return _read(profile) in _SAVING_PROFILES


def cpu_seconds(pid: int | None) -> float:
    """Processor time that a process has used so far; 0 where the system does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
        user, system = fields.rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, AttributeError):
        return 0.0


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""


def _lower_priority(nice: int) -> None:
    """Of the calling thread and those that it starts; on Linux each has its own."""
    if sys.platform == "linux" and nice > 0:
        with contextlib.suppress(OSError):
            now = os.getpriority(os.PRIO_PROCESS, 0)
            os.setpriority(os.PRIO_PROCESS, 0, max(now, min(19, nice)))
