"""Whether suggestions come slowly on this machine, why, and what can be done about it.

Judged by the last requests that the model worked on; it takes more to leave a verdict than to keep
it, so that a status bar does not flicker. Must not know LSP or processes.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable

import attrs

from codellama_lsp.completion.outcome import Outcome
from codellama_lsp.completion.types import Completion
from codellama_lsp.engine.protocol import TokenCounts

_JUDGED = 5
_LEAST_JUDGED = 3

#: A slow one is fast again below this share of the limit.
_FAST_SHARE = 0.7

#: What is told of a slow one stays for so long.
_TOLD_FOR_S = 60.0

_GIVEN_UP = frozenset({Outcome.SUPERSEDED, Outcome.CANCELLED})


@attrs.frozen
class Power:
    """What a machine's speed depends on besides the model."""

    on_battery: bool = False
    saves_power: bool = False
    loaded_by_others: bool = False


@attrs.frozen
class Slow:
    """Why suggestions come slowly, for people."""

    message: str
    remedy: str


@attrs.frozen
class _Seen:
    total_ms: float
    queued_ms: float = 0.0
    prefill_ms: float = 0.0
    decode_ms: float = 0.0
    tokens: TokenCounts = attrs.field(factory=TokenCounts)


class Pace:
    """What is known of how fast the model answers; `power` looks at the machine when asked."""

    def __init__(
        self, power: Callable[[], Power] = Power, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._power = power
        self._clock = clock
        self._seen: deque[_Seen] = deque(maxlen=_JUDGED)
        self._told_s = 0.0
        self.slow: Slow | None = None
        """The verdict; None while all is well."""

    def forget(self) -> None:
        """Another model, or another engine."""
        self._seen.clear()
        self.slow = None

    def ended(self, completion: Completion, limit_ms: float) -> None:
        """A request ended. `limit_ms`: slower ones are slow; 0: none is."""
        ms = completion.ms
        if completion.outcome in _GIVEN_UP:
            # Typing on is no sign of a fast model, but one that lasted is a sign of a slow one.
            if limit_ms and ms.total > limit_ms:
                self._seen.append(_Seen(ms.total))
        elif ms.prefill + ms.decode > 0:
            took_ms = ms.queued + ms.prefill + ms.decode
            seen = _Seen(took_ms, ms.queued, ms.prefill, ms.decode, completion.tokens)
            self._seen.append(seen)
        self._judge(limit_ms)

    def _judge(self, limit_ms: float) -> None:
        if not limit_ms or not self._seen:
            self.slow = None
            return
        median_ms = _median(seen.total_ms for seen in self._seen)
        if self.slow is not None and median_ms < _FAST_SHARE * limit_ms:
            self.slow = None
        elif self.slow is not None:
            if self._clock() - self._told_s >= _TOLD_FOR_S:
                self._tell(median_ms, limit_ms)
        elif median_ms > limit_ms and len(self._seen) >= _LEAST_JUDGED:
            self._tell(median_ms, limit_ms)

    def _tell(self, median_ms: float, limit_ms: float) -> None:
        self._told_s = self._clock()
        reason, remedy = self._reason(median_ms, limit_ms)
        self.slow = Slow(f"suggestions take {median_ms / 1000:.1f} s: {reason}", remedy)

    def _reason(self, median_ms: float, limit_ms: float) -> tuple[str, str]:
        queued_ms = _median(seen.queued_ms for seen in self._seen)
        if queued_ms > median_ms / 2:
            return (
                f"{queued_ms / 1000:.1f} s of it they wait for other windows with the same model",
                "Switch suggestions off in windows that need none (command codellama.toggle), or "
                "set `model` to a smaller one.",
            )
        power = self._power()
        if power.on_battery:
            return (
                "the machine runs on its battery",
                "Plug it in, or set `model` to a smaller one.",
            )
        if power.saves_power:
            return (
                "the machine is set to save power",
                "Choose a faster power profile, or set `model` to a smaller one.",
            )
        if power.loaded_by_others:
            return (
                "other programs keep the machine's cores busy",
                "Wait until they are done, or set `model` to a smaller one.",
            )
        return self._reason_in_model(limit_ms)

    def _reason_in_model(self, limit_ms: float) -> tuple[str, str]:
        prefill_s = sum(seen.prefill_ms for seen in self._seen) / 1000
        decode_s = sum(seen.decode_ms for seen in self._seen) / 1000
        fresh = sum(seen.tokens.fresh for seen in self._seen)
        generated = sum(seen.tokens.generated for seen in self._seen)
        if prefill_s > decode_s and fresh:
            speed = fresh / prefill_s
            affordable = max(128, round(speed * limit_ms / 2000, -1))
            return (
                f"the model reads {speed:.0f} tokens/s of context on this machine",
                f"Set `context_tokens` to {affordable:.0f} for smaller windows, or `model` to a "
                "smaller one.",
            )
        if decode_s and generated:
            speed = generated / decode_s
            affordable = max(4, int(speed * limit_ms / 2000))
            return (
                f"the model writes {speed:.1f} tokens/s on this machine",
                f"Set `model` to a smaller one, or `max_tokens` to {affordable:.0f} for shorter "
                "suggestions.",
            )
        return (
            "the model is slower than you type",
            "Set `model` to a smaller one, or `context_tokens` to less.",
        )


def _median(values: Iterable[float]) -> float:
    """The lower one of two; Python's module for it would take half a megabyte of every server."""
    ordered = sorted(values)
    return ordered[(len(ordered) - 1) // 2]
