"""Counting brackets in pieces of code, strings skipped as far as one can without a grammar."""

from __future__ import annotations

import re

_CLOSER_OF = {"(": ")", "[": "]", "{": "}"}
_PIECE = re.compile(
    r'"(?:\\.|[^"\\\n])*"' r"|'(?:\\.|[^'\\\n])*'" r"|`(?:\\.|[^`\\])*`" r"|[()\[\]{}]"
)
_ENDS = {quote: re.compile(rf"(?:\\.|[^\\{quote}\n])*{quote}") for quote in "\"'`"}


def wanted_closers(text: str) -> str:
    """Closers of the brackets that `text` leaves open, innermost first."""
    wanted: list[str] = []
    for match in _PIECE.finditer(text):
        piece = match.group()
        if piece in _CLOSER_OF:
            wanted.append(_CLOSER_OF[piece])
        elif len(piece) == 1 and wanted and wanted[-1] == piece:
            wanted.pop()
    return "".join(reversed(wanted))


def surplus_closers(text: str, start: int = 0) -> list[tuple[int, str]]:
    """Closers in `text` (from `start` on) of brackets that it did not open, with their offsets."""
    surplus: list[tuple[int, str]] = []
    wanted: list[str] = []
    for match in _PIECE.finditer(text, start):
        piece = match.group()
        if piece in _CLOSER_OF:
            wanted.append(_CLOSER_OF[piece])
        elif len(piece) == 1:
            if wanted and wanted[-1] == piece:
                wanted.pop()
            elif not wanted:
                surplus.append((match.start(), piece))
    return surplus


def open_quote(line: str) -> str:
    """The quote that a string still open at the end of `line` began with; empty if none is."""
    position = 0
    while match := re.compile("[\"'`]").search(line, position):
        quote = match.group()
        end = _ENDS[quote].match(line, match.end())
        if end is None:
            # An apostrophe inside a word opens nothing.
            before = line[match.start() - 1 : match.start()]
            if quote == "'" and before.isalpha() and before not in "bfruBFRU":
                position = match.end()
                continue
            return quote
        position = end.end()
    return ""


def string_end(text: str, quote: str) -> int | None:
    """Offset of the `quote` that ends a string which `text` begins inside of."""
    match = _ENDS[quote].match(text)
    return match.end() - 1 if match else None
