"""What to ask for at a cursor: the span inside a line, the rest of the line, or a block.

Looks at the text alone; a syntax tree may know better later. Must not know engines or LSP.
"""

from __future__ import annotations

import enum
import re

import attrs

from codellama_lsp.completion.spot import Spot, indent_width
from codellama_lsp.config.options import MultiLine

#: What may follow the cursor without being code of its own: closers and the end of a statement.
_TRIVIAL_REST = re.compile(r"[\s)\]}>\"'`;,:]*")

#: A line that ends like this has a body, whose lines are deeper than it.
_OPENS_BODY = re.compile(r"(?:[:{(\[]|=>|->|\b(?:do|then|else|begin))\s*$")


class PlanKind(enum.StrEnum):
    """How much to complete."""

    SPAN = "span"
    """Up to code that follows on the same line."""
    LINE = "line"
    BLOCK = "block"


@attrs.frozen
class Plan:
    """What to ask for, and where it ends."""

    kind: PlanKind
    least_indent: int = 0
    """A block ends before the first line with fewer columns of indentation."""
    closes_at: int | None = None
    """Indentation of the line that opened the block at the cursor, where closing it belongs."""

    @property
    def one_line(self) -> bool:
        """Whether it ends at a line break."""
        return self.kind is not PlanKind.BLOCK


def choose_plan(spot: Spot, multi_line: MultiLine = "auto", forced: str | None = None) -> Plan:
    """The plan for `spot`; `forced` names a kind to use whatever the text looks like."""
    kind = _kind(spot, multi_line)
    if forced in list(PlanKind):
        kind = PlanKind(forced)
    if kind is not PlanKind.BLOCK:
        return Plan(kind)
    if spot.line_before.strip():
        base = indent_width(spot.line_before)
        if opens_body(spot.line_before):
            return Plan(kind, base + 1, closes_at=base)
        return Plan(kind, base)
    width = indent_width(spot.line_before)
    above = spot.line_above
    if opens_body(above):
        base = indent_width(above)
        return Plan(kind, max(width, base + 1), closes_at=base)
    return Plan(kind, width)


def opens_body(line: str) -> bool:
    """Whether a body is expected after `line`."""
    return _OPENS_BODY.search(line) is not None


def _kind(spot: Spot, multi_line: MultiLine) -> PlanKind:
    rest = spot.line_after
    if _TRIVIAL_REST.fullmatch(rest) is None:
        return PlanKind.SPAN
    if multi_line == "never":
        return PlanKind.LINE
    if multi_line == "always":
        return PlanKind.BLOCK
    if not spot.line_before.strip():
        return PlanKind.BLOCK if not rest.strip() else PlanKind.LINE
    # In "f(|)" the bracket opened a list of arguments; in "f() {|}" the brace opened a body.
    in_braces = spot.line_before.endswith("{") and rest.startswith("}")
    opened = opens_body(spot.line_before) and (not rest.strip() or in_braces)
    return PlanKind.BLOCK if opened else PlanKind.LINE
