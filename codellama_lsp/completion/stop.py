"""Rules that end a generation while it runs: each looks at the text so far and says where to cut.

A rule decides on finished evidence only: once it has cut, more text would not change its mind.
Nor does it look at a line twice that it has passed, as texts grow by a few characters.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Protocol

import attrs

from codellama_lsp.completion.arguments import LastArgument
from codellama_lsp.completion.echo import EchoedHeader, Fence, OddSign, Sentinel
from codellama_lsp.completion.line_end import EndOfLine, LineOrBlock
from codellama_lsp.completion.plan import Plan, PlanKind
from codellama_lsp.completion.spot import Spot, is_telling
from codellama_lsp.strings import common_prefix_chars


class StopRule(Protocol):
    """One reason to stop."""

    name: str

    def cut(self, text: str, since: int = 0) -> int | None:
        """How much of `text` to keep if the generation shall end now.

        `since`: where a line begins before which all was there the last time, when nothing was cut.
        """
        ...


MakeRule = Callable[[Plan, Spot], StopRule]


@attrs.frozen(order=True)
class Cut:
    """Where a rule ends a text."""

    keep_chars: int
    rule: str


class EndOfText:
    """The documentation that the cursor is in was closed."""

    name = "end_of_text"

    def __init__(self, plan: Plan, spot: Spot) -> None:
        self._spot = spot

    def cut(self, text: str, since: int = 0) -> int | None:
        """Keep its end."""
        if self._spot.stack[-1].closer[-1] not in text[since:]:
            return None
        closings = self._spot.scan(text).closings
        for closing in closings:
            if closing.frame is self._spot.stack[-1]:
                return closing.offset + len(closing.text)
        return None


class ReachedFollowing:
    """A whole line came that is the next line of the document."""

    name = "reached_following"

    def __init__(self, plan: Plan, spot: Spot) -> None:
        following = spot.next_lines
        telling = bool(following) and is_telling(following[0])
        # In a table of data, lines may well be alike.
        telling = telling and following[0].rstrip() != spot.line_above.rstrip()
        self._line = following[0].rstrip() if telling else None
        self._line_before = spot.line_before
        self._lead = "" if spot.line_before.strip() else spot.line_before

    def cut(self, text: str, since: int = 0) -> int | None:
        """Keep what stands before it."""
        if self._line is None:
            return None
        position = since
        for line in text[since:].split("\n")[:-1]:
            whole = line if position else self._lead + line
            begins_line = position or self._lead or not self._line_before
            if whole.rstrip() == self._line and begins_line:
                return max(position - 1, 0)
            position += len(line) + 1
        return None


class RepeatedAbove:
    """Lines came that are those right above the cursor, in their order."""

    name = "repeated_above"

    _MOST_LINES = 8

    def __init__(self, plan: Plan, spot: Spot) -> None:
        above = [line.rstrip() for line in islice(spot.lines_above(), self._MOST_LINES)]
        self._above = above[::-1]
        sizes = range(2, len(above) + 1)
        self._least = next((n for n in sizes if sum(map(is_telling, above[:n])) > 1), 0)
        """So many lines say enough."""
        if (
            spot.line_before.strip()
            or above[: self._least] == above[self._least : 2 * self._least]
            or above[0].endswith(",")
        ):
            self._least = 0

    def cut(self, text: str, since: int = 0) -> int | None:
        """Keep what stands before them."""
        if not self._least or "\n" not in text[since:]:
            return None
        lines = text.split("\n")
        whole = [(number, line.rstrip()) for number, line in enumerate(lines[:-1]) if line.strip()]
        count = 0
        while count < min(len(whole), len(self._above)):
            if whole[-count - 1][1] != self._above[-count - 1]:
                break
            count += 1
        if count < self._least:
            return None
        return len("\n".join(lines[: whole[-count][0]]))


class Loop:
    """The same lines three times in a row, or one line that goes round in circles."""

    name = "loop"

    _MOST_LINES = 4
    _LONGEST_UNIT_CHARS = 40
    _LEAST_CHARS = 80

    #: Words alone never go round five times; values with commas between them may.
    _LEAST_WORDS_CHARS = 40
    _WORDS = re.compile(r"[^\W\d_]*(?: [^\W\d_]+)+ ?|[^\W\d_]+ ")
    _LEAST_ROUNDS = 5

    #: Data is no loop before it has said the same so many times.
    _ROUNDS_OF_DATA = 6

    def __init__(self, plan: Plan, spot: Spot) -> None:
        self._around = _bare(f"{spot.before}\n{spot.after}\n".split("\n"))
        self._lead = "" if spot.line_before.strip() else spot.line_before

    def cut(self, text: str, since: int = 0) -> int | None:
        """Keep the first round; a document that goes round like that may go on."""
        if "\n" not in text[since:]:
            return self._cut_line(text, len(text) - since)
        lines = text.split("\n")
        whole = lines[:-1]
        if whole:
            whole[0] = self._lead + whole[0]
        for count in range(1, self._MOST_LINES + 1):
            last = whole[-count:]
            if not any(map(str.strip, last)):
                continue
            rounds = 3 if any(map(_is_code, last)) else self._ROUNDS_OF_DATA
            if whole[-rounds * count :] != last * rounds:
                continue
            if _bare(["", *last, *last, ""]) in self._around:
                continue
            return len("\n".join(whole[: len(whole) - (rounds - 1) * count])) - len(self._lead)
        if lines[-1]:
            return self._cut_line(text, len(lines[-1]))
        return self._cut_line(text[:-1], len(lines[-2]))

    def _cut_line(self, text: str, line_chars: int) -> int | None:
        """Before a line that goes round: half of it is worth nothing."""
        if line_chars < self._LEAST_WORDS_CHARS:
            return None
        line = text[len(text) - line_chars :]
        for unit_chars in range(2, self._LONGEST_UNIT_CHARS + 1):
            unit = line[-unit_chars:]
            if line[-2 * unit_chars : -unit_chars] != unit or not any(map(str.isalnum, unit)):
                continue
            rounds = self._LEAST_CHARS // unit_chars
            if self._WORDS.fullmatch(unit):
                words = self._LEAST_WORDS_CHARS // unit_chars
                rounds = min(rounds, max(words, self._LEAST_ROUNDS))
            if line.endswith(unit * rounds) and unit * rounds not in self._around:
                return max(len(text) - line_chars - 1, 0)
        return None


def _bare(lines: Iterable[str]) -> str:
    return "\n".join(map(str.strip, lines))


def _is_code(line: str) -> bool:
    return re.search(r"[A-Za-z]\w{2}|[\w\])\"']\s*(?:=(?!=)|:)", line) is not None


#: What ends each kind of plan.
ENDS: dict[PlanKind, MakeRule] = {
    PlanKind.SPAN: EndOfLine,
    PlanKind.LINE: EndOfLine,
    PlanKind.BLOCK: LineOrBlock,
    PlanKind.DOCSTRING: EndOfText,
    PlanKind.ANNOUNCED: LineOrBlock,
}

#: What ends a generation whatever its plan.
FAULTS: tuple[MakeRule, ...] = (
    Sentinel,
    OddSign,
    Fence,
    EchoedHeader,
    ReachedFollowing,
    RepeatedAbove,
    Loop,
    LastArgument,
)


def stop_rules(plan: Plan, spot: Spot) -> Sequence[StopRule]:
    """The rules that hold for `plan` at `spot`."""
    return [make(plan, spot) for make in (ENDS[plan.kind], *FAULTS)]


def first_cut(rules: Sequence[StopRule], text: str, since: int = 0) -> Cut | None:
    """The earliest cut of all rules; `since` as for `StopRule.cut`."""
    cuts = [Cut(keep, rule.name) for rule in rules if (keep := rule.cut(text, since)) is not None]
    return min(cuts, default=None)


class Watch:
    """The rules over a text as it streams in."""

    def __init__(self, rules: Sequence[StopRule]) -> None:
        self._rules = rules
        self._text = ""

    def cut(self, text: str) -> Cut | None:
        """What `first_cut` says of `text`, where it has said nothing of the texts before."""
        same = common_prefix_chars(self._text, text)
        self._text = text
        return first_cut(self._rules, text, text.rfind("\n", 0, same) + 1)
