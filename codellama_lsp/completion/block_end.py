"""Where a generated block ends: at the first line that does not belong to it.

Indentation decides, as programmers' eyes do; brackets and the language's keywords say which of
the lines at the opening line's own indentation still belong.
"""

from __future__ import annotations

import re

from codellama_lsp.completion.closing import closings_of
from codellama_lsp.completion.plan import Plan
from codellama_lsp.completion.spot import Spot
from codellama_lsp.syntax.scan import scan

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


class EndOfBlock:
    """A block ends before a line that is less indented than it.

    What closes the block belongs to it, unless the document has that already, and so does what
    goes on with the same statement (``else``, ``except``). At the top level, a blank line ends it.
    """

    name = "end_of_block"

    def __init__(self, plan: Plan, spot: Spot) -> None:
        self._least = plan.least_indent
        self._spot = spot
        self._starts_blank = not spot.line_before.strip()
        self._opener = spot.opener
        self._has_cases = _SWITCH.match(self._opener) is not None
        self._closes_at = spot.columns(self._opener) if self._opener else -1
        top = spot.stack[-1] if spot.stack else None
        self._beside = top is not None and spot.line_after.strip().startswith(top.closer)
        following = spot.next_lines[0] if spot.next_lines else ""
        self._there = _word(following) if spot.columns(following) == self._closes_at else ""

    def cut(self, text: str) -> int | None:
        """Keep up to the line before."""
        position, end, blank, seen = 0, 0, False, not self._starts_blank
        keyword, closed, brace_may_follow = _word(self._opener), False, False
        lines = text.split("\n")
        stack = self._spot.stack
        for number, line in enumerate(lines):
            start, position = position, position + len(line) + 1
            quoted = number > 0 and len(stack) > len(self._spot.stack) and not stack[-1].is_code
            stack = scan(line + "\n", self._spot.lexis, stack).stack
            body = line.strip()
            if not body:
                blank = seen
                continue
            if number == 0 or quoted:
                seen, blank, end = True, False, position - 1
                continue
            last = number == len(lines) - 1
            width = self._spot.columns(line)
            if closed:
                if last and any(word.startswith(body) for word in _WORDS):
                    return None
                if blank or width != self._closes_at or not _AFTER_BRACE.match(body):
                    return end
                closed, brace_may_follow = False, not body.endswith("{")
            elif self._ends_before(width, blank, seen=seen):
                word = _word(body)
                if last and self._is_unfinished(body):
                    return None
                if width == self._closes_at and brace_may_follow and body[0] == "{":
                    brace_may_follow = False
                elif self._at_the_edge(body):
                    pass
                elif body[0] in _CLOSERS and (self._beside or self._belongs(text, start)):
                    closed = not self._spot.opens_body(line)
                elif width == self._closes_at and not blank and self._goes_on(keyword, word):
                    keyword, closed = word, word in _LAST_WORDS
                elif last and width == self._closes_at and _may_become(body, keyword):
                    return None
                else:
                    return max(start - 1, 0)
            seen, blank, end = True, False, position - 1
        return None

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

    def _belongs(self, text: str, start: int) -> bool:
        """Whether the closer of the line at `start` closes what it should."""
        closings = closings_of(text, self._spot)
        first = start + len(text[start:]) - len(text[start:].lstrip())
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
