"""Which brackets, strings and comments are open at a place, and which of them a text closes.

A scan goes on from the stack that an earlier one ended with, so that generated text is read as
what it will be: a bracket in a comment closes nothing. Pure functions of text.
"""

from __future__ import annotations

import enum
import functools
import re
from collections import OrderedDict
from collections.abc import Sequence
from typing import NamedTuple

import attrs

from codellama_lsp.strings import common_prefix_chars
from codellama_lsp.syntax.lexis import Lexis, Quoting

_CLOSER_OF = {"(": ")", "[": "]", "{": "}"}


class FrameKind(enum.Enum):
    """What is open."""

    BRACKET = enum.auto()
    STRING = enum.auto()
    COMMENT = enum.auto()


class Frame(NamedTuple):
    """Something open. Hundreds of them are made at each jump: tuples take half the time."""

    kind: FrameKind
    closer: str
    """The text that ends it; of a heredoc, its tag."""
    offset: int
    """Where it was opened, in the text that was scanned then."""
    quoting: Quoting | None = None
    tagged: bool = False
    """Whether a line of its own ends it (heredocs)."""

    @property
    def is_code(self) -> bool:
        """Whether what is inside of it is code."""
        return self.kind is FrameKind.BRACKET


Stack = tuple[Frame, ...]


@attrs.frozen
class Closing:
    """A closer in the text of something that was open before it, or of nothing at all."""

    offset: int
    text: str
    frame: Frame | None
    """None: nothing was open that it could close."""


@attrs.frozen
class Scan:
    """What a text does to a stack."""

    stack: Stack
    """What is open at its end."""
    floor: int
    """How many of the frames of the stack it started with are still open."""
    closings: Sequence[Closing]
    """Of frames that were open at its start, in order, and of nothing."""
    faults: int
    """Closers of nothing, brackets closed across others, strings broken off by a line's end."""


def scan(text: str, lexis: Lexis, stack: Stack = (), start: int = 0) -> Scan:
    """Read `text` from `start` on, with `stack` open."""
    if not stack and not start and len(text) > _LONG_CHARS:
        return _scan_again(text, lexis)
    return _Scanner(text, lexis, stack).run(start)


#: Longer texts are mostly those of the keystroke before and a character.
_LONG_CHARS = 2_000
#: How far apart places are where a scan can be taken up again.
_STEP_CHARS = 500
#: What was read up to a place may have depended on so much behind it.
_AHEAD_CHARS = 256
_MOST_TEXTS = 16


@attrs.frozen
class _Mark:
    """A scan as far as `position`."""

    position: int
    stack: Stack
    floor: int
    closings: tuple[Closing, ...]
    faults: int


@attrs.define
class _Remembered:
    text: str = ""
    marks: list[_Mark] = attrs.field(factory=list)


_remembered: OrderedDict[tuple[int, str], _Remembered] = OrderedDict()


def _scan_again(text: str, lexis: Lexis) -> Scan:
    """As a scan of the whole; what begins as a text did that was read lately is not read again."""
    key = (id(lexis), text[:_STEP_CHARS])
    known = _remembered.pop(key, None) or _Remembered()
    _remembered[key] = known
    if len(_remembered) > _MOST_TEXTS:
        _remembered.popitem(last=False)
    same = common_prefix_chars(known.text, text) - _AHEAD_CHARS
    while known.marks and known.marks[-1].position > same:
        known.marks.pop()
    known.text = text
    scanner = _Scanner(text, lexis, ())
    scanner.marks = known.marks
    return scanner.run(scanner.resume())


