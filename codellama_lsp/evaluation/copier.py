"""The peer that every model has to beat: a copier without a model."""

from __future__ import annotations

#: Characters either side of the cursor in which it looks.
REACH = 3000
#: Shorter matches count as none.
MIN_MATCH = 4


def copied_rest_of_line(prefix: str, suffix: str) -> str:
    """What followed the longest text before the cursor where it was found again.

    Looks `REACH` characters before and after; answers to the end of that line, "" for no match.
    Between equally long matches the one nearest before the cursor wins, then the first behind it.
    """
    before, after = prefix[-REACH:], suffix[:REACH]
    low, high = MIN_MATCH, len(before) - 1
    if high < low or _find(before, after, low) is None:
        return ""
    while low < high:
        middle = (low + high + 1) // 2
        if _find(before, after, middle) is not None:
            low = middle
        else:
            high = middle - 1
    found = _find(before, after, low)
    assert found is not None
    return found.split("\n", 1)[0].rstrip()


def _find(before: str, after: str, length: int) -> str | None:
    match = before[-length:]
    at = before.rfind(match, 0, len(before) - 1)
    if at >= 0:
        return before[at + length :]
    at = after.find(match)
    return after[at + length :] if at >= 0 else None
