"""Typing traces: what an editor would send while someone works on real files for a while.

Pieces are cut out of each file beforehand and written back one by one, so that when all are back
the files are as they were. The same seed and files give the same trace.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence

import attrs

from codellama_lsp.evaluation.keystrokes.editor import Editor, EventClass
from codellama_lsp.evaluation.keystrokes.writing import Habits, write
from codellama_lsp.evaluation.positions import SourceFile

_INDENTED = re.compile(r"^([ \t]+)\S", re.MULTILINE)
_WORD = re.compile(r"[A-Za-z_]{6,}")
_OPENED = re.compile(r"[\[({]\n")
_ENTRY_CHARS = 3_000
#: Keystrokes before someone looks into another file.
_STAY = (40, 110)


@attrs.frozen
class Event:
    """One thing the user did and the document after it."""

    kind: EventClass
    uri: str
    language_id: str
    text: str
    offset: int
    """Cursor, in code points."""


@attrs.define
class _Cut:
    """A piece that was taken out of a file."""

    at: int
    """Offset in the whole file."""
    text: str
    kind: EventClass
    """How it comes back: TYPE, INSIDE_WORD or PASTE."""
    back: bool = False


class _Document:
    """A file with pieces cut out, and who writes them back."""

    def __init__(self, file: SourceFile, cuts: Sequence[_Cut], rng: random.Random) -> None:
        self.file = file
        self.visited = False
        self._cuts = sorted(cuts, key=lambda cut: cut.at)
        self._order = rng.sample(self._cuts, len(self._cuts))
        text = file.text
        for cut in reversed(self._cuts):
            text = text[: cut.at] + text[cut.at + len(cut.text) :]
        self.editor = Editor(text, indent=indent_of(file.text))
        self.steps = self._work(rng)

    def enter(self) -> None:
        """Put the cursor where the work begins."""
        if self._order:
            self.editor.move(self._place(self._order[0]))

    def _work(self, rng: random.Random) -> Iterator[EventClass]:
        for number, cut in enumerate(self._order):
            if number:
                yield self.editor.move(self._place(cut))
            if cut.kind is EventClass.PASTE:
                yield self.editor.insert(cut.text, EventClass.PASTE)
            elif cut.kind is EventClass.INSIDE_WORD:
                yield from write(self.editor, cut.text, rng, Habits(0, 0, 0))
            else:
                yield from write(self.editor, cut.text, rng)
            cut.back = True

    def _place(self, wanted: _Cut) -> int:
        missing = (c for c in self._cuts if c.at < wanted.at and not c.back)
        return wanted.at - sum(len(cut.text) for cut in missing)


def trace(files: Sequence[SourceFile], events: int, seed: int) -> Iterator[Event]:
    """At most `events` events over `files`; ends early when all is written."""
    rng = random.Random(seed)
    documents = [_Document(file, _cuts(file.text, rng), rng) for file in files]
    current: _Document | None = None
    count = 0
    while documents and count < events:
        others = [document for document in documents if document is not current]
        current = _next(others or documents, rng)
        if len(documents) > 1 or not current.visited:
            if current.visited:
                kind = EventClass.RETURN_TO_FILE
            else:
                kind = EventClass.SWITCH_FILE if count else EventClass.OPEN
                current.enter()
            current.visited = True
            yield _event(current, kind)
            count += 1
        for _ in range(min(rng.randint(*_STAY), events - count)):
            step = next(current.steps, None)
            if step is None:
                documents.remove(current)
                break
            yield _event(current, step)
            count += 1


def indent_of(text: str) -> str:
    """The step that a file is indented by."""
    widths = [match.group(1) for match in _INDENTED.finditer(text)]
    if any(width.startswith("\t") for width in widths):
        return "\t"
    even = [width for width in widths if len(width) in (2, 4)]
    # Twos all over make fours as well, so they have to be frequent, not just there.
    twos = sum(len(width) == 2 for width in even)
    return "  " if even and twos * 4 > len(even) else "    "


def _next(documents: Sequence[_Document], rng: random.Random) -> _Document:
    """Mostly one that is open already."""
    seen = [document for document in documents if document.visited]
    new = [document for document in documents if not document.visited]
    if new and (not seen or rng.random() < 0.4):
        return new[0]
    return rng.choice(seen)


def _event(document: _Document, kind: EventClass) -> Event:
    file, editor = document.file, document.editor
    return Event(kind, file.path.as_uri(), file.language_id, editor.text, editor.offset)


def _cuts(text: str, rng: random.Random) -> list[_Cut]:
    """Pieces to take out: lines to type, lines to paste, the middles of words, apart."""
    lines = text.split("\n")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    wanted = max(4, len(text) // _ENTRY_CHARS)
    cuts: list[_Cut] = []
    for number in range(wanted * 4):
        if len(cuts) >= wanted:
            break
        kind = (EventClass.TYPE, EventClass.INSIDE_WORD, EventClass.TYPE, EventClass.PASTE)[
            len(cuts) % 4
        ]
        if kind is EventClass.INSIDE_WORD:
            cut = _word(text, rng)
        else:
            many = (3, 8) if kind is EventClass.PASTE else (1, 4)
            cut = _lines(lines, starts, rng, rng.randint(*many), kind, opened=number % 3 == 0)
        if cut and all(cut.at + len(cut.text) + 200 < c.at or cut.at > c.at + len(c.text) + 200
                       for c in cuts):  # fmt: skip
            cuts.append(cut)
    return cuts


def _lines(
    lines: Sequence[str],
    starts: Sequence[int],
    rng: random.Random,
    count: int,
    kind: EventClass,
    *,
    opened: bool,
) -> _Cut | None:
    """`count` whole lines and the line break before them; `opened`: with a bracket left open."""
    if len(lines) < count + 3:
        return None
    first = rng.randrange(1, len(lines) - count - 1)
    if opened:
        places = [i for i in range(1, len(lines) - 6) if lines[i].endswith(("(", "[", "{"))]
        if places:
            first, count = rng.choice(places), max(count, 4)
    piece = lines[first : first + count]
    if not piece[-1].strip() or any(line != line.rstrip() for line in piece):
        return None
    if lines[first - 1] != lines[first - 1].rstrip():
        return None
    return _Cut(starts[first] - 1, "\n" + "\n".join(piece), kind)


def _word(text: str, rng: random.Random) -> _Cut | None:
    match = _WORD.search(text, rng.randrange(len(text)))
    if match is None:
        return None
    start = match.start() + rng.randint(1, 2)
    return _Cut(start, text[start : start + rng.randint(2, 3)], EventClass.INSIDE_WORD)
