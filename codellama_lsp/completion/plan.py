"""What to ask for at a cursor: the span inside a line, the rest of the line, or a block.

Must not know engines or LSP.
"""

from __future__ import annotations

import enum
import re

import attrs

from codellama_lsp.completion.spot import Spot
from codellama_lsp.config.options import MultiLine
from codellama_lsp.syntax.scan import Frame, FrameKind

#: What may follow the cursor without being code of its own: closers and the end of a statement.
_TRIVIAL_REST = re.compile(r"[\s)\]}>\"'`;,:]*")

#: What is in it may stand at its own indentation.
_FLAT = re.compile(r"\s*(?:switch|select|(?:inline\s+)?namespace|extern)\b.*\{\s*$")
_NAMESPACE = re.compile(r"\s*(?:(?:inline\s+)?namespace|extern)\b.*\{\s*$")


class PlanKind(enum.StrEnum):
    """How much to complete."""

    SPAN = "span"
    """Up to code that follows on the same line."""
    LINE = "line"
    BLOCK = "block"
    DOCSTRING = "docstring"
    """The text of a documentation comment or string, to its end."""
    ANNOUNCED = "announced"
    """At the end of a comment: the rest of its line, or else the code that it announces."""


@attrs.frozen
class Plan:
    """What to ask for, and where it ends."""

    kind: PlanKind
    least_indent: int = 0
    """A block ends before the first line with fewer columns of indentation."""
    strict: bool = False
    """Whether a line ends at its line break even with brackets open."""

    @property
    def one_line(self) -> bool:
        """Whether it ends with a line."""
        return self.kind in (PlanKind.SPAN, PlanKind.LINE)


def choose_plan(spot: Spot, multi_line: MultiLine = "auto", forced: str | None = None) -> Plan:
    """The plan for `spot`; `forced` names a kind to use whatever the text looks like."""
    if forced in list(PlanKind):
        return Plan(PlanKind(forced), _least_indent(spot), strict=True)
    kind = _kind(spot, multi_line)
    return Plan(kind, _least_indent(spot), strict=multi_line == "never")


def ends_at_newline(spot: Spot, multi_line: MultiLine = "auto", forced: str | None = None) -> bool:
    """Whether the plan for `spot` ends at its first line break, come what may.

    Known much sooner than the plan: no tree is needed.
    """
    if forced in list(PlanKind):
        return forced in (PlanKind.SPAN, PlanKind.LINE)
    return multi_line == "never" or _is_span(spot)


def _least_indent(spot: Spot) -> int:
    width = spot.columns(spot.line_before)
    if spot.line_before.strip():
        return least_in_body(spot.line_before, spot) if spot.opens_body(spot.line_before) else width
    above = spot.line_above
    if not spot.opens_body(above):
        return width
    if width == spot.columns(above) and _FLAT.match(above):
        return width
    # The header of a body may well go on deeper than the body is.
    return max(width, min(spot.columns(spot.opener), spot.columns(above)) + 1)


def least_in_body(head: str, spot: Spot) -> int:
    """The least columns of a body whose header ends with `head`, the cursor's line."""
    if _NAMESPACE.match(head):
        return spot.columns(head)
    return spot.columns(spot.opener if head == spot.line_before else head) + 1


def _kind(spot: Spot, multi_line: MultiLine) -> PlanKind:
    if _is_span(spot):
        return PlanKind.SPAN
    if multi_line == "never":
        return PlanKind.LINE
    rest, doc = spot.line_after.strip(), _documentation(spot)
    if doc is not None and _is_unwritten(spot, doc):
        return PlanKind.DOCSTRING
    if multi_line == "always":
        return PlanKind.BLOCK
    if not spot.line_before.strip():
        return PlanKind.BLOCK if not rest else PlanKind.LINE
    if not rest and _announces(spot):
        return PlanKind.ANNOUNCED
    # In "f(|)" the bracket opened a list of arguments; in "f() {|}" the brace opened a body.
    in_braces = spot.line_before.endswith("{") and rest.startswith("}")
    opened = spot.opens_body(spot.line_before) and (not rest or in_braces)
    return PlanKind.BLOCK if opened and not _in_text(spot) else PlanKind.LINE


def _is_span(spot: Spot) -> bool:
    """Whether code of its own follows the cursor on its line."""
    rest = spot.line_after.strip()
    if _TRIVIAL_REST.fullmatch(rest):
        return False
    doc = _documentation(spot)
    return doc is None or rest != doc.closer


def _in_text(spot: Spot) -> bool:
    return bool(spot.stack) and not spot.stack[-1].is_code


def _documentation(spot: Spot) -> Frame | None:
    """The documentation comment or string that the cursor is in."""
    top = spot.stack[-1] if spot.stack else None
    if top is None or top.is_code:
        return None
    if top.kind is FrameKind.COMMENT:
        return top if spot.before.startswith("/**", top.offset) else None
    if len(top.closer) != 3:
        return None
    # A string on a line of its own: nothing else is done with it.
    line = spot.before[spot.before.rfind("\n", 0, top.offset) + 1 : top.offset]
    return top if not line.strip() else None


def _is_unwritten(spot: Spot, doc: Frame) -> bool:
    """Whether nothing of the documentation follows the cursor."""
    rest = spot.after.lstrip(" \t\n*")
    closer = doc.closer.lstrip("*")
    if rest.startswith(closer):
        return True
    # Not closed yet: what follows is code.
    if doc.kind is FrameKind.COMMENT:
        comment, closed, _ = spot.after.partition(doc.closer)
        return not closed or "/*" in comment
    return doc.closer not in spot.after or spot.reads_better_with(doc.closer)


def _announces(spot: Spot) -> bool:
    """Whether the cursor is at the end of a comment line with no code of its own below."""
    top = spot.stack[-1] if spot.stack else None
    comment = spot.lexis.line_comment
    line = spot.line_before.lstrip()
    if top is None or top.closer != "\n" or not comment or not line.startswith(comment):
        return False
    below = spot.after.split("\n")[1:2]
    return (
        not below or not below[0].strip() or spot.columns(below[0]) < spot.columns(spot.line_before)
    )
