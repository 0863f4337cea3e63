"""Which texts stay in a prompt that has room for so many tokens. For engines and for who shows it.

Pure; knows only their lengths.
"""

from __future__ import annotations

from collections.abc import Sequence


def fitting(counts: Sequence[int], most_tokens: int) -> list[int]:
    """Which of several texts stay, in their order, so that they have at most `most_tokens`.

    As little as possible is left out: the smallest text without which the others fit, the later
    one of equals; where none is large enough, the largest, and so on.
    """
    kept = list(range(len(counts)))
    over = sum(counts) - most_tokens
    while over > 0 and kept:
        enough = [n for n in kept if counts[n] >= over]
        if enough:
            gone = min(enough, key=lambda n: (counts[n], -n))
        else:
            gone = max(kept, key=lambda n: (counts[n], n))
        kept.remove(gone)
        over -= counts[gone]
    return kept
