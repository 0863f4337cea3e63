"""What happens to a finished generation before it is offered.

Each filter mends one kind of fault and leaves everything else alone: most generations are good,
and harming them is the commoner mistake. A filter that leaves nothing is why nothing is offered.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import attrs

from codellama_lsp.completion.arguments import mended
from codellama_lsp.completion.closing import beside, closings_of
from codellama_lsp.completion.indentation import BARE_HEAD, blanks_of, own_indentation
from codellama_lsp.completion.spot import Spot, is_telling
from codellama_lsp.syntax.scan import Closing, scan

#: A blank more than one is too many behind these.
_WANTS_VALUE = re.compile(r"(?:=|\(|\[|\breturn)( ?)\Z")

_CLOSING = ")]}\"'`"
_PAIRS = frozenset(("()", "[]", "{}"))

#: All of the rest of the line is none where it is that long.
_WHOLE_REST_CHARS = 6

#: A part of the rest of the line that long is no coincidence.
_LONG_OVERLAP_CHARS = 8

#: Nor is a shorter one of several words.
_LEAST_OVERLAP_CHARS = 5


@attrs.frozen
class Draft:
    """A suggestion in the making."""

    text: str
    replaced_chars: int = 0
    """How much of the cursor's line after the cursor it takes the place of."""


Filter = Callable[[Draft, Spot], Draft]


def trailing_blanks(draft: Draft, spot: Spot) -> Draft:
    """Drop blank lines at the end, and blanks before the end of the line."""
    text = draft.text
    stripped = text.rstrip()
    tail = text[len(stripped) :]
    if "\n" in tail or not spot.line_after.strip():
        return attrs.evolve(draft, text=stripped)
    return draft


def following_lines(draft: Draft, spot: Spot) -> Draft:
    """Drop lines at the end that the document has after the cursor."""
    lines = draft.text.split("\n")
    lead = "" if spot.line_before.strip() else spot.line_before
    whole = [lead + lines[0], *lines[1:]]
    following = [line.rstrip() for line in spot.next_lines]
    first = 0 if not spot.line_before.strip() and not spot.line_after.strip() else 1
    for start in range(first, len(lines)):
        tail = [line.rstrip() for line in whole[start:] if line.strip()]
        if not tail or not whole[start].strip():
            continue
        there = following[: len(tail)]
        if tail != there and [*tail[:-1], tail[-1] + ";"] != there:
            continue
        # A short line may well stand twice, but not be all that there is to say.
        alone = start == 0 and len(tail) == 1 and re.search(r"\w.*[^,]$", tail[0])
        if alone or any(map(is_telling, tail)) or _is_closing("\n".join(lines[start:]), spot):
            return attrs.evolve(draft, text="\n".join(lines[:start]))
    return draft


def _is_closing(text: str, spot: Spot) -> bool:
    return bool(scan(text, spot.lexis).closings)


def rest_of_line(draft: Draft, spot: Spot) -> Draft:
    """Drop an end that repeats the rest of the cursor's line; brackets are not its business."""
    rest = spot.line_after.rstrip()
    text, more, _ = draft.text.rstrip().partition("\n")
    text = text.rstrip()
    if len(rest.strip()) >= _WHOLE_REST_CHARS and text.endswith(rest):
        return attrs.evolve(draft, text=text[: len(text) - len(rest)])
    if not rest or more or rest[0] in _CLOSING:
        return draft
    if text.endswith(rest) and (is_telling(rest) or _is_own_end(rest, text, spot)):
        return attrs.evolve(draft, text=text[: len(text) - len(rest)])
    stripped = rest.lstrip()
    if stripped != rest and text.endswith(stripped) and is_telling(stripped):
        return attrs.evolve(draft, text=text[: len(text) - len(stripped)].rstrip())
    for length in range(min(len(rest), len(text)), _LEAST_OVERLAP_CHARS - 1, -1):
        overlap = rest[:length]
        if not text.endswith(overlap) or re.match(r"\w\w", rest[length - 1 : length + 1]):
            continue
        several = len(re.findall(r"\w+", overlap)) > 1
        if several or (length >= _LONG_OVERLAP_CHARS and is_telling(overlap)):
            return attrs.evolve(draft, text=text[:-length])
    if is_telling(rest) and len(rest) >= _LONG_OVERLAP_CHARS:
        whole = re.search(rf"(?<!\w){re.escape(rest)}(?!\w)", text)
        if whole:
            return attrs.evolve(draft, text=text[: whole.start()])
    return draft


def _is_own_end(rest: str, text: str, spot: Spot) -> bool:
    """Whether a short `rest` at the end of `text` is more than a coincidence of letters."""
    begin = text[-len(rest) - 1 : -len(rest)] + rest[0]
    if re.fullmatch(r"\w\w", begin):
        return False
    if not scan(rest, spot.lexis, spot.stack).closings:
        return rest[-1] in ":;{" or not re.match(r"\w", rest)
    # With it, something would be closed twice that would not be without it.
    without = spot.scan_after(spot.scan(text[: len(text) - len(rest)]).stack)
    return without.faults < spot.scan_after(spot.scan(text).stack).faults


