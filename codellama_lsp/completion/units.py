"""Indents the lines of a text that streams in by the document's unit, whatever the model's was.

Line by line, so that the rules that end a block see columns that mean something: where a line
stands is told by the line before it, and by the depth that is expected there. Must not know plans.
"""

from __future__ import annotations

import functools
import re

import attrs

from codellama_lsp.completion.indentation import Habit, blanks_of, habit_of
from codellama_lsp.completion.spot import Spot, indent_width
from codellama_lsp.syntax.scan import Stack, scan

_UNITS = (4, 2, 8, 3)

#: Where a line that ends otherwise goes on below, aligned as its author likes.
_SEMICOLONS = frozenset({"c", "java", "csharp", "php", "rust"})

#: Stands where its author likes.
_LABEL = re.compile(r"[a-z_]\w*:\s*$")

#: Begins a body, and often stands no deeper than its head.
_CASE = re.compile(r"(?:case\b|default\b|#)")


def in_units(text: str, spot: Spot, ended: bool) -> str:
    """`text` in tabs or blanks, and steps of a width, as the document has them."""
    habit = habit_of(spot)
    if habit is None or "\n" not in text:
        return text
    return translator_of(spot, habit).translated(text)


@attrs.frozen
class _State:
    """What the lines so far say of the next one."""

    stack: Stack
    previous: str | None = None
    """The line above; None at the text's beginning."""
    unit: int = 0
    """Columns of one step of the text; 0 while that is not known."""


class _Translator:
    """Remembers the finished lines of the text that it saw last, which mostly has grown since."""

    def __init__(self, spot: Spot, habit: Habit) -> None:
        self._spot = spot
        self._habit = habit
        self._lines: list[str] = []
        self._done: list[str] = []
        self._states = [_State(spot.stack)]

    def translated(self, text: str) -> str:
        """`text` as it should be."""
        *lines, last = text.split("\n")
        same = 0
        for known, line in zip(self._lines, lines, strict=False):
            if known != line:
                break
            same += 1
        del self._lines[same:], self._done[same:], self._states[same + 1 :]
        for line in lines[same:]:
            state = self._states[-1]
            done, unit = self._line(line, state)
            self._lines.append(line)
            self._done.append(done)
            self._states.append(self._after(done, attrs.evolve(state, unit=unit)))
        return "\n".join([*self._done, self._line(last, self._states[-1])[0]])

    def _line(self, line: str, state: _State) -> tuple[str, int]:
        """The next line as it should be, and what is known then of the text's unit."""
        top = state.stack[-1] if state.stack else None
        quoted = top is not None and not top.is_code
        first = state.previous is None
        if first or not line.strip() or (quoted and line.lstrip()[0] != "*"):
            return line, state.unit
        aligned = top is not None and (quoted or top.closer in ")]")
        aligned = aligned and line.lstrip()[0] not in ")]"
        return _Step(self._spot, self._habit, state).indented(line, aligned=aligned)

    def _after(self, line: str, state: _State) -> _State:
        stack = scan(line + "\n", self._spot.lexis, state.stack).stack
        previous = state.previous
        if previous is None:
            previous = self._spot.line_before + line
            if not previous.strip():
                previous = self._spot.line_above
            if not line.strip() and self._spot.opens_body(previous):
                # Of a header over several lines, the first one says where it stands.
                previous = blanks_of(self._spot.opener) + previous.strip()
        elif line.strip():
            previous = line
        return _State(stack, previous, state.unit)


@functools.lru_cache(maxsize=8)
def translator_of(spot: Spot, habit: Habit) -> _Translator:
    """The one for the texts of a cursor, one piece longer each time."""
    return _Translator(spot, habit)


class _Step:
    """One line and how far it is to be indented."""

    def __init__(self, spot: Spot, habit: Habit, state: _State) -> None:
        self._spot = spot
        self._habit = habit
        self._unit = state.unit
        self._previous = state.previous or ""

    def indented(self, line: str, *, aligned: bool) -> tuple[str, int]:
        """`line` as it should be, and the text's unit as far as it is known."""
        return self._indented(line, aligned=aligned), self._unit

    def _indented(self, line: str, *, aligned: bool) -> str:
        blank, body = blanks_of(line), line.lstrip(" \t")
        habit = self._habit
        if not blank:
            return line
        if habit.tabs:
            if "\t" in blank and " " not in blank:
                return line
            spaces = blank.count(" ")
            if "\t" in blank:
                return line if aligned or spaces < _UNITS[0] else "\t" * self._tabs(blank) + body
            unit = self._unit = self._unit or self._unit_of(spaces, body)
            return "\t" * (spaces // unit) + " " * (spaces % unit) + body
        if "\t" in blank:
            return blank.replace("\t", habit.unit) + body
        return " " * self._columns(len(blank), body, aligned=aligned) + body

    def _tabs(self, blank: str) -> int:
        return indent_width(blank) // indent_width("\t")

    def _expected(self, body: str) -> int:
        """Columns, in the document's units, that a line with `body` should have."""
        previous = self._previous
        step = indent_width(self._habit.unit)
        deeper = step if self._spot.opens_body(previous) else 0
        shallower = step if body[0] in ")]}" else 0
        return max(indent_width(previous) + deeper - shallower, 0)

    def _unit_of(self, width: int, body: str) -> int:
        """Columns that the text spends on a step, told from a line that is `width` deep."""
        depth = self._expected(body) // indent_width(self._habit.unit)
        exact = [unit for unit in _UNITS if width == unit * depth]
        likely = [unit for unit in _UNITS if width % unit == 0 and width // unit <= depth + 1]
        return next(iter((*exact, *likely)), _UNITS[0])

    def _columns(self, width: int, body: str, *, aligned: bool) -> int:
        step = self._habit.width
        if not step or aligned or _LABEL.match(body):
            return width
        expected = self._expected(body)
        if not self._unit:
            self._unit = self._other_width(width, expected, body) or step
        if self._unit != step and width % self._unit == 0:
            return width // self._unit * step
        return self._even(width)

    def _other_width(self, width: int, expected: int, body: str) -> int:
        """The text's own step, if a body's first line says that it is not the document's."""
        step, previous = self._habit.width, self._previous
        if not self._spot.opens_body(previous) or width == expected or expected % step:
            return 0
        if _CASE.match(body):
            return 0
        depth = expected // step
        unit = width // depth if depth and width % depth == 0 else 0
        deeper = width - indent_width(previous)
        # A little deeper than the line that opens it, it may well be right in some other way.
        return unit if unit in (2, 4, 8) and (deeper <= 0 or deeper > 2 * step) else 0

    def _even(self, width: int) -> int:
        """`width`, or the step next to it if it is off by one and continues nothing."""
        step, previous = self._habit.width, self._previous.strip()
        if indent_width(self._spot.line_before) % step:
            return width
        if step < 3:
            return width if step != 2 or width % 2 == 0 else width - 1
        if width % step not in (1, step - 1) or re.match(r"\*(?:\s|/|$)", previous):
            return width
        if self._spot.lexis.name in _SEMICOLONS and previous[-1:] not in (";", "{", "}"):
            return width
        if previous[-1:] in ("\\", *",(+-*/=|&.?"):
            return width
        return width - 1 if width % step == 1 else width + 1
