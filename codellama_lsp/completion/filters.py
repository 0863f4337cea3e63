"""What happens to a finished generation before it is offered.

Each filter mends one kind of fault and leaves everything else alone: most generations are good,
and harming them is the commoner mistake. A filter that leaves nothing is why nothing is offered.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import attrs

from codellama_lsp.completion.brackets import (
    open_quote,
    string_end,
    surplus_closers,
    wanted_closers,
)
from codellama_lsp.completion.spot import Spot, is_telling

_CLOSING = ")]}\"'`"
_CLOSERS = re.compile(r"[)\]}\"'`]*")

#: A part of the rest of the line that long is no coincidence.
_LONG_OVERLAP_CHARS = 8


@attrs.frozen
class Draft:
    """A suggestion in the making."""

    text: str
    replaced_chars: int = 0
    """How much of the cursor's line after the cursor it takes the place of."""


Filter = Callable[[Draft, Spot], Draft]


def trailing_blanks(draft: Draft, spot: Spot) -> Draft:
    """Drop blank lines at the end, and blanks before the end of the line."""
    text = draft.text
    stripped = text.rstrip()
    tail = text[len(stripped) :]
    if "\n" in tail or not spot.line_after.strip():
        return attrs.evolve(draft, text=stripped)
    return draft


def following_lines(draft: Draft, spot: Spot) -> Draft:
    """Drop lines at the end that the document has after the cursor."""
    lines = draft.text.split("\n")
    lead = "" if spot.line_before.strip() else spot.line_before
    whole = [lead + lines[0], *lines[1:]]
    following = [line.rstrip() for line in spot.next_lines]
    first = 0 if not spot.line_before.strip() and not spot.line_after.strip() else 1
    for start in range(first, len(lines)):
        tail = [line.rstrip() for line in whole[start:] if line.strip()]
        if not tail or tail != following[: len(tail)] or not whole[start].strip():
            continue
        if any(map(is_telling, tail)) or surplus_closers("\n".join(lines[start:])):
            return attrs.evolve(draft, text="\n".join(lines[:start]))
    return draft


def rest_of_line(draft: Draft, spot: Spot) -> Draft:
    """Drop an end that repeats the rest of the cursor's line; brackets are not its business."""
    rest = spot.line_after.rstrip()
    text = draft.text.rstrip()
    if not rest or "\n" in text or rest[0] in _CLOSING:
        return draft
    if text.endswith(rest) and (is_telling(rest) or _is_own_end(rest, text)):
        return attrs.evolve(draft, text=text[: len(text) - len(rest)])
    for length in range(min(len(rest), len(text)), _LONG_OVERLAP_CHARS - 1, -1):
        if text.endswith(rest[:length]) and is_telling(rest[:length]):
            return attrs.evolve(draft, text=text[:-length])
    return draft


def _is_own_end(rest: str, text: str) -> bool:
    """Whether a short `rest` at the end of `text` is more than a coincidence of letters."""
    return not rest[0].isalnum() and len(surplus_closers(text)) >= len(surplus_closers(rest))


def closers(draft: Draft, spot: Spot) -> Draft:
    """Close brackets and quotes once: those right after the cursor and those generated.

    Where the text ends with the surplus ones they are dropped; where it goes on after them, it
    takes the place of those in the document.
    """
    run = _CLOSERS.match(spot.after).group()  # type: ignore[union-attr]  # it matches everything
    generated = _generated_closers(draft.text, spot)
    if not run or not generated:
        return draft
    needed = _closers_needed(spot, len(run))
    count = min(len(run), len(generated) - needed)
    while count > 0 and "".join(char for _, char in generated[-count:]) != run[:count]:
        count -= 1
    if count <= 0:
        return draft
    start = generated[-count][0]
    own_line = not draft.text[:start].rpartition("\n")[2].strip() and "\n" in draft.text[:start]
    tail = draft.text[start:].rstrip()
    if tail in (run[:count], spot.line_after.rstrip()) and not own_line:
        return attrs.evolve(draft, text=draft.text[:start])
    return attrs.evolve(draft, replaced_chars=count)


def _closers_needed(spot: Spot, there: int) -> int:
    """How many closers are still missing with the `there` ones right after the cursor."""
    wanted = len(wanted_closers(spot.line_before)) + bool(open_quote(spot.line_before))
    needed = max(wanted - there, 0)
    if spot.to_end:
        # A call over several lines: count what the document's rest closes.
        needed = max(needed, len(wanted_closers(spot.before)) - len(surplus_closers(spot.after)))
    return needed


def _generated_closers(text: str, spot: Spot) -> list[tuple[int, str]]:
    """Closers in `text` of what was opened before it, quotes included."""
    quote = open_quote(spot.line_before)
    if not quote or not spot.line_after.startswith(quote):
        return surplus_closers(text)
    end = string_end(text, quote)
    return [] if end is None else [(end, quote), *surplus_closers(text, end + 1)]


def repeats_document(draft: Draft, spot: Spot) -> Draft:
    """Drop a text that the document has right there already."""
    if spot.line_before.strip() and not spot.line_after.strip():
        return draft  # The rest of a line may well be what the next line says.
    text = draft.text.strip()
    there = spot.after.strip()
    if is_telling(text) and there.startswith(text) and not draft.replaced_chars:
        rest = there[len(text) : len(text) + 1]
        if not rest or rest == "\n" or "\n" in draft.text:
            return attrs.evolve(draft, text="")
    return draft


#: In this order; the name is what `Completion.detail` says.
FILTERS: tuple[tuple[str, Filter], ...] = (
    ("following_lines", following_lines),
    ("rest_of_line", rest_of_line),
    ("closers", closers),
    ("repeats_document", repeats_document),
    ("trailing_blanks", trailing_blanks),
)


def run_filters(text: str, spot: Spot) -> tuple[Draft, str]:
    """The draft after all filters; if one of them left nothing visible, its name."""
    draft = Draft(text)
    for name, apply in FILTERS:
        draft = apply(draft, spot)
        if not draft.text.strip():
            return draft, name
    return draft, ""
