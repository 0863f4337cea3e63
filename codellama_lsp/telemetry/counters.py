"""How requests ended, counted in memory: totals, latencies, and the last ones of each document.

Holds no text of the user's. Must not know LSP.
"""

from __future__ import annotations

import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable

import attrs

from codellama_lsp.completion.outcome import Outcome
from codellama_lsp.completion.types import Completion, CompletionRequest, CompletionTimings
from codellama_lsp.engine.protocol import TokenCounts

_KEPT_LATENCIES = 1000
_KEPT_PER_DOCUMENT = 20
_KEPT_DOCUMENTS = 50
_PERCENTILES = (50, 90, 95, 99)


@attrs.frozen
class Ended:
    """One request's end."""

    at_s: float
    """Seconds since the epoch."""
    outcome: Outcome
    detail: str = ""
    total_ms: float = 0.0
    tokens: TokenCounts = attrs.field(factory=TokenCounts)
    ms: CompletionTimings = attrs.field(factory=CompletionTimings)
    model: str = ""


class Counters:
    """Of one server process."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self.outcomes: Counter[Outcome] = Counter()
        self.requests = 0
        self.asked = {"visible": 0, "ahead": 0}
        """How often the model was asked: for a request, or for one that might come."""
        self.accepted = 0
        self._totals_ms: deque[float] = deque(maxlen=_KEPT_LATENCIES)
        self._overheads_ms: deque[float] = deque(maxlen=_KEPT_LATENCIES)
        self._last: OrderedDict[str, deque[Ended]] = OrderedDict()

    def began(self, request: CompletionRequest) -> None:
        """A request came in."""
        self.requests += 1

    def asked_model(self, *, ahead: bool) -> None:
        """The model is asked."""
        self.asked["ahead" if ahead else "visible"] += 1

    def ended(self, request: CompletionRequest, completion: Completion) -> None:
        """It ended."""
        self.outcomes[completion.outcome] += 1
        if completion.outcome.has_items:
            self._totals_ms.append(completion.ms.total)
            self._overheads_ms.append(completion.ms.overhead)
        uri = request.document.uri
        last = self._last.setdefault(uri, deque(maxlen=_KEPT_PER_DOCUMENT))
        last.append(
            Ended(
                self._clock(),
                completion.outcome,
                completion.detail,
                completion.ms.total,
                completion.tokens,
                completion.ms,
                completion.model,
            )
        )
        self._last.move_to_end(uri)
        while len(self._last) > _KEPT_DOCUMENTS:
            self._last.popitem(last=False)

    def last(self, uri: str | None = None) -> list[tuple[str, Ended]]:
        """The last requests of one document or of all, newest first."""
        found = [
            (name, ended)
            for name, endeds in self._last.items()
            if uri in (None, name)
            for ended in endeds
        ]
        return sorted(found, key=lambda pair: pair[1].at_s, reverse=True)

    def summary(self) -> dict[str, object]:
        """All numbers, ready for JSON; latencies in ms, of requests that offered something."""
        return {
            "requests": self.requests,
            "open": self.requests - self.outcomes.total(),
            "outcomes": {outcome.value: self.outcomes[outcome] for outcome in Outcome},
            "asked": dict(self.asked),
            "accepted": self.accepted,
            "total_ms": percentiles(self._totals_ms),
            "overhead_ms": percentiles(self._overheads_ms),
        }


def percentiles(values: deque[float]) -> dict[str, float]:
    """Percentiles by nearest rank; empty when there are no values."""
    ranked = sorted(values)
    if not ranked:
        return {}
    return {
        f"p{p}": round(ranked[min(len(ranked) - 1, len(ranked) * p // 100)], 2)
        for p in _PERCENTILES
    }
