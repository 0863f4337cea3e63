"""Where a window should start or end: on a line, at a place where little is going on.

Pure functions on text. A blank line before something at low indentation is the best place.
"""

from __future__ import annotations

from collections.abc import Iterator

#: A boundary is looked for in the last quarter of the budget.
_LEAST_SHARE = 0.75

#: Of a line, no more than this is looked at for its indentation.
_GLANCE_CHARS = 200


def window_start(text: str, offset: int, budget_chars: int) -> int:
    """Start of a window of at most `budget_chars` that ends at `offset`."""
    earliest = offset - budget_chars
    if earliest <= 0:
        return 0
    nearest = offset - int(budget_chars * _LEAST_SHARE)
    return _best_line(text, earliest, nearest, earliest, towards=1)


def window_end(text: str, offset: int, budget_chars: int) -> int:
    """End of a window of about `budget_chars` that starts at `offset`.

    A rest that is a quarter too long is taken whole: the text's end is the best boundary there is.
    """
    latest = offset + budget_chars
    if len(text) <= latest + budget_chars // 4:
        return len(text)
    nearest = offset + int(budget_chars * _LEAST_SHARE)
    return _best_line(text, nearest, latest, latest, towards=-1)


def _best_line(text: str, low: int, high: int, default: int, *, towards: int) -> int:
    """The best line start in [`low`, `high`], or `default` where no line starts there.

    Of equals, the one nearest to the cursor, which is `towards` the text's end (1) or its start
    (-1): what a jump has to read is waited for.
    """
    best: tuple[int, bool, int] | None = None
    for start in _line_starts(text, low, high):
        line = text[start : start + _GLANCE_CHARS].split("\n", 1)[0]
        if body := line.strip():
            indent = line.index(body[0])
            rank = (indent, not _follows_blank(text, start), -towards * start)
            best = rank if best is None else min(best, rank)
    if best is not None:
        return -towards * best[2]
    return default + 1 if text[default - 1 : default + 1] == "\r\n" else default


def _line_starts(text: str, low: int, high: int) -> Iterator[int]:
    start = text.find("\n", max(low - 1, 0), high) + 1
    while start:
        yield start
        start = text.find("\n", start, high) + 1


def _follows_blank(text: str, start: int) -> bool:
    previous = text.rfind("\n", max(start - _GLANCE_CHARS, 0), start - 1)
    return previous >= 0 and not text[previous:start].strip()
