"""Indents a generated text as its document does: tabs or spaces, the width, no odd blanks.

Touches a line only where the document's own habit is plain and the text's differs from it: what
is aligned with something stays as it is. Must not know plans.
"""

from __future__ import annotations

from collections import Counter

import attrs

from codellama_lsp.completion.spot import Spot, indent_width
from codellama_lsp.syntax.scan import scan

_WIDTHS = (2, 4, 8, 3)

#: Of all steps in a document, so many are alike where it has a habit.
_CLEAR_SHARE = 0.7

#: After these a line goes on below, deeper.
_OPERATORS = frozenset("=,+-*/&|?.([")

#: Where a line that ends otherwise goes on below, aligned as its author likes.
_SEMICOLONS = frozenset({"c", "java", "csharp", "php", "rust"})


@attrs.frozen
class Habit:
    """How a document is indented."""

    tabs: bool
    width: int
    """Columns of one step; 0 if the document does not say."""

    @property
    def unit(self) -> str:
        """One step."""
        return "\t" if self.tabs else " " * (self.width or 4)


def habit_of(spot: Spot) -> Habit | None:
    """The document's habit as far as it shows around the cursor; None: no line is indented."""
    lines = [*spot.before.split("\n")[-200:], *spot.after.split("\n")[1:200]]
    tabbed = sum(line.startswith("\t") for line in lines)
    spaced = sum(line.startswith("  ") for line in lines)
    if not tabbed and not spaced:
        return None
    if min(tabbed, spaced) * 5 > max(tabbed, spaced):
        # Half tabs, half spaces, as GNU's editors have it: whatever is there is meant.
        return None
    if tabbed > spaced:
        return Habit(True, 4)
    width = _width_of(lines, spot)
    if not width and indent_width(spot.line_before) in _WIDTHS:
        width = indent_width(spot.line_before)
    return Habit(False, width)


def _width_of(lines: list[str], spot: Spot) -> int:
    """Columns of one step, as most of `lines` have it; 0 if they do not agree."""
    bodies: Counter[int] = Counter()
    others: Counter[int] = Counter()
    previous = ""
    for line in lines:
        if not line.strip() or line.lstrip()[0] in "*#":
            continue
        step = indent_width(line) - indent_width(previous)
        if step > 0:
            (bodies if spot.opens_body(previous) else others)[step] += 1
        previous = line
    steps = bodies or others
    width, count = max(steps.items(), key=lambda it: it[1], default=(0, 0))
    return width if width in _WIDTHS and count >= _CLEAR_SHARE * steps.total() else 0


def own_indentation(text: str, spot: Spot) -> str:
    """`text` as the document would be indented."""
    habit = habit_of(spot)
    text = _first_line(text, spot, habit)
    if habit is None or "\n" not in text:
        return text
    lines = text.split("\n")
    quoted = _quoted_lines(text, spot)
    blanks = [_blanks(line) for line in lines[1:]]
    here = _blanks(spot.line_before + ".")
    alike = all(("\t" in blank) == ("\t" in here) for blank in blanks if blank)
    if here and alike and habit.tabs != ("\t" in here):
        # As at the cursor, whatever the rest of the document does.
        return text
    if any(("\t" in blank) != habit.tabs and blank for blank in blanks):
        lines = _translated(lines, quoted, spot, habit)
    elif not habit.tabs and habit.width:
        lines = _stepped(lines, quoted, spot, habit)
    return "\n".join(lines)


