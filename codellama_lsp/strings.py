"""What several parts need of strings and the standard library does not have. Imports nothing."""

from __future__ import annotations


def common_prefix_chars(a: str, b: str) -> int:
    """Length of the common start, by comparing halves: native comparisons, few of them."""
    low, high = 0, min(len(a), len(b))
    if a.startswith(b[:high]):
        return high
    while low < high - 1:
        middle = (low + high) // 2
        if a.startswith(b[low:middle], low):
            low = middle
        else:
            high = middle
    return low


def common_suffix_chars(a: str, b: str) -> int:
    """Length of the common end, likewise."""
    low, high = 0, min(len(a), len(b))
    if high and a.endswith(b[-high:]):
        return high
    while low < high - 1:
        middle = (low + high) // 2
        if a.endswith(b[len(b) - middle : len(b) - low], 0, len(a) - low):
            low = middle
        else:
            high = middle
    return low
