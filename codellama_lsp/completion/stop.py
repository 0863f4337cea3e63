"""Rules that end a generation while it runs: each looks at the text so far and says where to cut.

A rule decides on finished evidence only: once it has cut, more text would not change its mind.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from codellama_lsp.completion.brackets import surplus_closers
from codellama_lsp.completion.plan import Plan, opens_body
from codellama_lsp.completion.spot import Spot, indent_width, is_telling


class StopRule(Protocol):
    """One reason to stop."""

    name: str

    def cut(self, text: str) -> int | None:
        """How much of `text` to keep if the generation shall end now."""
        ...


class EndOfLine:
    """A line or span ends at the first line break after something visible."""

    name = "end_of_line"

    def cut(self, text: str) -> int | None:
        """Keep up to that line break."""
        start = len(text) - len(text.lstrip())
        end = text.find("\n", start)
        return end if end >= 0 else None


class EndOfBlock:
    """A block ends before a line that is less indented than it.

    If the block was opened at the cursor, a line that closes it belongs to it, unless the
    document has that line already. At the top level, a blank line ends it.
    """

    name = "end_of_block"

    def __init__(self, plan: Plan, spot: Spot) -> None:
        self._plan = plan
        self._first_indent = indent_width(spot.line_before)
        self._starts_blank = not spot.line_before.strip()
        following = spot.next_lines
        self._has_closer = bool(following) and _closes(following[0], plan.closes_at)

    def cut(self, text: str) -> int | None:
        """Keep up to the line before."""
        position, blank, seen = 0, False, not self._starts_blank
        lines = text.split("\n")
        for number, line in enumerate(lines):
            start, position = position, position + len(line) + 1
            if not line.strip():
                blank = seen
                continue
            width = indent_width(line) if number else None
            if width is not None and seen and self._ends_before(width, blank):
                if self._has_closer or blank or not _closes(line, self._plan.closes_at):
                    return start - 1
                if not opens_body(line):
                    return position - 1 if number + 1 < len(lines) else None
            seen, blank = True, False
        return None

    def _ends_before(self, width: int, blank: bool) -> bool:
        if width < self._plan.least_indent:
            return True
        return blank and width == 0 == self._plan.least_indent


def _closes(line: str, closes_at: int | None) -> bool:
    return indent_width(line) == closes_at and line.lstrip()[:1] in (")", "]", "}")


class ReachedFollowing:
    """A whole line came that is the next line of the document."""

    name = "reached_following"

    def __init__(self, spot: Spot) -> None:
        following = spot.next_lines
        telling = bool(following) and is_telling(following[0])
        self._line = following[0].rstrip() if telling else None
        self._lead = "" if spot.line_before.strip() else spot.line_before

    def cut(self, text: str) -> int | None:
        """Keep what stands before it."""
        if self._line is None:
            return None
        position = 0
        for number, line in enumerate(text.split("\n")[:-1]):
            whole = line if number else self._lead + line
            if whole.rstrip() == self._line and (number or self._lead or not position):
                return max(position - 1, 0)
            position += len(line) + 1
        return None


class ClosedLeftOut:
    """A bracket came that closes one from before the cursor, and the document has its closer."""

    name = "closed_left_out"

    def __init__(self, spot: Spot) -> None:
        self._closers = spot.left_out.split("\n", 1)[1].strip() if "\n" in spot.left_out else ""

    def cut(self, text: str) -> int | None:
        """Keep what stands before the line that begins with the closer."""
        if not self._closers:
            return None
        for position, closer in surplus_closers(text):
            start = text.rfind("\n", 0, position) + 1
            if start and closer == self._closers[0] and not text[start:position].strip():
                return start - 1
        return None


class Loop:
    """The same lines three times in a row, or one line that goes round in circles."""

    name = "loop"

    _MOST_LINES = 4
    _LONGEST_UNIT_CHARS = 40
    _LEAST_CHARS = 120

    def cut(self, text: str) -> int | None:
        """Keep the first round."""
        lines = text.split("\n")
        whole = lines[:-1]
        for count in range(1, self._MOST_LINES + 1):
            last = whole[-count:]
            if len(whole) >= 3 * count and last == whole[-2 * count : -count]:
                if last != whole[-3 * count : -2 * count] or not any(map(is_telling, last)):
                    continue
                return len("\n".join(whole[: len(whole) - 2 * count]))
        return self._cut_line(text, len(lines[-1]))

    def _cut_line(self, text: str, line_chars: int) -> int | None:
        if line_chars < self._LEAST_CHARS:
            return None
        line = text[len(text) - line_chars :]
        for unit_chars in range(2, self._LONGEST_UNIT_CHARS + 1):
            unit = line[-unit_chars:]
            rounds = self._LEAST_CHARS // unit_chars
            if any(map(str.isalnum, unit)) and line.endswith(unit * rounds):
                end = len(line)
                while line.endswith(unit, 0, end):
                    end -= unit_chars
                return len(text) - line_chars + end + unit_chars
        return None


def stop_rules(plan: Plan, spot: Spot) -> Sequence[StopRule]:
    """The rules that hold for `plan` at `spot`."""
    if plan.one_line:
        return (EndOfLine(), Loop())
    return (EndOfBlock(plan, spot), ReachedFollowing(spot), ClosedLeftOut(spot), Loop())


def first_cut(rules: Sequence[StopRule], text: str) -> tuple[int, str] | None:
    """The earliest cut of all rules and the name of its rule."""
    cuts = [(cut, rule.name) for rule in rules if (cut := rule.cut(text)) is not None]
    return min(cuts) if cuts else None
