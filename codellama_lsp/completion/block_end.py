"""Where a generated block ends: at the first line that does not belong to it.

Indentation decides, as programmers' eyes do; brackets and the language's keywords say which of
the lines at the opening line's own indentation still belong.
"""

from __future__ import annotations

import re

import attrs

from codellama_lsp.completion.closing import closings_of
from codellama_lsp.completion.plan import Plan
from codellama_lsp.completion.spot import Spot
from codellama_lsp.syntax.scan import Stack, scan

#: What may follow a block at the indentation of the line that opened it, by that line's keyword.
_FOLLOWS = {
    "if": ("elif", "else", "elseif", "fi"),
    "elif": ("elif", "else", "fi"),
    "elseif": ("elseif", "else"),
    "else": ("fi", "catch", "except", "finally"),
    "try": ("except", "catch", "finally", "else"),
    "except": ("except", "else", "finally"),
    "catch": ("catch", "finally"),
    "for": ("else", "done"),
    "while": ("else", "done"),
    "until": ("done",),
    "case": ("esac",),
    "do": ("while", "done"),
    "then": ("elif", "else", "fi"),
}
_WORDS = frozenset(word for words in _FOLLOWS.values() for word in words)
_LAST_WORDS = frozenset({"fi", "done", "esac"})
_AFTER_BRACE = re.compile(r"(?:else|catch|finally|elseif|while)\b")
_WORD = re.compile(r"\W*(\w+)")
_CLOSERS = (")", "]", "}")
_LABEL = re.compile(r"[A-Za-z_]\w*:(?!:)\s*$")
_SWITCH = re.compile(r"\s*(?:switch|select)\b")
_CASE = re.compile(r"(?:case\b|default\s*:)")
_C_LIKE = frozenset({"c", "cpp", "csharp", "objective-c"})


@attrs.frozen
class _Passed:
    """What finished lines that belong to a block say of those that follow."""

    stack: Stack
    chars: int = 0
    end: int = 0
    """Where the last line ends that is not blank."""
    seen: bool = False
    """Whether there was one."""
    blank: bool = False
    """Whether a blank line came after it."""
    keyword: str = ""
    """What the statement began with that may go on at its own indentation."""
    closed: bool = False
    """Whether the block's closer came."""
    brace_may_follow: bool = False


@attrs.frozen
class _End:
    """The block ends; or, with None, that cannot be said yet."""

    keep: int | None = None


_GOES_ON = _End()


