"""Where a generated line ends: at its line break, unless brackets are open.

A line that opens a body has it with it: a header alone leaves the code broken. Where the document
has a body below, or something stands behind the cursor, the header is all that is wanted.
"""

from __future__ import annotations

import re

import attrs

from codellama_lsp.completion.block_end import EndOfBlock
from codellama_lsp.completion.plan import Plan, PlanKind, least_in_body
from codellama_lsp.completion.spot import Spot

#: Before a brace: this makes it part of an expression.
_EXPRESSION = re.compile(r"(?<![=!<>])=(?!=)|=>|\breturn\b|->\s*\{$")

#: A line that begins like this has a body, whatever is in it.
_STATEMENT = re.compile(
    r"\s*(?:\}\s*)?(?:if|else|for|foreach|while|switch|do|try|catch|with|using|lock|unless|elseif"
    r"|(?:export\s+)?(?:async\s+)?function|func|(?:pub(?:\([^)]*\))?\s+)?(?:async\s+|unsafe\s+)*fn"
    r"|impl|trait|class|struct|interface|namespace)\b"
)
#: An editor's; a header that has them, too, takes their place.
_CLOSERS = re.compile(r"[)\]\s]*")

#: In these languages a statement without its end may go on below.
_SEMICOLONS = frozenset({"c", "java", "csharp", "php", "rust"})
_GOES_ON_BELOW = re.compile(r"\.(?!\.)|->|[?:](?!:)|&&|\|\||<<|[=|](?!=)|\+(?!\+)")

_GROUP = re.compile(r"\([^()]*\)")

#: The header of a body that no brace begins.
_COLON_HEAD = re.compile(
    r"\s*(?:async\s+)?(?:if|elif|else|for|while|def|class|with|try|except|finally|match|case)\b.*:$"
)
_SHELL_HEAD = re.compile(
    r"\s*(?:(?:if|elif)\b.*\bthen|(?:for|while|until|select)\b.*\bdo|case\b.*\bin|else)$"
)


class EndOfLine:
    """A line ends at the first line break after something visible, unless brackets are open."""

    name = "end_of_line"

    def __init__(self, plan: Plan, spot: Spot) -> None:
        self._strict = plan.strict or plan.kind is PlanKind.SPAN
        self._plan = plan
        self._spot = spot
        self._body: EndOfBlock | None = None
        """Where the body ends that the line opens, if it does."""
        self._seen_chars = 0
        """How much was looked at to know so."""
        self._next = 0
        """Line breaks before this do not end it."""

    def cut(self, text: str, since: int = 0) -> int | None:
        """Keep up to that line break."""
        if since <= self._seen_chars:
            self._body = None
        if self._body is not None:
            return self._body.cut(text, since)
        if since < self._next:
            self._next = 0
        end = text.find("\n", max(len(text) - len(text.lstrip()), self._next))
        if end < 0 or self._strict:
            return end if end >= 0 else None
        while end >= 0:
            if not text[: self._next].strip() and self._opens_body(text[:end]):
                return self._with_body(text, end, end)
            if not self._goes_on(text[:end]):
                below = text[end + 1 :].lstrip(" \t")
                if self._is_whole(text[:end]) or below.startswith("\n"):
                    return end
                if not below:
                    return None  # What comes next will tell.
                if below.startswith("{"):
                    return self._with_body(text, end, len(text) - len(below))
                if not _GOES_ON_BELOW.match(below):
                    return end
            following = text.find("\n", end + 1)
            if following >= 0:
                self._next = end + 1
            end = following
        return None

    def _with_body(self, text: str, end: int, brace: int) -> int | None:
        """Where to cut if a header ends at `end`; `brace`: where its brace is, if not before."""
        self._body = self._body_below(text[:end], brace_below=brace > end)
        self._seen_chars = brace
        return end if self._body is None else self._body.cut(text)

    def _is_whole(self, text: str) -> bool:
        """Whether nothing that comes below could be a part of what `text` ends with."""
        spot = self._spot
        line = self._last_line(text).strip()
        if spot.lexis.name == "script":
            return not line.startswith(".")
        stack = spot.scan(text).stack
        if spot.lexis.name not in _SEMICOLONS or (stack and not stack[-1].is_code):
            return True
        return line[:1] in ("#", "@", "[") or line[-1:] in (";", "{", "}", ",", ":")

    def _goes_on(self, text: str) -> bool:
        spot = self._spot
        found = spot.scan(text)
        own = found.stack[found.floor :]
        if any(frame.closer != "\n" for frame in own):
            return True
        if not found.stack or found.floor < len(spot.stack) or not found.stack[-1].is_code:
            return False
        # "f(a," was opened on the cursor's own line: arguments, and more to come.
        on_line = found.stack[-1].offset > spot.before.rfind("\n")
        below = text.lstrip(" \t").startswith("\n")
        return on_line and (below or text.rstrip().endswith(","))

    def _body_below(self, text: str, *, brace_below: bool) -> EndOfBlock | None:
        """Where the body of the header that `text` ends with ends; None if none is wanted."""
        spot, head = self._spot, self._last_line(text)
        width = spot.columns(head)
        following = spot.next_lines[0] if spot.next_lines else ""
        there = spot.columns(following) > width or following.strip().startswith("{")
        if there or not _CLOSERS.fullmatch(spot.line_after):
            return None
        plan = attrs.evolve(self._plan, least_indent=least_in_body(head, spot))
        return EndOfBlock(plan, spot, head, brace_below=brace_below)

    def _last_line(self, text: str) -> str:
        _, newline, line = text.rpartition("\n")
        return line if newline else self._spot.line_before + line

    def _opens_body(self, text: str) -> bool:
        """Whether a line ends with what begins a body, which is more than a line."""
        spot = self._spot
        line = text.strip()
        if spot.lexis.colon_blocks or spot.lexis.name == "bash":
            head = _COLON_HEAD if spot.lexis.colon_blocks else _SHELL_HEAD
            stack = spot.scan(text).stack
            on_line = stack[-1:] and stack[-1].offset > spot.before.rfind("\n")
            if not on_line and head.match(self._last_line(text).rstrip()):
                return True
        if not line.endswith("{") or spot.lexis.colon_blocks:
            return False
        *around, brace = spot.scan(text).stack or (None,)
        if brace is None or not brace.is_code:
            return False
        # Within brackets it is a value's or a callback's, and so it is behind an equals sign.
        if around and around[-1] is not None and around[-1].closer in ")]":
            return False
        whole = spot.line_before + line
        if _STATEMENT.match(whole):
            return True
        # What has a value by default or in a loop's head is no assignment.
        while whole != (less := _GROUP.sub("", whole)):
            whole = less
        return _EXPRESSION.search(whole) is None


class LineOrBlock:
    """What begins on the cursor's line goes on to its end; what begins below is a block.

    So it is after a comment, which may go on or announce code, and after what opens a body.
    """

    name = "end_of_block"

    def __init__(self, plan: Plan, spot: Spot) -> None:
        may_be_line = plan.kind is PlanKind.ANNOUNCED or spot.opens_body(spot.line_before)
        self._line = EndOfLine(plan, spot) if may_be_line else None
        self._block = EndOfBlock(plan, spot)

    def cut(self, text: str, since: int = 0) -> int | None:
        """Keep either."""
        if self._line is None or text.lstrip(" \t").startswith("\n"):
            return self._block.cut(text, since)
        return self._line.cut(text, since)
