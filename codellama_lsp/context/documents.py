"""A document's text under edits, with the protocol's own idea of a line.

A line ends at ``\\n``, ``\\r\\n`` or ``\\r`` and nowhere else: `str.splitlines` also splits at form
feeds, U+0085, U+2028 and others, after which every position below is wrong.
Offsets are code points. Must not know: LSP types, position encodings.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from itertools import accumulate
from typing import Protocol

_BREAK = re.compile(r"\r(?!\n)|\n")


class LineIndex:
    """Where lines start, cheap to keep under edits near one spot.

    Starts from `_clean` on are short by `_shift`: an edit adds to `_shift` instead of walking all
    lines below it, and only moving the editing spot costs a walk, over the lines moved across.
    """

    def __init__(self, text: str) -> None:
        self._starts = _all_starts(text)
        self._clean = len(self._starts)
        self._shift = 0

    def __len__(self) -> int:
        return len(self._starts)

    def start(self, line: int) -> int:
        """Offset of the first character of `line`."""
        start = self._starts[line]
        return start if line < self._clean else start + self._shift

    def line_of(self, offset: int) -> int:
        """The line that `offset` is in; an offset right after a break belongs to the next line."""
        return self._first_after(offset, bisect_right) - 1

    def replace(self, start: int, end: int, new_starts: list[int], shift: int) -> None:
        """Lines starting in [`start`, `end`] give way to `new_starts`; later ones move by `shift`.

        A line start depends on the character before it and the one at it, so exactly these can
        change when the characters of [start, end) do.
        """
        low = max(self._first_after(max(start, 1), bisect_left), 1)
        high = max(self._first_after(end, bisect_right), low)
        self._settle(high)
        self._starts[low:high] = new_starts
        self._clean = low + len(new_starts)
        self._shift += shift
        if self._clean == len(self._starts):
            self._shift = 0

    def _first_after(self, offset: int, bisect: _Bisect) -> int:
        clean = self._clean
        if clean < len(self._starts) and offset >= self._starts[clean] + self._shift:
            return bisect(self._starts, offset - self._shift, clean)
        return bisect(self._starts, offset, 0, clean)

    def _settle(self, line: int) -> None:
        low, high = sorted((line, self._clean))
        shift = self._shift if line > self._clean else -self._shift
        if shift and low < high:
            self._starts[low:high] = [start + shift for start in self._starts[low:high]]
        self._clean = line


class TextBuffer:
    """The text of one open document. Edits cost one copy of the text and no scan of it."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._lines = LineIndex(text)

    @property
    def text(self) -> str:
        """The whole text, line endings as they came."""
        return self._text

    @property
    def line_count(self) -> int:
        """At least 1; a text that ends with a line break has an empty last line."""
        return len(self._lines)

    def line_start(self, line: int) -> int:
        """Offset of the first character of `line`, counted from 0."""
        return self._lines.start(line)

    def line_end(self, line: int) -> int:
        """Offset right after the last character of `line`, its break left out."""
        if line + 1 >= len(self._lines):
            return len(self._text)
        end = self._lines.start(line + 1) - 1
        return end - 1 if self._text[end] == "\n" and self._text[end - 1 : end] == "\r" else end

    def line_of(self, offset: int) -> int:
        """The line that `offset` is in."""
        return self._lines.line_of(offset)

    def edit(self, start: int, end: int, new: str) -> None:
        """Put `new` in place of [`start`, `end`), both within the text and in order."""
        text = "".join((self._text[:start], new, self._text[end:]))
        fresh_end = start + len(new)
        first = max(start, 1) - 1
        fresh = [
            match.end()
            for match in _BREAK.finditer(text, first, fresh_end + 1)
            if match.end() <= fresh_end
        ]
        self._text = text
        self._lines.replace(start, end, fresh, len(new) - (end - start))

    def lines(self) -> list[str]:
        """All lines with their breaks, as `splitlines(keepends=True)` would if it knew LSP."""
        starts = [self.line_start(line) for line in range(len(self._lines))]
        return [
            self._text[a:b] for a, b in zip(starts, [*starts[1:], len(self._text)], strict=True)
        ]


def _all_starts(text: str) -> list[int]:
    if "\r" not in text:
        # Three times as fast as the pattern, and this is what opening a large file waits for.
        pieces = text.split("\n")
        pieces.pop()
        return list(accumulate((len(piece) + 1 for piece in pieces), initial=0))
    return [0, *(match.end() for match in _BREAK.finditer(text))]


class _Bisect(Protocol):
    """The shape of `bisect_left` and `bisect_right` on lists of offsets, for the type checker."""

    def __call__(self, a: list[int], x: int, lo: int = 0, hi: int | None = None, /) -> int: ...