def _blanks(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t"))] if line.strip() else ""


def _first_line(text: str, spot: Spot, habit: Habit | None) -> str:
    """Right blanks for a text that begins a line."""
    if spot.line_before.strip() or not text.strip() or text.lstrip(" \t")[:1] == "\n":
        return text
    lead, body = _blanks(text.split("\n", 1)[0]), text.lstrip(" \t")
    width = indent_width(spot.line_before)
    above = spot.line_above
    expected = indent_width(above) + (habit.width if habit and habit.width else 4)
    if spot.lexis.colon_blocks and spot.opens_body(above) and width <= indent_width(above):
        if lead or width < indent_width(above) or above.rstrip()[-1:] != ":":
            return text
        unit = habit.unit if habit else "    "
        return unit + text if expected else text
    top = spot.stack[-1] if spot.stack else None
    if habit is None or (top is not None and (not top.is_code or top.closer in ")]")):
        return text
    if spot.opens_body(above):
        in_place = width > indent_width(above)
    else:
        below = spot.next_lines[0] if spot.next_lines else above
        in_place = width == indent_width(above) or width == indent_width(below)
        goes_on = above.rstrip()[-1:] in _OPERATORS
        in_place = in_place or (lead == spot.line_before and not goes_on)
    return body if width and lead and in_place else text


def _quoted_lines(text: str, spot: Spot) -> list[bool]:
    """Of each line, whether it begins inside a string or comment, where blanks are text."""
    quoted, stack = [], spot.stack
    for line in text.split("\n"):
        quoted.append(bool(stack) and not stack[-1].is_code)
        stack = scan(line + "\n", spot.lexis, stack).stack
    return quoted


def _translated(lines: list[str], quoted: list[bool], spot: Spot, habit: Habit) -> list[str]:
    """Tabs for spaces or spaces for tabs."""
    widths = [
        len(blank) for line in lines[1:] if "\t" not in (blank := _blanks(line)) and blank != ""
    ]
    width = _unit_of(widths, spot) if habit.tabs else 0
    done = lines[:1]
    for line, is_quoted in zip(lines[1:], quoted[1:], strict=True):
        blank = _blanks(line)
        if not blank or (is_quoted and line.strip()[:1] not in "*"):
            done.append(line)
        elif habit.tabs:
            tabs = blank.count("\t") + blank.count(" ") // width
            done.append("\t" * tabs + " " * (blank.count(" ") % width) + line.lstrip(" \t"))
        else:
            done.append(blank.replace("\t", habit.unit) + line.lstrip(" \t"))
    return done


def _unit_of(widths: list[int], spot: Spot) -> int:
    """Columns that a text in spaces spends on a step, at a cursor that is indented by tabs."""
    depth = _blanks(spot.line_before + ".").count("\t")
    for unit in (4, 2, 8, 3):
        levels = {width // unit for width in widths if width % unit == 0}
        if len(levels) and all(width % unit == 0 for width in widths):
            if depth and max(levels) > depth + 3:
                continue
            if min(levels) < depth and unit > 2:
                continue
            return unit
    return 4


def _stepped(lines: list[str], quoted: list[bool], spot: Spot, habit: Habit) -> list[str]:
    """Steps of the document's width for steps of another, and no odd blanks."""
    base = indent_width(spot.line_before)
    if base % habit.width:
        return lines
    step = _own_step(lines, quoted, base, spot)
    done = lines[:1]
    stack = scan(lines[0] + "\n", spot.lexis, spot.stack).stack
    previous = spot.line_before + lines[0]
    for line, is_quoted in zip(lines[1:], quoted[1:], strict=True):
        blank = _blanks(line)
        aligned = len(stack) > len(spot.stack) and stack[-1].closer in ")]"
        if blank and not is_quoted and not (aligned and line.strip()[0] not in ")]"):
            width = len(blank)
            if step and width > base and (width - base) % step == 0:
                width = base + (width - base) // step * habit.width
            elif not step:
                width = _even(width, habit.width, previous, spot)
            line = " " * width + line.lstrip(" \t")
        stack = scan(line + "\n", spot.lexis, stack).stack
        if line.strip():
            previous = line
        done.append(line)
    return done


def _own_step(lines: list[str], quoted: list[bool], base: int, spot: Spot) -> int:
    """The width of a text's own steps if all of them are one that the document does not use."""
    habit = habit_of(spot)
    assert habit is not None
    steps = set()
    previous = " " * base + (spot.line_before + lines[0]).strip()
    for line, is_quoted in zip(lines[1:], quoted[1:], strict=True):
        if not line.strip() or is_quoted:
            continue
        if previous.rstrip()[-1:] in ("{", ":") and indent_width(line) > indent_width(previous):
            steps.add(indent_width(line) - indent_width(previous))
        previous = line
    if len(steps) != 1 or not steps <= {2, 4, 8}:
        return 0
    step = steps.pop()
    rest = [len(blank) - base for line in lines[1:] if len(blank := _blanks(line)) > base]
    return step if step != habit.width and all(more % step == 0 for more in rest) else 0


def _even(width: int, step: int, previous: str, spot: Spot) -> int:
    """`width`, or the step next to it if it is off by one and no continuation of `previous`."""
    if width % step not in (1, step - 1) or step < 3:
        return width if step != 2 or width % 2 == 0 else width - 1
    if spot.lexis.name in _SEMICOLONS and previous.rstrip()[-1:] not in (";", "{", "}"):
        return width
    if previous.rstrip()[-1:] in "\\,(+-*/=|&.?" or previous.strip()[:1] in ("*", "#"):
        return width
    return width - 1 if width % step == 1 else width + 1
