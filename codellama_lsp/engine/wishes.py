"""What a client wishes of an engine that it may share with others.

Unlike load-time settings these don't decide which engine it is: they hold while the client is
there. Must not know sockets.
"""

from __future__ import annotations

import enum
import math
from typing import Any

import attrs


class Background(enum.StrEnum):
    """How much may be done that nobody asked for (prefill ahead, speculation, growing windows)."""

    FULL = "full"
    LIGHT = "light"
    """With half the threads, and resting as long as working."""
    OFF = "off"

    @property
    def rank(self) -> int:
        """0 allows nothing; larger ones allow more."""
        return (Background.OFF, Background.LIGHT, Background.FULL).index(self)


def least(*levels: Background) -> Background:
    """The level that allows the least."""
    return min(levels, key=lambda level: level.rank)


@attrs.frozen
class Wishes:
    """One client's; the engine takes the most patient of several clients' times."""

    linger_s: float = 0.0
    """How long the engine stays after this client, for the next one."""
    idle_free_s: float = 0.0
    """The model is freed after so long without a request; 0: never."""
    background: Background = Background.FULL
    """For this client's own unasked work."""


def to_json(wishes: Wishes) -> dict[str, Any]:
    """What travels."""
    return {
        "linger_s": wishes.linger_s,
        "idle_free_s": wishes.idle_free_s,
        "background": wishes.background.value,
    }


def from_json(raw: object) -> Wishes:
    """What came; whatever cannot be read counts as not wished."""
    if not isinstance(raw, dict):
        return Wishes()
    try:
        background = Background(str(raw.get("background")))
    except ValueError:
        background = Background.FULL
    return Wishes(_seconds(raw.get("linger_s")), _seconds(raw.get("idle_free_s")), background)


def _seconds(raw: object) -> float:
    if isinstance(raw, bool) or not isinstance(raw, int | float) or not math.isfinite(raw):
        return 0.0
    return min(max(float(raw), 0.0), 86_400.0)
