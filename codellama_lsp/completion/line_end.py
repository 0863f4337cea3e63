"""Where a generated line ends: at its line break, unless brackets are open.

A brace that opens a body ends the line too: the body is another plan's.
"""

from __future__ import annotations

import re

from codellama_lsp.completion.block_end import EndOfBlock
from codellama_lsp.completion.plan import Plan, PlanKind
from codellama_lsp.completion.spot import Spot

#: Before a brace: this makes it part of an expression.
_EXPRESSION = re.compile(r"(?<![=!<>])=(?!=)|=>|\breturn\b|->")


class EndOfLine:
    """A line ends at the first line break after something visible, unless brackets are open."""

    name = "end_of_line"

    def __init__(self, plan: Plan, spot: Spot) -> None:
        self._strict = plan.strict or plan.kind is PlanKind.SPAN
        self._spot = spot

    def cut(self, text: str) -> int | None:
        """Keep up to that line break."""
        start = len(text) - len(text.lstrip())
        first = end = text.find("\n", start)
        if end < 0 or self._strict:
            return end if end >= 0 else None
        if self._opens_body(text[:first]):
            return first
        while end >= 0:
            if not self._goes_on(text[:end]):
                return end
            end = text.find("\n", end + 1)
        return None

    def _goes_on(self, text: str) -> bool:
        spot = self._spot
        found = spot.scan(text)
        own = found.stack[found.floor :]
        if any(frame.closer != "\n" for frame in own):
            return True
        if not text.rstrip().endswith(",") or not found.stack:
            return False
        # An argument, and more to come: "f(a," was opened on the cursor's own line.
        frame = found.stack[-1]
        on_line = frame.offset > spot.before.rfind("\n")
        return on_line and frame.closer in ")]" and found.floor == len(spot.stack)

    def _opens_body(self, text: str) -> bool:
        """Whether a line ends with the brace of a body, which is more than a line."""
        spot = self._spot
        line = text.strip()
        if not line.endswith("{") or spot.lexis.colon_blocks:
            return False
        *around, brace = spot.scan(text).stack or (None,)
        if brace is None or not brace.is_code:
            return False
        # Within brackets it is a value's or a callback's, and so it is behind an equals sign.
        if around and around[-1] is not None and around[-1].closer in ")]":
            return False
        return _EXPRESSION.search(spot.line_before + line) is None


class Announced:
    """The rest of a comment's line, or else the block below it."""

    name = "end_of_announced"

    def __init__(self, plan: Plan, spot: Spot) -> None:
        self._line = EndOfLine(plan, spot)
        self._block = EndOfBlock(plan, spot)

    def cut(self, text: str) -> int | None:
        """Keep either."""
        if text.lstrip(" \t").startswith("\n"):
            return self._block.cut(text)
        return self._line.cut(text)
