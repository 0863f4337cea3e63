"""The cursor and the text around it, as plans, stop rules and filters look at them.

All texts have ``\\n`` line ends. Must not know engines or LSP.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator

import attrs

from codellama_lsp.context.windows import Windows
from codellama_lsp.syntax.lexis import Lexis, lexis_of
from codellama_lsp.syntax.scan import FrameKind, Scan, Stack, scan

_TAB_WIDTH = 4

#: How far below the cursor closers are looked for.
_FAR_CHARS = 8000

#: What a sign means may depend on so much before it.
_CONTEXT_CHARS = 16


@attrs.frozen
class Spot:
    """A cursor in its surroundings."""

    before: str
    """The prefix window: ends at the cursor."""
    after: str
    """What follows the cursor in the document, closers left out of the prompt included."""
    left_out: str = ""
    """Closers at the start of `after` that the model was not shown."""
    to_end: bool = False
    """Whether `after` goes to the end of the document."""
    from_start: bool = False
    """Whether `before` starts where the document does."""
    language_id: str = ""

    @classmethod
    def of(cls, windows: Windows, language_id: str) -> Spot:
        """The cursor that `windows` are around."""
        return cls(
            before=windows.prefix.text,
            after=windows.left_out + windows.suffix.text,
            left_out=windows.left_out,
            to_end=windows.to_end,
            from_start=not windows.far_before.text,
            language_id=language_id,
        )

    @property
    def line_before(self) -> str:
        """The cursor's line up to the cursor."""
        return self.before[self.before.rfind("\n") + 1 :]

    @property
    def line_after(self) -> str:
        """The cursor's line from the cursor on."""
        return self.after.split("\n", 1)[0]

    @functools.cached_property
    def next_lines(self) -> list[str]:
        """The lines after the cursor's, blank ones left out."""
        return [line for line in self.after.split("\n")[1:] if line.strip()]

    @property
    def line_above(self) -> str:
        """The nearest line above the cursor's that is not blank; empty if there is none."""
        return next(self.lines_above(), "")

    def lines_above(self) -> Iterator[str]:
        """Lines above the cursor's, nearest first, blank ones left out."""
        end = self.before.rfind("\n")
        while end >= 0:
            start = self.before.rfind("\n", 0, end)
            line = self.before[start + 1 : end]
            if line.strip():
                yield line
            end = start

    @property
    def opener(self) -> str:
        """The line that the cursor's block hangs on: the nearest one with less indentation."""
        line = self.line_before
        if self.opens_body(line):
            return line
        width = indent_width(line)
        above = self.line_above
        if not line.strip() and self.opens_body(above) and indent_width(above) >= width:
            return above
        return next((line for line in self.lines_above() if indent_width(line) < width), "")

    def opens_body(self, line: str) -> bool:
        """Whether a body is expected after `line` of this document."""
        return opens_body(line, self.lexis.line_comment)

    @property
    def lexis(self) -> Lexis:
        """How this language is read."""
        return lexis_of(self.language_id)

    @functools.cached_property
    def scanned(self) -> Scan:
        """What is open at the cursor."""
        found = scan(self.before, self.lexis)
        if self.from_start:
            return found
        # The window may have begun in the middle of a text: then all is the wrong way round.
        openers = []
        if any(frame.kind is FrameKind.STRING and len(frame.closer) == 3 for frame in found.stack):
            openers = ['"""', "'''"]
        if self.lexis.line_comment == "//":
            first_end = self.before.find("*/")
            if first_end >= 0 and "/*" not in self.before[:first_end]:
                openers.append("/*")
        best, opener = found, ""
        for text in openers:
            inside = scan(text + self.before, self.lexis)
            if inside.faults < best.faults:
                best, opener = inside, text
        return attrs.evolve(
            best,
            stack=tuple(
                attrs.evolve(frame, offset=max(frame.offset - len(opener), 0))
                for frame in best.stack
            ),
        )

    @property
    def stack(self) -> Stack:
        """Brackets, strings and comments that are open at the cursor, outermost first."""
        return self.scanned.stack

    def scan(self, text: str) -> Scan:
        """What `text`, put at the cursor, does to what is open there."""
        context = self.before[-_CONTEXT_CHARS:]
        found = scan(context + text, self.lexis, self.stack, len(context))
        closings = [
            attrs.evolve(closing, offset=closing.offset - len(context))
            for closing in found.closings
        ]
        return attrs.evolve(found, closings=closings)

    def scan_after(self, stack: Stack) -> Scan:
        """How the text after the cursor would be read with `stack` open."""
        after = self.after[:_FAR_CHARS]
        found = scan(after, self.lexis, stack)
        line, _, rest = after.partition("\n")
        start = self.before.rfind("\n")
        for depth, frame in enumerate(stack):
            if frame.is_code or frame.offset < start or frame.tagged or not frame.quoting:
                continue
            if frame.quoting.one_line or frame.closer in line:
                continue
            closed = any(closing.frame is frame for closing in found.closings)
            if closed and not found.faults:
                continue
            # A string just begun: what is below was there before it.
            below = scan(rest, self.lexis, stack[:depth])
            if below.faults < found.faults or not closed:
                return below
        return found

    @functools.cached_property
    def scanned_after(self) -> Scan:
        """How it is read as things are."""
        return self.scan_after(self.stack)


#: A line that ends like this has a body, whose lines are deeper than it.
_OPENS_BODY = re.compile(r"(?:[:{(\[]|=>|->|\b(?:do|then|else|begin))\s*$")


def opens_body(line: str, comment: str = "") -> bool:
    """Whether a body is expected after `line`; `comment` is what begins one in the language."""
    if comment and comment in line:
        code, _, _ = line.partition(comment)
        quoted = sum(map(code.count, "\"'`")) % 2
        line = line if quoted else code
    return _OPENS_BODY.search(line) is not None


def indent_width(line: str) -> int:
    """Columns of the blanks that `line` begins with; a tab goes to the next multiple of four."""
    width = 0
    for char in line:
        if char == " ":
            width += 1
        elif char == "\t":
            width += _TAB_WIDTH - width % _TAB_WIDTH
        else:
            break
    return width


def is_telling(line: str) -> bool:
    """Whether `line` says enough for its repetition to mean something: no lone bracket or else."""
    return len(re.findall(r"\w", line)) >= 3 and line.strip(" \t{}()[];:") not in _COMMON


_COMMON = frozenset(
    ("else", "try", "finally", "pass", "break", "continue", "return", "end", "done", "begin")
) | {"then", "do", "esac", "default", "endif"}
