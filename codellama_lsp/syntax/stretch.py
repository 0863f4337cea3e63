"""How a stretch of a document is read that begins anywhere, perhaps within a string or comment.

Then all would be the wrong way round. Lines that are surely code say so, and faults where there
are none. Pure functions of texts.
"""

from __future__ import annotations

import itertools

import attrs

from codellama_lsp.syntax.around import faults
from codellama_lsp.syntax.lexis import Lexis
from codellama_lsp.syntax.scan import Frame, Scan, Stack, scan

#: Of lines that are surely code, so many are looked at.
_MOST_LANDMARKS = 6

#: So many lines decide whether a stretch begins in documentation with a star before each line.
_STARRED_LINES = 4

#: How much worse one reading is than another that is not to be believed.
_CLEARLY = 2


def scan_stretch(text: str, lexis: Lexis, language_id: str) -> Scan:
    """What is open at the end of `text`, of which nobody knows where it begins."""
    found = scan(text, lexis)
    if lexis.line_comment == "//" and (inside := _within_comment(text, lexis, found)):
        return inside
    landmark = lexis.landmark.search(text) if lexis.landmark is not None else None
    if landmark is not None:
        return _from_landmark(text, landmark.start(), lexis) or found
    return _by_faults(text, lexis, language_id, found)


def _within_comment(text: str, lexis: Lexis, found: Scan) -> Scan | None:
    """What is open if `text` begins in a comment, where that reads better than `found`."""
    end = text.find("*/")
    if "/*" in (text if end < 0 else text[:end]):
        return None
    first = list(itertools.islice(filter(str.strip, text.split("\n")), _STARRED_LINES + 1))[1:]
    starred = bool(first) and all(line.lstrip().startswith("*") for line in first)
    if end < 0 and not starred:
        return None
    inside = scan("/*" + text, lexis)
    return _shifted(inside, -2) if starred or inside.faults < found.faults else None


def _from_landmark(text: str, start: int, lexis: Lexis) -> Scan | None:
    """What is open, read from a line that is surely code at `start`; None: that changes nothing."""
    assert lexis.landmark is not None
    before = scan(text[:start], lexis).stack
    if not _in_text(before):
        return None
    marks = [match.start() for match in lexis.landmark.finditer(text, start)][:_MOST_LANDMARKS]
    as_is = anew = 0
    stack: Stack = ()
    for here, there in zip([start, *marks], marks, strict=False):
        before = scan(text[here:there], lexis, before).stack
        stack = scan(text[here:there], lexis, stack).stack
        as_is += not _in_text(before)
        anew += not _in_text(stack)
    return _shifted(scan(text[start:], lexis), start) if anew > as_is else None


def _in_text(stack: Stack) -> bool:
    """Whether a line that begins with `stack` open begins within a string or comment."""
    return bool(stack) and not stack[-1].is_code and stack[-1].closer != "\n"


def _by_faults(text: str, lexis: Lexis, language_id: str, found: Scan) -> Scan:
    """What is open in the reading with fewer faults."""
    quotes = [it for it in _long_quotes(lexis) if it in text]
    if not quotes:
        return found
    texts = [frame for frame in found.stack if frame.closer in quotes]
    if texts and _begins_body(texts[-1], text):
        return found
    inside = {it: scan(it + text, lexis) for it in quotes}
    quote = min(inside, key=lambda it: inside[it].faults)
    best = inside[quote]
    if not texts and best.faults + _CLEARLY > found.faults:
        return found
    outside = faults(text + (texts[-1].closer if texts else ""), language_id)
    within = faults(quote + text, language_id)
    if not texts and (outside is None or within is None):
        return found
    if outside is None or within is None or outside == within:
        # The text that the cursor is in has not ended yet, which is no fault.
        outside, within = found.faults - 1, best.faults
    return found if outside <= within else _shifted(best, -len(quote))


def _long_quotes(lexis: Lexis) -> tuple[str, ...]:
    """Quotes of texts that go over many lines."""
    return ("`",) if lexis.name in ("go", "script") else ('"""', "'''")


def _begins_body(frame: Frame, text: str) -> bool:
    """Whether what was opened is the first thing below a header: documentation, surely."""
    start = text.rfind("\n", 0, frame.offset) + 1
    above = text[:start].rstrip()
    return not text[start : frame.offset].strip() and above.endswith(":")


def _shifted(found: Scan, chars: int) -> Scan:
    """`found` as if so many characters stood before the text."""
    frames = (frame._replace(offset=max(frame.offset + chars, 0)) for frame in found.stack)
    return attrs.evolve(found, stack=tuple(frames))
