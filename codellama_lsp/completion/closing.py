"""Which closers of a generated text are wanted, and which the document has already.

Closers look alike, so it is not asked which bracket is meant: a generated closer is one too many
if the text after the cursor would fit worse with it than without. Must not know plans.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from codellama_lsp.completion.spot import Spot, indent_width
from codellama_lsp.syntax.scan import Closing, FrameKind, Stack, scan

_QUOTES = ('"', "'", "`")

#: More than this are not looked at; such a text is beyond mending.
_MOST = 8


@attrs.frozen
class Closings:
    """Closers in a generated text of what was open at the cursor, in order."""

    wanted: Sequence[Closing]
    surplus: Sequence[Closing]
    """The document has these after the cursor."""
    stray: Sequence[Closing]
    """Nothing was open that they could close."""


def closings_of(text: str, spot: Spot) -> Closings:
    """The closers of `text`, generated at `spot`."""
    scanned = spot.scan(text)
    crossing = _crossing(scanned.closings, spot)
    stray = [it for it in scanned.closings if it.frame is None or it in crossing]
    own = [it for it in scanned.closings if it not in stray]
    count = wanted_count(own, spot, scanned.stack) if own else 0
    if len(scanned.stack) > scanned.floor and not _fits_here(scanned.stack, spot):
        # It goes on behind the closers that follow the cursor, with a bracket of its own open.
        most = next(n for n in range(len(own) + 1) if beside(own[n:], spot) == len(own) - n)
        count = min(count, most)
    while count < len(own) and _is_in_place(own[count], text, spot):
        count += 1
    if all(frame.closer == "\n" for frame in scanned.stack[scanned.floor :]):
        pairs = (number for number, it in enumerate(own) if it.frame in spot.closed_here)
        count = min(count, next(pairs, count))
    return Closings(own[:count], own[count:], stray)


def _crossing(closings: Sequence[Closing], spot: Spot) -> list[Closing]:
    """Closers of brackets around a body above the cursor's line that is not closed before them."""
    line_start = spot.before.rfind("\n")
    still_open, found = list(spot.stack), []
    for closing in closings:
        if closing.frame is None:
            continue
        inside = []
        while still_open and still_open[-1] is not closing.frame:
            inside.append(still_open.pop())
        del still_open[-1:]
        if any(frame.closer == "}" and frame.offset < line_start for frame in inside):
            found.append(closing)
    return found


def _is_in_place(closing: Closing, text: str, spot: Spot) -> bool:
    """Whether a closer stands below its opening line, where the document's next one does not."""
    theirs = next((it for it in spot.scanned_after.closings if it.frame is closing.frame), None)
    if theirs is None or closing.frame is None or closing.frame.kind is not FrameKind.BRACKET:
        return False
    before = spot.line_before if "\n" not in text[: closing.offset] else ""
    ours_at = _own_line_indent(before + text, len(before) + closing.offset)
    theirs_at = _own_line_indent("x" + spot.after, theirs.offset + 1)
    opened_at = spot.before.rfind("\n", 0, closing.frame.offset) + 1
    opening = indent_width(spot.before[opened_at:])
    return ours_at == opening and theirs_at is not None and theirs_at < opening


def _own_line_indent(text: str, offset: int) -> int | None:
    """Indentation of the line at `offset` if nothing but blanks stands before it there."""
    start = text.rfind("\n", 0, offset) + 1
    return indent_width(text[start:]) if not text[start:offset].strip() else None


def beside(surplus: Sequence[Closing], spot: Spot) -> int:
    """How many characters right after the cursor are just these closers, the first of them."""
    texts = [closing.text for closing in surplus]
    # A quote need not be there where the editor has closed the brackets around.
    return max(_run(texts, spot), _run([text for text in texts if text not in _QUOTES], spot))


def _run(texts: Sequence[str], spot: Spot) -> int:
    run = "".join(texts)
    while run and not spot.line_after.startswith(run):
        run = run[:-1]
    return len(run)


def wanted_count(own: Sequence[Closing], spot: Spot, left: Stack) -> int:
    """How many of `own` the document still needs: the first so many.

    `left` is what is open after the whole text, brackets of its own included.
    """
    depths = {frame: depth for depth, frame in enumerate(spot.stack)}
    most = min(len(own), _MOST)
    closed = {closing.frame: closing for closing in spot.scanned_after.closings}
    in_pair = spot.line_before.endswith("{") and spot.line_after.lstrip().startswith("}")
    for count, closing in enumerate(own[:most]):
        assert closing.frame is not None
        depth = depths[closing.frame]
        if in_pair and depth == len(spot.stack) - 1:
            # An editor wrote both braces at once.
            most = count
            break
        # Code within a string: a second brace would not be a fault, but a part of the string.
        if depth and spot.stack[depth - 1].kind is FrameKind.STRING and closing.frame in closed:
            most = count
            break
    if most == len(own) and _fits(left, spot):
        return most
    for count in range(most, 0, -1):
        frame = own[count - 1].frame
        if frame is not None and _fits(spot.stack[: depths[frame]], spot):
            return count
    return 0


def _fits(stack: Stack, spot: Spot) -> bool:
    """Whether what follows the cursor is read no worse with `stack` open than as things are.

    The rest of the cursor's line for itself, too: below, something may be missing already.
    """
    return _fits_here(stack, spot) and spot.scan_after(stack).faults <= spot.scanned_after.faults


def _fits_here(stack: Stack, spot: Spot) -> bool:
    line = spot.line_after + "\n"
    return scan(line, spot.lexis, stack).faults <= scan(line, spot.lexis, spot.stack).faults
