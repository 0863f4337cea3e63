"""Indents a generated text as its document does: its first line, and the width of its steps.

Touches a line only where the document's own habit is plain and the text's differs from it: what
is aligned with something stays as it is. Must not know plans.
"""

from __future__ import annotations

import functools
import re
from collections import Counter

import attrs

from codellama_lsp.completion.spot import Spot, indent_width
from codellama_lsp.syntax.scan import scan

_WIDTHS = (2, 4, 8, 3)

#: Of all steps in a document, so many are alike where it has a habit.
_CLEAR_SHARE = 0.7

#: After these a line goes on below, deeper.
_OPERATORS = frozenset("=,+-*/&|?.([")

#: The head of a statement whose body needs no brace.
BARE_HEAD = re.compile(r"\s*(?:\}\s*)?(?:else|(?:else )?if|for|foreach|while)\b[^;{]*$")


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


@functools.lru_cache(maxsize=8)
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
    here = spot.line_before[:1] if spot.line_before[:1].isspace() else ""
    if here and (here == "\t") != (tabbed > spaced):
        # As at the cursor, whatever the rest of the document does.
        return Habit(True, 4) if here == "\t" else None
    if tabbed > spaced:
        return Habit(True, 4)
    width = _width_of(lines, spot)
    if not width:
        step = indent_width(spot.line_before) - indent_width(spot.opener)
        width = step if step in _WIDTHS and not spot.line_before.strip() else 0
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
            opens = spot.opens_body(previous) and previous.rstrip()[-1] not in "(["
            (bodies if opens else others)[step] += 1
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
    if not habit.tabs and habit.width:
        lines = _stepped(lines, quoted, spot, habit)
    return "\n".join(lines)


def blanks_of(line: str) -> str:
    """What `line` is indented with; nothing of a blank line."""
    return line[: len(line) - len(line.lstrip(" \t"))] if line.strip() else ""


def _first_line(text: str, spot: Spot, habit: Habit | None) -> str:
    """Right blanks for a text that begins a line."""
    if spot.line_before.strip() or not text.strip() or text.lstrip(" \t")[:1] == "\n":
        return text
    lead, body = blanks_of(text.split("\n", 1)[0]), text.lstrip(" \t")
    width = indent_width(spot.line_before)
    above = spot.line_above
    opener = spot.opener if spot.opens_body(above) else above
    base = min(indent_width(above), indent_width(opener))
    expected = base + (habit.width if habit and habit.width else 4)
    if spot.lexis.colon_blocks and spot.opens_body(above) and width <= indent_width(above):
        if lead or width < indent_width(above) or above.rstrip()[-1:] != ":":
            return text
        unit = habit.unit if habit else "    "
        return unit + text if expected else text
    top = spot.stack[-1] if spot.stack else None
    listed = top is not None and top.closer in ")]" and spot.lexis.name != "bash"
    if not (width and lead) or listed or (top is not None and not top.is_code):
        return text
    opened = spot.opens_body(above)
    if lead == spot.line_before:
        # The cursor's own blanks once more.
        goes_on = not opened and _goes_on_below(above, spot)
        return text if goes_on or (opened and width + width == expected) else body
    if habit is None:
        return text
    if opened:
        in_place = width > indent_width(above)
    else:
        below = spot.next_lines[0] if spot.next_lines else above
        in_place = width == indent_width(above) or width == indent_width(below)
    return body if in_place else text


def _goes_on_below(line: str, spot: Spot) -> bool:
    """Whether what is below `line` is a part of it, and so may stand deeper."""
    comment = spot.lexis.line_comment
    line = line.strip()
    if (comment and line.startswith(comment)) or line.endswith("*/"):
        return False
    in_braces = bool(spot.stack) and spot.stack[-1].closer == "}"
    return line[-1:] in _OPERATORS and not (in_braces and line.endswith(","))


def _quoted_lines(text: str, spot: Spot) -> list[bool]:
    """Of each line, whether it begins inside a string or comment, where blanks are text."""
    quoted, stack = [], spot.stack
    for line in text.split("\n"):
        quoted.append(bool(stack) and not stack[-1].is_code)
        stack = scan(line + "\n", spot.lexis, stack).stack
    return quoted


def _stepped(lines: list[str], quoted: list[bool], spot: Spot, habit: Habit) -> list[str]:
    """Steps of the document's width for steps of another, and no odd blanks."""
    base = indent_width(spot.line_before)
    if base % habit.width:
        return lines
    step = _own_step(lines, quoted, base, spot)
    done = lines[:1]
    stack = scan(lines[0] + "\n", spot.lexis, spot.stack).stack
    for line, is_quoted in zip(lines[1:], quoted[1:], strict=True):
        blank = blanks_of(line)
        aligned = len(stack) > len(spot.stack) and stack[-1].closer in ")]"
        if blank and not is_quoted and not (aligned and line.strip()[0] not in ")]"):
            width = len(blank)
            if step and width > base and (width - base) % step == 0:
                width = base + (width - base) // step * habit.width
            line = " " * width + line.lstrip(" \t")
        stack = scan(line + "\n", spot.lexis, stack).stack
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
        opens = previous.rstrip()[-1:] in ("{", ":") or BARE_HEAD.match(previous) is not None
        opens = opens or (spot.lexis.name == "bash" and spot.opens_body(previous))
        if opens and indent_width(line) > indent_width(previous):
            steps.add(indent_width(line) - indent_width(previous))
        previous = line
    if len(steps) != 1 or not steps <= {2, 4, 8}:
        return 0
    step = steps.pop()
    rest = [len(blank) - base for line in lines[1:] if len(blank := blanks_of(line)) > base]
    return step if step != habit.width and all(more % step == 0 for more in rest) else 0