def closers(draft: Draft, spot: Spot) -> Draft:
    """Close brackets and quotes once: those after the cursor and those generated.

    Where the text ends with the surplus ones they are dropped; where it goes on after them, it
    takes the place of those in the document.
    """
    text = draft.text
    surplus = closings_of(text, spot).surplus
    if not surplus:
        return draft
    start = surplus[0].offset
    line_start = text.rfind("\n", 0, start)
    own_line = line_start >= 0 and not text[line_start:start].strip()
    tail, rest = _squeezed(text[start:]), _squeezed(spot.line_after)
    taken = beside(surplus, spot)
    if own_line:
        if taken:
            return attrs.evolve(draft, replaced_chars=taken)
        return attrs.evolve(draft, text=text[:line_start])
    if rest.startswith(tail) or not taken:
        kept = text[:start]
        if tail.endswith(";") and not rest and surplus[0].frame is not spot.stack[-1]:
            # They are not those of an outer bracket, however alike; the statement has its end.
            return attrs.evolve(draft, text=kept if kept[-1:] in (";", "{", "}") else f"{kept};")
        spaced = spot.line_after[:1].isspace() or not taken
        return attrs.evolve(draft, text=kept.rstrip() if spaced else kept)
    end = spot.line_after.rstrip()
    if len(end) > taken and len(tail) > len(rest) and text.rstrip().endswith(end[taken:]):
        return attrs.evolve(draft, replaced_chars=len(end))
    return attrs.evolve(draft, replaced_chars=taken)


def _squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def unbalanced(draft: Draft, spot: Spot) -> Draft:
    """Drop closers of nothing, where all that was opened before is known."""
    if spot.lexis.loose_closers or _in_markup(spot):
        return draft
    stray = closings_of(draft.text, spot).stray
    if stray and (not spot.from_start or spot.scanned.faults) and not _is_stray(stray, draft, spot):
        # Only what a body, or a statement that begins on this line, has opened is known.
        above = spot.line_above.rstrip()
        begins_here = above[-1:] in (";", "{", "}", ":") or BARE_HEAD.match(above)
        in_body = bool(spot.stack) and spot.stack[-1].is_code and spot.stack[-1].closer == "}"
        stray = [it for it in stray if (begins_here or in_body) and it.text in ")]"]
    if not stray:
        return draft
    start, end = stray[0].offset, stray[-1].offset + len(stray[-1].text)
    tail = draft.text[end:]
    if draft.text[start:end] == "".join(closing.text for closing in stray) and not tail.strip(
        ";,: \n"
    ):
        return attrs.evolve(draft, text=draft.text[:start] + tail)
    return attrs.evolve(draft, text=draft.text[:start])


def _is_stray(stray: Sequence[Closing], draft: Draft, spot: Spot) -> bool:
    """Whether the code reads better without these closers."""
    text = draft.text
    for closing in reversed(stray):
        text = text[: closing.offset] + text[closing.offset + len(closing.text) :]
    return spot.reads_better_with(text, draft.text)


def _in_markup(spot: Spot) -> bool:
    """Whether the cursor is in text between tags, where a bracket is a bracket."""
    if spot.language_id == "php":
        opened, closed = spot.before.rfind("<?"), spot.before.rfind("?>")
        return closed > opened or (opened < 0 and spot.from_start)
    if spot.lexis.name != "script":
        return False
    return re.search(r"(?:>|/>)[^<>;{}()=]*$", spot.before) is not None and "<" in spot.before


def closing_tag(draft: Draft, spot: Spot) -> Draft:
    """Drop a closing tag that follows the cursor already, and a template's angle bracket."""
    rest = spot.line_after.strip()
    if rest[:1] != ">" or "\n" in draft.text:
        return draft
    depth = 0
    for offset, char in enumerate(draft.text):
        before = draft.text[offset - 1 : offset]
        if char == "<":
            depth += 1
        elif char == ">" and before not in ("-", "="):
            depth -= 1
            if depth < 0:
                tail = _squeezed(draft.text[offset:])
                if _squeezed(rest).startswith(tail):
                    return attrs.evolve(draft, text=draft.text[:offset])
                return draft
    return draft


def leading_blanks(draft: Draft, spot: Spot) -> Draft:
    """Drop blanks between what wants a value and the value."""
    body = draft.text.lstrip(" ")
    blanks = len(draft.text) - len(body)
    match = _WANTS_VALUE.search(spot.line_before)
    in_code = not spot.stack or spot.stack[-1].is_code
    if match is None or not in_code or body.startswith("\n") or blanks < 2 - len(match[1]):
        return draft
    return attrs.evolve(draft, text=f" {body}" if match[0] in ("=", "return") else body)


def arguments(draft: Draft, spot: Spot) -> Draft:
    """Drop arguments that the call has already, or that it does not take."""
    return attrs.evolve(draft, text=mended(draft.text, spot))


def indentation(draft: Draft, spot: Spot) -> Draft:
    """Indent as the document does."""
    return attrs.evolve(draft, text=own_indentation(draft.text, spot))


def closer_below(draft: Draft, spot: Spot) -> Draft:
    """Put a bracket on a line of its own where what it closes begins below its opener."""
    pair = spot.line_before[-1:] + spot.line_after[draft.replaced_chars :][:1]
    if draft.text.startswith("\n") and pair in _PAIRS:
        return attrs.evolve(draft, text=f"{draft.text.rstrip()}\n{blanks_of(spot.line_before)}")
    return draft


#: In this order; the name is what `Completion.detail` says.
FILTERS: tuple[tuple[str, Filter], ...] = (
    ("leading_blanks", leading_blanks),
    ("arguments", arguments),
    ("indentation", indentation),
    ("following_lines", following_lines),
    ("rest_of_line", rest_of_line),
    ("closing_tag", closing_tag),
    ("closers", closers),
    ("unbalanced", unbalanced),
    ("trailing_blanks", trailing_blanks),
    ("closer_below", closer_below),
)


def run_filters(text: str, spot: Spot) -> tuple[Draft, str]:
    """The draft after all filters; if one of them left nothing visible, its name."""
    draft = Draft(text)
    for name, apply in FILTERS:
        draft = apply(draft, spot)
        if not draft.text.strip():
            return draft, name
    return draft, ""