class _Scanner:
    def __init__(self, text: str, lexis: Lexis, stack: Stack) -> None:
        self.text = text
        self.lexis = lexis
        self.stack = list(stack)
        self.floor = len(stack)
        self.closings: list[Closing] = []
        self.faults = 0
        self.marks: list[_Mark] | None = None

    def resume(self) -> int:
        """Take up where the last mark was made; its position."""
        if not self.marks:
            return 0
        mark = self.marks[-1]
        self.stack, self.floor = list(mark.stack), mark.floor
        self.closings, self.faults = list(mark.closings), mark.faults
        return mark.position

    def _mark(self, position: int) -> int:
        """Remember how things are; where to do so next."""
        assert self.marks is not None
        if position and (not self.marks or self.marks[-1].position < position):
            stack, closings = tuple(self.stack), tuple(self.closings)
            self.marks.append(_Mark(position, stack, self.floor, closings, self.faults))
        return position + _STEP_CHARS

    def run(self, position: int) -> Scan:
        mark_at = position + _STEP_CHARS if self.marks is not None else len(self.text)
        while position < len(self.text):
            if position >= mark_at:
                mark_at = self._mark(position)
            top = self.stack[-1] if self.stack else None
            if top is None or top.kind is FrameKind.BRACKET:
                position = self._code(position, mark_at)
            elif top.tagged:
                position = self._heredoc(top, position)
            elif top.kind is FrameKind.COMMENT:
                position = self._comment(top, position)
            else:
                position = self._string(top, position)
        extra = sum(
            not frame.is_code and frame.closer != "\n" and not _one_line(frame)
            for frame in self.stack[self.floor :]
        )
        return Scan(tuple(self.stack), self.floor, self.closings, self.faults + extra)

    def _code(self, position: int, mark_at: int) -> int:
        """Read on as long as there are only brackets, and past the next other thing."""
        while True:
            match = self.lexis.pattern.search(self.text, position)
            if match is None:
                return len(self.text)
            kind, token = match.lastgroup, match.group()
            if kind == "open":
                self.stack.append(Frame(FrameKind.BRACKET, _CLOSER_OF[token], match.start()))
            elif kind == "close":
                self._close_bracket(match.start(), token)
            else:
                return self._token(match, kind, token)
            position = match.end()
            if position >= mark_at or (self.stack and not self.stack[-1].is_code):
                return position

    def _token(self, match: re.Match[str], kind: str | None, token: str) -> int:
        if kind == "string":
            return self._string_begins(match)
        if kind == "line":
            self._push(FrameKind.COMMENT, "\n", match.start())
        elif kind == "block":
            self._push(FrameKind.COMMENT, "*/", match.start())
        elif kind == "odd":
            self.faults += 1
        elif kind == "end":
            self.closings.append(Closing(match.start(), token, None))
            self.faults += 1
        elif kind == "heredoc":
            return self._heredoc_begins(match)
        return match.end()

    def _push(
        self, kind: FrameKind, closer: str, offset: int, quoting: Quoting | None = None
    ) -> None:
        self.stack.append(Frame(kind, closer, offset, quoting))

    def _pop(self, offset: int, text: str, *, tell: bool = True) -> None:
        frame = self.stack.pop()
        if len(self.stack) < self.floor:
            self.floor = len(self.stack)
            if tell:
                self.closings.append(Closing(offset, text, frame))

    def _close_bracket(self, offset: int, closer: str) -> None:
        inside = len(self.stack)
        while inside and self.stack[inside - 1].is_code:
            inside -= 1
            if self.stack[inside].closer == closer:
                break
        else:
            self.closings.append(Closing(offset, closer, None))
            self.faults += 1
            return
        while len(self.stack) > inside + 1:
            self.faults += 1
            self._pop(offset, "", tell=False)
        self._pop(offset, closer)

    def _string_begins(self, match: re.Match[str]) -> int:
        quoting = self.lexis.quoting(match.group())
        for depth in range(len(self.stack) - 1, 0, -1):
            frame = self.stack[depth]
            outer = self.stack[depth - 1]
            if frame.is_code and outer.quoting and outer.quoting.code_opener == "{":
                # An f-string's own quote ends it, whatever its braces say.
                if outer.closer == match.group() and outer.quoting.one_line:
                    while len(self.stack) > depth:
                        self._pop(match.start(), "", tell=False)
                    self._pop(match.start(), match.group())
                    return match.end()
                break
        self._push(FrameKind.STRING, quoting.closer, match.start(), quoting)
        return match.end()

    def _string(self, top: Frame, position: int) -> int:
        assert top.quoting is not None
        match = _string_pattern(top.quoting).search(self.text, position)
        if match is None:
            return len(self.text)
        if match.lastgroup == "closer":
            self._pop(match.start(), match.group())
        elif match.lastgroup == "code":
            opener = match.group().strip("$")
            self._push(FrameKind.BRACKET, _CLOSER_OF[opener], match.start())
        elif match.lastgroup == "newline":
            self.faults += 1
            self._pop(match.start(), "", tell=False)
        return match.end()

    def _comment(self, top: Frame, position: int) -> int:
        end = self.text.find(top.closer, position)
        if end < 0:
            return len(self.text)
        self._pop(end, top.closer, tell=top.closer != "\n")
        return end + len(top.closer)

    def _heredoc_begins(self, match: re.Match[str]) -> int:
        raw = match.groupdict().get("raw")
        if raw is not None:
            quoting = Quoting(f'){raw}"', one_line=False, escapes=False)
            self._push(FrameKind.STRING, quoting.closer, match.start(), quoting)
            return match.end()
        line_end = self.text.find("\n", match.end())
        self.stack.append(Frame(FrameKind.STRING, match.group("tag"), match.start(), tagged=True))
        # The rest of the line is code still; what it opens is rarely closed elsewhere.
        return len(self.text) if line_end < 0 else line_end

    def _heredoc(self, top: Frame, position: int) -> int:
        found = re.compile(rf"\n[ \t]*{re.escape(top.closer)}\b").search(self.text, position)
        if found is None:
            return len(self.text)
        self._pop(found.start() + 1, top.closer)
        return found.end()


def _one_line(frame: Frame) -> bool:
    return frame.quoting is not None and frame.quoting.one_line


@functools.lru_cache(maxsize=64)
def _string_pattern(quoting: Quoting) -> re.Pattern[str]:
    closer = re.escape(quoting.closer)
    parts = []
    if quoting.escapes:
        parts.append(r"\\.")
    if quoting.doubled:
        parts.append(closer * 2)
    if quoting.code_opener == "{":
        parts.append(r"\{\{")
    if quoting.code_opener:
        parts.append(f"(?P<code>{re.escape(quoting.code_opener)})")
    parts.append(f"(?P<closer>{closer})")
    if quoting.one_line:
        parts.append(r"(?P<newline>\n)")
    return re.compile("|".join(parts), re.DOTALL)
