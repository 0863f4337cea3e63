"""What stands before an answer and is none: talk, a fence of markdown, what was written before it.

Taken away while the text streams in, before any stop rule looks at it. Must not know plans.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable

from codellama_lsp.completion.echo import is_prose_language, may_hold_fences
from codellama_lsp.completion.spot import MOST_ROWS_ABOVE, Spot, is_telling
from codellama_lsp.completion.units import in_units
from codellama_lsp.context.windows import normalised

_TALK = re.compile(
    r"\s*(?:(?:sure|certainly|of course|okay|ok|here(?:'s| is| are))\b"
    r"[^\n;{}=]*[:.!,][ \t]*\n\s*)+",
    re.IGNORECASE,
)
_MAY_BE_TALK = re.compile(r"\s*(?:sure|certainly|of course|okay|ok|here(?:'s| is| are))\b", re.I)
_FENCE = re.compile(r"\s*```[\w+#.-]*[ \t]*\n")
_MAY_BE_FENCE = re.compile(r"\s*`{1,2}\Z|\s*```[^\n]*\Z")

#: So much of the line before the cursor said again is no coincidence; a shorter call may nest.
_LEAST_ECHO_CHARS = 4
_LONG_ECHO_CHARS = 9
_CALL = re.compile(r"[\w.]+[(\[{<]+")

#: A line that long does not stand twice in a row, and neither do these.
_LONG_LINE_CHARS = 12
_ONCE = re.compile(r"(?:import|from|using|use|package|require|#include|<\?php|#!)(?!\w)|@\w")

#: The text without its head; None where that cannot be said before more of it has come.
Head = Callable[[str, Spot, bool], str | None]


def talk(text: str, spot: Spot, ended: bool) -> str | None:
    """A sentence of a chat on a line of its own: "Here is the code:"."""
    if may_hold_fences(spot):
        if not _is_begun(spot) or not _MAY_BE_TALK.match(text):
            return text
        # Within a sentence, only what a block of code follows is no part of it.
        match = _TALK.match(text)
        if match and _FENCE.match(text, match.end()):
            return text[match.end() :]
        may_come = (
            "\n" not in text.lstrip() if match is None else _may_be_fence(text[match.end() :])
        )
        return None if may_come and not ended else text
    if match := _TALK.match(text):
        return text[match.end() :]
    if not ended and "\n" not in text.lstrip() and _MAY_BE_TALK.match(text):
        return None
    return text


def fence(text: str, spot: Spot, ended: bool) -> str | None:
    """The line that begins a code block of markdown."""
    if may_hold_fences(spot) and not _is_begun(spot):
        return text
    if match := _FENCE.match(text):
        return text[match.end() :]
    return None if not ended and _MAY_BE_FENCE.match(text) else text


def _may_be_fence(text: str) -> bool:
    return not text.strip() or _MAY_BE_FENCE.match(text) is not None


def _is_begun(spot: Spot) -> bool:
    """Whether something of a text stands on the cursor's line, so that no block can begin there."""
    return not is_prose_language(spot) and bool(spot.line_before.strip(" \t/*#!-\"'`"))


def line_so_far(text: str, spot: Spot, ended: bool) -> str | None:
    """What the cursor's line holds already, or the last word that was begun there."""
    body = text.lstrip(" \t")
    for said in _echoes(spot.line_before.lstrip()):
        bare = said.rstrip()
        if not ended and len(body) <= len(bare) and bare.startswith(body.rstrip()):
            return None
        rest = body[len(bare) :]
        if not body.startswith(bare) or not rest.strip():
            continue
        if said == bare:
            return rest
        if rest[0].isspace():
            return rest.lstrip(" \t")
    return text


@functools.lru_cache(maxsize=8)
def _echoes(line: str) -> tuple[str, ...]:
    """Ends of `line` that would be said again if a text began with them."""
    starts = (0, *(match.start() for match in re.finditer(r"(?<!\w)[A-Za-z_]", line)))
    return tuple(line[start:] for start in starts if _is_echo(line[start:], whole=start == 0))


def _is_echo(said: str, *, whole: bool) -> bool:
    if re.fullmatch(r"[A-Za-z_]\w{2,}", said):
        return True
    if not whole:
        return False
    if said[-1:].isspace():
        return len(said.strip()) >= 3
    if len(said) < _LEAST_ECHO_CHARS:
        return False
    if said[-1] in ":{" and len(re.findall(r"\w", said)) > 2:
        return True
    if not is_telling(said):
        return False
    return len(said) >= _LONG_ECHO_CHARS or _CALL.fullmatch(said) is None


def lines_above(text: str, spot: Spot, ended: bool) -> str | None:
    """The lines that end right above the cursor."""
    lead = spot.line_before
    if lead.strip() or not spot.line_above:
        return text
    lines = text.split("\n", MOST_ROWS_ABOVE + 1)
    said = [line.rstrip() for line in [lead + lines[0].removeprefix(lead), *lines[1:]]]
    whole = said if ended else said[:-1]
    above = spot.rows_above
    for count in range(len(above), 0, -1):
        wanted = above[-count:]
        is_whole = whole[:count] == wanted
        if not is_whole and (ended or not _agree(said, wanted)):
            continue
        if not _may_not_stand_twice(wanted, above[:-count], spot):
            continue
        if not is_whole:
            return None
        rest = "\n".join(lines[count:])
        return rest.removeprefix(lead)
    return text


def _agree(said: list[str], wanted: list[str]) -> bool:
    """Whether `said`, its last line begun, may become `wanted`."""
    if len(said) > len(wanted) or said[:-1] != wanted[: len(said) - 1]:
        return False
    return wanted[len(said) - 1].startswith(said[-1])


def _may_not_stand_twice(lines: list[str], before: list[str], spot: Spot) -> bool:
    if not lines[0].strip() or lines == before[-len(lines) :]:
        return False
    if lines[-1].endswith(","):
        return False
    if len(lines) > 1:
        return sum(map(is_telling, lines)) > 1
    line = lines[0].strip()
    long = len(line) >= _LONG_LINE_CHARS and re.match(r"[\w@$]", line) is not None
    if not long and _ONCE.match(line) is None:
        return False
    # Where it stands twice elsewhere it may well do so here.
    return f"\n{lines[0]}\n{lines[0]}\n" not in f"{spot.before}\0{spot.after}"


#: In this order.
HEADS: tuple[Head, ...] = (talk, fence, lines_above, line_so_far, in_units)


def heard(raw: str, spot: Spot, *, ended: bool) -> str:
    """What was generated as far as it counts; empty while that cannot be said.

    `raw` is as it streamed in; the result has ``\\n`` line ends. `ended`: nothing more comes.
    """
    text = normalised(raw if ended else raw.removesuffix("\r"))
    for head in HEADS:
        rest = head(text, spot, ended)
        if rest is None:
            return ""
        text = rest
    return text
