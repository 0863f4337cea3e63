"""What one keystroke cost, and what many did: the numbers of a table or of JSON."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import fmean, median

import attrs

from codellama_lsp.evaluation.keystrokes.editor import TYPED, EventClass


@attrs.frozen
class Sample:
    """One event and its answer."""

    kind: EventClass
    fresh_tokens: int
    """Given to ``llama_decode`` before the first visible character."""
    ahead_tokens: int
    """Evaluated afterwards although nobody had asked."""
    first_token_ms: float
    """From the keystroke to the first visible character; to the answer's end if it is empty."""
    overhead_ms: float
    """Of `total_ms`, what was not spent inside llama.cpp."""
    first_overhead_ms: float
    """Of `first_token_ms`, what was not spent inside llama.cpp."""
    total_ms: float
    prompt_tokens: int
    generated_tokens: int
    """Those that the user sees; what healing spelled again is left out."""
    all_tokens: int
    """Every token that was evaluated because of this event, asked for or not."""
    drafted_tokens: int = 0
    """Of `all_tokens`, those that were evaluated as drafts."""
    accepted_tokens: int = 0
    """Of these, the ones that came true."""


#: Names of the measured values in tables and JSON.
VALUES = (
    "fresh_tokens",
    "ahead_tokens",
    "first_token_ms",
    "first_overhead_ms",
    "overhead_ms",
    "total_ms",
    "prompt_tokens",
)


@attrs.frozen
class Summary:
    """Of several numbers."""

    median: float
    mean: float
    p95: float
    max: float

    @classmethod
    def of(cls, numbers: Sequence[float]) -> Summary:
        """`p95` is the smallest number that at least 95% do not exceed. Raises on none at all."""
        ordered = sorted(numbers)
        p95 = ordered[math.ceil(0.95 * len(ordered)) - 1]
        return cls(median(ordered), fmean(ordered), p95, ordered[-1])


@attrs.frozen
class Row:
    """Summaries of one class of events."""

    n: int
    values: Mapping[str, Summary]

    @classmethod
    def of(cls, samples: Sequence[Sample]) -> Row:
        """Raises on none at all."""
        return cls(
            len(samples),
            {name: Summary.of([getattr(s, name) for s in samples]) for name in VALUES},
        )

    def as_json(self) -> dict[str, object]:
        """Numbers rounded to microseconds."""
        return {"n": self.n} | {
            name: {key: round(value, 3) for key, value in attrs.asdict(summary).items()}
            for name, summary in self.values.items()
        }


def by_class(samples: Iterable[Sample]) -> dict[str, Row]:
    """A row for every class that occurred, in the classes' own order."""
    groups: dict[EventClass, list[Sample]] = {}
    for sample in samples:
        groups.setdefault(sample.kind, []).append(sample)
    return {kind.value: Row.of(groups[kind]) for kind in EventClass if kind in groups}


def together(samples: Sequence[Sample]) -> dict[str, Row]:
    """Rows over several classes: every typed character, and everything."""
    typed = [sample for sample in samples if sample.kind in TYPED]
    rows = {"typed": typed, "all": list(samples)}
    return {name: Row.of(group) for name, group in rows.items() if group}


def drafts(samples: Sequence[Sample]) -> dict[str, float]:
    """What was drafted over all events, and how many of it in vain for each generated token."""
    drafted = sum(sample.drafted_tokens for sample in samples)
    accepted = sum(sample.accepted_tokens for sample in samples)
    generated = sum(sample.generated_tokens for sample in samples)
    return {
        "drafted": drafted,
        "accepted": accepted,
        "wasted": drafted - accepted,
        "wasted_per_generated": round((drafted - accepted) / max(generated, 1), 3),
    }


def ratios(ours: Sequence[Sample], peers: Sequence[Sample]) -> dict[str, float]:
    """Ours divided by the peer's, over the events that both answered.

    Of typed characters: mean fresh tokens and median times. `jump_first_token_ms` is that of jumps,
    `all_tokens` the sum of everything evaluated over the whole trace.
    """
    n = min(len(ours), len(peers))
    pairs = list(zip(ours[:n], peers[:n], strict=True))
    typed = [pair for pair in pairs if pair[0].kind in TYPED]
    jumps = [pair for pair in pairs if pair[0].kind is EventClass.JUMP]
    found = {
        "fresh_tokens": _ratio(typed, "fresh_tokens", fmean),
        "first_token_ms": _ratio(typed, "first_token_ms", median),
        "total_ms": _ratio(typed, "total_ms", median),
        "jump_first_token_ms": _ratio(jumps, "first_token_ms", median),
        "all_tokens": _ratio(pairs, "all_tokens", fmean),
    }
    return {name: ratio for name, ratio in found.items() if ratio is not None}


def _ratio(
    pairs: Sequence[tuple[Sample, Sample]], name: str, middle: Callable[[list[float]], float]
) -> float | None:
    if not pairs:
        return None
    mine = middle([getattr(pair[0], name) for pair in pairs])
    theirs = middle([getattr(pair[1], name) for pair in pairs])
    return round(mine / theirs, 4) if theirs else None
