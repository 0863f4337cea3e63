"""Scores and their uncertainty."""

from __future__ import annotations

import random
from collections.abc import Sequence

_RESAMPLES = 1000


def share_before_first_error(answer: str, truth: str) -> float:
    """Share of `truth` (0 to 1) that `answer` gets right before its first error, in characters."""
    if not truth:
        raise ValueError("there is no truth to compare with")
    right = 0
    for a, b in zip(answer, truth, strict=False):
        if a != b:
            break
        right += 1
    return right / len(truth)


def mean(values: Sequence[float]) -> float:
    """Arithmetic mean; 0 for none."""
    return sum(values) / len(values) if values else 0.0


def bootstrap_interval(
    values: Sequence[float], *, seed: int = 0, level: float = 0.95
) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean (1,000 resamples)."""
    if not values:
        return (0.0, 0.0)
    rng = random.Random(seed)
    n = len(values)
    means = sorted(mean(rng.choices(values, k=n)) for _ in range(_RESAMPLES))
    tail = (1 - level) / 2
    return (means[int(tail * _RESAMPLES)], means[int((1 - tail) * _RESAMPLES) - 1])