class EndOfBlock:
    """A block ends before a line that is less indented than it.

    What closes the block belongs to it, unless the document has that already, and so does what
    goes on with the same statement (``else``, ``except``). At the top level, a blank line ends it.
    """

    name = "end_of_block"

    def __init__(
        self, plan: Plan, spot: Spot, head: str | None = None, *, brace_below: bool = False
    ) -> None:
        """`head`: the line that opens the block, if it is the first one of what is generated;
        `brace_below`: its brace is on the next one.
        """
        self._least = plan.least_indent
        self._spot = spot
        self._has_head = head is not None
        self._starts_blank = not spot.line_before.strip()
        self._opener = spot.opener if head is None else head
        self._has_cases = _SWITCH.match(self._opener) is not None
        self._closes_at = spot.columns(self._opener) if self._opener else -1
        top = spot.stack[-1] if spot.stack else None
        self._beside = top is not None and spot.line_after.strip().startswith(top.closer)
        following = spot.next_lines[0] if spot.next_lines else ""
        self._there = _word(following) if spot.columns(following) == self._closes_at else ""
        seen = not self._starts_blank and not self._has_head
        word = _word(self._opener)
        start = _Passed(spot.stack, seen=seen, keyword=word, brace_may_follow=brace_below)
        self._passed = [start]

    def cut(self, text: str, since: int = 0) -> int | None:
        """Keep up to the line before."""
        while self._passed[-1].chars > since:
            self._passed.pop()
        passed = self._passed[-1]
        *lines, last = text[passed.chars :].split("\n")
        for line in lines:
            after = self._line(line, passed, text, last=False)
            if isinstance(after, _End):
                return after.keep
            stack = scan(line + "\n", self._spot.lexis, passed.stack).stack
            passed = attrs.evolve(after, stack=stack, chars=passed.chars + len(line) + 1)
            self._passed.append(passed)
        after = self._line(last, passed, text, last=True)
        return after.keep if isinstance(after, _End) else None

    def _line(self, line: str, passed: _Passed, text: str, *, last: bool) -> _Passed | _End:
        """What is known after `line`, which is the next one; `last`: and may not be whole."""
        body, width = line.strip(), self._spot.columns(line)
        if not body:
            # Of a line that was begun, this is but the end.
            return attrs.evolve(passed, blank=passed.seen and passed.chars > 0)
        keyword, closed, brace_may_follow = passed.keyword, passed.closed, passed.brace_may_follow
        stack = passed.stack
        quoted = len(stack) > len(self._spot.stack) and not stack[-1].is_code
        if passed.chars == 0 or quoted or (self._has_head and not passed.seen):
            pass
        elif closed:
            if last and any(word.startswith(body) for word in _WORDS):
                return _GOES_ON
            if passed.blank or width != self._closes_at or not _AFTER_BRACE.match(body):
                return _End(passed.end)
            closed, brace_may_follow = False, not body.endswith("{")
        elif self._ends_before(width, passed.blank, seen=passed.seen):
            word = _word(body)
            if last and self._is_unfinished(body):
                return _GOES_ON
            if width == self._closes_at and brace_may_follow and body[0] == "{":
                brace_may_follow = False
            elif self._at_the_edge(body):
                pass
            elif body[0] in _CLOSERS and (self._beside or self._belongs(line, passed, text)):
                closed = not self._spot.opens_body(line)
            elif width == self._closes_at and not passed.blank and self._goes_on(keyword, word):
                keyword, closed = word, word in _LAST_WORDS
            elif last and width == self._closes_at and _may_become(body, keyword):
                return _GOES_ON
            else:
                return _End(max(passed.chars - 1, 0))
        return attrs.evolve(
            passed,
            end=passed.chars + len(line),
            seen=True,
            blank=False,
            keyword=keyword,
            closed=closed,
            brace_may_follow=brace_may_follow,
        )

    def _ends_before(self, width: int, blank: bool, *, seen: bool) -> bool:
        if width < self._least:
            return seen
        return blank and width == 0 == self._least

    def _at_the_edge(self, body: str) -> bool:
        """Whether a line is one that stands at the left edge wherever it belongs."""
        if self._has_cases and _CASE.match(body):
            return True
        if self._spot.language_id not in _C_LIKE or self._least == 0:
            return False
        return body.startswith("#") or _LABEL.match(body) is not None

    def _is_unfinished(self, body: str) -> bool:
        """Whether what a last line will be cannot be said yet."""
        if body[0] in _CLOSERS or (self._has_cases and "default".startswith(body)):
            return True
        if self._has_cases and "case".startswith(body):
            return True
        return self._spot.language_id in _C_LIKE and re.fullmatch(r"#?\w*", body) is not None

    def _belongs(self, line: str, passed: _Passed, text: str) -> bool:
        """Whether the closer that `line` begins with closes what it should."""
        closings = closings_of(text[: passed.chars + len(line)], self._spot)
        first = passed.chars + len(line) - len(line.lstrip())
        return all(closing.offset != first for closing in (*closings.surplus, *closings.stray))

    def _goes_on(self, keyword: str, word: str) -> bool:
        if word not in _FOLLOWS.get(keyword, ()) or word == self._there:
            return False
        shell = self._spot.lexis.name == "bash"
        if (word in _LAST_WORDS) != shell and word in _LAST_WORDS:
            return False
        return not (word == "else" and self._there in ("elif", "elseif"))


def _word(line: str) -> str:
    match = _WORD.match(line)
    return match[1] if match else ""


def _may_become(body: str, keyword: str) -> bool:
    return any(word.startswith(body) for word in _FOLLOWS.get(keyword, ()))
