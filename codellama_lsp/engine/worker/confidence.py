"""Where to cut a text that the model stopped being sure of. Pure string work."""

from __future__ import annotations

_PAIRS = {")": "(", "]": "[", "}": "{"}
#: A text may end behind these and behind letters, digits and underscores.
_ENDS = frozenset(")]}\"'`;:")


def confident_end(text: str, doubtful: str) -> int:
    """Length of the part of `text` that can stand alone when `doubtful` follows and is left out.

    The last whole line, if there is one; else what is a whole phrase of the first line: no word
    broken off, no bracket opened and not closed, no operator at its end.
    """
    first = len(text) - len(text.lstrip())
    newline = text.rfind("\n", first)
    if newline >= 0:
        return newline
    end = len(text)
    if doubtful and _in_word(doubtful[0]):
        while end > first and _in_word(text[end - 1]):
            end -= 1
    while end > first:
        if text[end - 1] in _ENDS or _in_word(text[end - 1]):
            opened = _unclosed(text[:end])
            if opened is None:
                return end
            end = opened
        else:
            end -= 1
    return 0


def _in_word(character: str) -> bool:
    return character.isalnum() or character == "_"


def _unclosed(text: str) -> int | None:
    """Where the first bracket or quote stands that is not closed."""
    opened: list[tuple[str, int]] = []
    quote: tuple[str, int] | None = None
    for index, character in enumerate(text):
        if quote is not None:
            quote = None if character == quote[0] else quote
        elif character in "\"'`":
            quote = (character, index)
        elif character in "([{":
            opened.append((character, index))
        elif character in _PAIRS and opened and opened[-1][0] == _PAIRS[character]:
            opened.pop()
    if opened:
        return opened[0][1]
    return quote[1] if quote else None
