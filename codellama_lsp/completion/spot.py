"""The cursor and the text around it, as plans, stop rules and filters look at them.

All texts have ``\\n`` line ends. Must not know engines or LSP.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator

import attrs

from codellama_lsp.context.anchors import window_start
from codellama_lsp.context.windows import Windows
from codellama_lsp.syntax.around import Around, Call, faults, look
from codellama_lsp.syntax.lexis import Lexis, lexis_of
from codellama_lsp.syntax.scan import Frame, Scan, Stack, scan
from codellama_lsp.syntax.signatures import Signature, signature_of
from codellama_lsp.syntax.stretch import scan_stretch

_TAB_WIDTH = 4
_WIDE_TAB = 8

#: So much text around the cursor is parsed anew, once a request: nothing needs to be kept in step
#: with edits, it takes 0.1 to 0.5 ms of processor time, and what a plan asks is nearer than that.
_PARSED_BEFORE = 3000
_PARSED_AFTER = 1000

#: How far below the cursor closers are looked for.
_FAR_CHARS = 8000

#: So many lines above the cursor are looked for in a text.
MOST_ROWS_ABOVE = 8

#: What a sign means may depend on so much before it.
_CONTEXT_CHARS = 16

_DEFINES = re.compile(r"\b(?:def|fn|fun|func|function|class|macro_rules!|#define)\s[^=(]*$")
_PLAIN_QUOTE = re.compile(r"(?<!\\)\"")


@attrs.frozen(eq=False)
class Spot:
    """A cursor in its surroundings; equal to itself alone, as its texts are long."""

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

    whole: str = ""
    """The document, in which the definitions of what is called are looked for."""
    related: tuple[str, ...] = ()
    """Code of other files that was chosen for the document."""

    @classmethod
    def of(
        cls, windows: Windows, language_id: str, whole: str = "", related: tuple[str, ...] = ()
    ) -> Spot:
        """The cursor that `windows` are around."""
        return cls(
            before=windows.prefix.text,
            after=windows.left_out + windows.suffix.text,
            left_out=windows.left_out,
            to_end=windows.to_end,
            from_start=not windows.far_before.text,
            language_id=language_id,
            whole=whole,
            related=related,
        )

    @functools.cached_property
    def line_before(self) -> str:
        """The cursor's line up to the cursor."""
        return self.before[self.before.rfind("\n") + 1 :]

    @functools.cached_property
    def line_after(self) -> str:
        """The cursor's line from the cursor on."""
        return self.after.split("\n", 1)[0]

    @functools.cached_property
    def has_fences(self) -> bool:
        """Whether a fence of markdown stands before the cursor."""
        return "```" in self.before

    @functools.cached_property
    def next_lines(self) -> list[str]:
        """The lines after the cursor's, blank ones left out."""
        return [line for line in self.after.split("\n")[1:] if line.strip()]

    @functools.cached_property
    def rows_above(self) -> list[str]:
        """The lines right above the cursor's, blank ones too, without the blanks at their ends."""
        rows = self.before.rsplit("\n", MOST_ROWS_ABOVE + 1)
        return [row.rstrip() for row in rows[-MOST_ROWS_ABOVE - 1 : -1]]

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

    @functools.cached_property
    def opener(self) -> str:
        """The line that the cursor's block hangs on: the nearest one with less indentation.

        Of a header over several lines it is the first one.
        """
        line = self.line_before
        if self.opens_body(line):
            return self.header(0) or line
        width = self.columns(line)
        above = self.line_above
        if not line.strip() and self.opens_body(above):
            head = self.header(self._rows_to_line_above) or above
            if self.columns(above) >= width or self.columns(head) < self.columns(above):
                return head
        return next((line for line in self.lines_above() if self.columns(line) < width), "")

    def header(self, rows_up: int) -> str | None:
        """The first line of the header that ends so many lines above the cursor's."""
        found = self.around.header_line(rows_up) if self.around is not None else None
        if found is not None:
            return found
        # The tree is silent: a line that begins within a bracket goes on from that bracket's line.
        start = len(self.before)
        for _ in range(rows_up + 1):
            start = self.before.rfind("\n", 0, max(start, 0))
        within = scan(self.before[: start + 1], self.lexis).stack
        if start < 0 or not within or within[-1].closer != ")":
            first = start + 1
            while first > 0 and self.before[:first].endswith("\\\n"):
                first = self.before.rfind("\n", 0, first - 1) + 1
            line = self.before[first:].split("\n", 1)[0]
            return line if first <= start else None
        begin = self.before.rfind("\n", 0, within[-1].offset) + 1
        return self.before[begin:].split("\n", 1)[0]

    @property
    def _rows_to_line_above(self) -> int:
        start = self.before.rfind("\n") + 1
        return self.before.count("\n", len(self.before[:start].rstrip()), start)

    @functools.cached_property
    def around(self) -> Around | None:
        """The syntax tree at the cursor; None where there is none that says anything."""
        before, after = self._parsed
        return look(before, after, self.language_id, self._unclosed_here)

    @functools.cached_property
    def call(self) -> Call | None:
        """The call among whose arguments the cursor is, with no other bracket between."""
        top = self.stack[-1] if self.stack else None
        if top is None or top.closer != ")" or self.around is None:
            return None
        line = self.before[self.before.rfind("\n", 0, top.offset) + 1 : top.offset]
        if _DEFINES.search(line):
            return None  # Half a definition looks like a call.
        call = self.around.call
        return call if call is not None and self.before[top.offset + 1 :] == call.inside else None

    @functools.cached_property
    def callee(self) -> Signature | None:
        """What that call can be called with, where it is beyond doubt."""
        if self.call is None:
            return None
        text = self.whole or self.before + self.after
        return signature_of(self.call, text, self.related, self.language_id)

    @functools.cached_property
    def _parsed(self) -> tuple[str, str]:
        """The text around the cursor that is parsed."""
        start = window_start(self.before, len(self.before), _PARSED_BEFORE)
        end = self.after.find("\n", _PARSED_AFTER)
        return self.before[start:], self.after if end < 0 else self.after[:end]

    @property
    def _unclosed_here(self) -> str:
        """Closers that the brackets opened on the cursor's line still need."""
        line_start = self.before.rfind("\n")
        opened = [frame for frame in self.stack if frame.offset > line_start]
        if not opened or not all(frame.is_code for frame in opened):
            return ""
        closed = len(scan(self.line_after, self.lexis, tuple(opened)).stack)
        return "".join(frame.closer for frame in reversed(opened[:closed]))

    @functools.cached_property
    def _tab_width(self) -> int:
        """Columns of a tab: eight where tabs stand beside spaces that say so."""
        lines = [*self.before.split("\n")[-200:], *self.after.split("\n")[:200]]
        tabbed = sum(line.startswith("\t") for line in lines)
        spaced = sum(line.startswith("      ") for line in lines)
        return _WIDE_TAB if tabbed and spaced and min(tabbed, spaced) * 10 > tabbed else _TAB_WIDTH

    def columns(self, line: str) -> int:
        """Columns of the blanks that `line` begins with, tabs as wide as this document has them."""
        return indent_width(line, self._tab_width)

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
        if self.from_start:
            return scan(self.before, self.lexis)
        return scan_stretch(self.before, self.lexis, self.language_id)

    @property
    def stack(self) -> Stack:
        """Brackets, strings and comments that are open at the cursor, outermost first."""
        return self.scanned.stack

    @functools.cached_property
    def closed_here(self) -> frozenset[Frame]:
        """What the rest of the cursor's line closes of what was opened on the line, if all of it.

        Then it is a pair, whatever is open above.
        """
        line_start = self.before.rfind("\n")
        top = self.stack[-1:]
        if top and len(top[0].closer) == 3 and self.line_after.lstrip().startswith(top[0].closer):
            return frozenset(top)
        opened = tuple(frame for frame in self.stack if frame.offset > line_start)
        found = scan(self.line_after, self.lexis, opened)
        if not opened or found.floor or found.faults or any(it.quoting for it in found.stack):
            return frozenset()
        return frozenset(opened)

    def reads_better_with(self, text: str, other: str = "") -> bool:
        """Whether the code around the cursor reads better with `text` there than with `other`."""
        before, after = self._parsed
        now = faults(before + other + after, self.language_id)
        then = faults(before + text + after, self.language_id)
        return now is not None and then is not None and then < now

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
            if closed and not found.faults and frame is not self._just_begun:
                continue
            # A string just begun: what is below was there before it.
            below = scan(rest, self.lexis, stack[:depth])
            if below.faults < found.faults or not closed or frame is self._just_begun:
                return below
        return found

    @functools.cached_property
    def _just_begun(self) -> Frame | None:
        """The string that the cursor is in, if it could span lines but is not meant to."""
        frame = self.stack[-1] if self.stack else None
        if frame is None or frame.is_code:
            return None
        if self.lexis.name == "bash" and frame.closer == '"':
            # Anything reads well in a shell; but below, what is begun is ended.
            return frame if len(_PLAIN_QUOTE.findall(self.after)) % 2 == 0 else None
        return frame if self.reads_better_with(frame.closer) else None

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


def indent_width(line: str, tab_width: int = _TAB_WIDTH) -> int:
    """Columns of the blanks that `line` begins with; a tab goes on to the next multiple of it."""
    blanks = line[: len(line) - len(line.lstrip(" \t"))]
    return len(blanks.expandtabs(tab_width)) if "\t" in blanks else len(blanks)


def is_telling(line: str) -> bool:
    """Whether `line` says enough for its repetition to mean something: no lone bracket or else."""
    least = 2 if "=" in line else 3
    return len(re.findall(r"\w", line)) >= least and line.strip(" \t{}()[];:") not in _COMMON


_COMMON = frozenset(
    ("else", "try", "finally", "pass", "break", "continue", "return", "end", "done", "begin")
) | {"then", "do", "esac", "default", "endif"}
