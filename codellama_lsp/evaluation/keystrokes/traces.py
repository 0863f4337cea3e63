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
from codellama_lsp.evaluation.keystrokes.writing import Due, Habits, write
from codellama_lsp.evaluation.positions import SourceFile

_INDENTED = re.compile(r"^([ \t]+)\S", re.MULTILINE)
_WORD = re.compile(r"[A-Za-z_]{6,}")
_OPENERS = ("(", "[", "{")
_ENTRY_CHARS = 3_000
#: Keystrokes before someone looks into another file.
_STAY = (40, 110)
_SHORT_EVENTS = 150
_BRIEF_CHARS = 16


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
    brief: bool = False
    """A short line that ends in an opening bracket, and the one below."""


class _Document:
    """A file with pieces cut out, and who writes them back."""

    def __init__(
        self, file: SourceFile, cuts: Sequence[_Cut], rng: random.Random, due: Due
    ) -> None:
        self._due = due
        self.file = file
        self.visited = False
        self._cuts = sorted(cuts, key=lambda cut: cut.at)
        order = rng.sample(self._cuts, len(self._cuts))
        pastes = [cut for cut in order if cut.kind is EventClass.PASTE][:1]
        # First what shows most in least time, for short traces.
        first = [*(cut for cut in order if cut.brief), *pastes]
        self._order = [*first, *(cut for cut in order if cut not in first)]
        text = file.text
        for cut in reversed(self._cuts):
            text = text[: cut.at] + text[cut.at + len(cut.text) :]
        self.editor = Editor(text, indent=indent_of(file.text))
        self.steps = self._work(rng)

    @property
    def begins_briefly(self) -> bool:
        """Whether little typing there shows much."""
        return bool(self._order) and self._order[0].brief

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
                habits = Habits(0, 0, 0) if cut.brief else None
                yield from write(self.editor, cut.text, rng, habits, self._due)
            cut.back = True

    def _place(self, wanted: _Cut) -> int:
        missing = (c for c in self._cuts if c.at < wanted.at and not c.back)
        return wanted.at - sum(len(cut.text) for cut in missing)


def trace(files: Sequence[SourceFile], events: int, seed: int) -> Iterator[Event]:
    """At most `events` events over `files`; ends early when all is written."""
    rng = random.Random(seed)
    due = Due()
    documents = [_Document(file, _cuts(file.text, rng), rng, due) for file in files]
    documents.sort(key=lambda document: not document.begins_briefly)
    stays = _stays(events, rng)
    returned = False
    current: _Document | None = None
    count = 0
    while documents and count < events:
        others = [document for document in documents if document is not current]
        # Once two files are open, someone goes back before opening a third.
        current = _next(others or documents, rng, new_share=0.4 if returned else 0.0)
        returned = returned or current.visited
        if len(documents) > 1 or not current.visited:
            if current.visited:
                kind = EventClass.RETURN_TO_FILE
            else:
                kind = EventClass.SWITCH_FILE if count else EventClass.OPEN
                current.enter()
            current.visited = True
            yield _event(current, kind)
            count += 1
        for _ in range(min(next(stays), events - count)):
            step = next(current.steps, None)
            if step is None:
                documents.remove(current)
                break
            yield _event(current, step)
            due.tick()
            count += 1


def _stays(events: int, rng: random.Random) -> Iterator[int]:
    """Keystrokes in one file before the next; a short trace has to see several files, too."""
    if events < _SHORT_EVENTS:
        yield events * 4 // 5
        while True:
            yield max(2, events // 15)
    while True:
        yield rng.randint(*_STAY)


def indent_of(text: str) -> str:
    """The step that a file is indented by."""
    widths = [match.group(1) for match in _INDENTED.finditer(text)]
    if any(width.startswith("\t") for width in widths):
        return "\t"
    even = [width for width in widths if len(width) in (2, 4)]
    # Twos all over make fours as well, so they have to be frequent, not just there.
    twos = sum(len(width) == 2 for width in even)
    return "  " if even and twos * 4 > len(even) else "    "


def _next(documents: Sequence[_Document], rng: random.Random, *, new_share: float) -> _Document:
    """Mostly one that is open already."""
    seen = [document for document in documents if document.visited]
    new = [document for document in documents if not document.visited]
    if new and (not seen or rng.random() < new_share):
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
    brief = _brief(lines, starts)
    cuts = [brief] if brief else []
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


def _brief(lines: Sequence[str], starts: Sequence[int]) -> _Cut | None:
    """The shortest line of its kind, so that little typing shows much."""
    places = [
        i
        for i in range(2, len(lines) - 4)
        if lines[i].endswith(_OPENERS)
        and len(lines[i].strip()) > 1
        and 4 < len(lines[i + 1].strip()) < 80
        and not lines[i + 1].endswith(_OPENERS)
        and all(line == line.rstrip() for line in lines[i - 1 : i + 2])
    ]
    if not places:
        return None
    i = min(places, key=lambda i: len(lines[i].strip()))
    if len(lines[i].strip()) > _BRIEF_CHARS:
        return None
    text = "\n" + "\n".join(lines[i : i + 2])
    return _Cut(starts[i] - 1, text, EventClass.TYPE, brief=True)


def _word(text: str, rng: random.Random) -> _Cut | None:
    match = _WORD.search(text, rng.randrange(len(text)))
    if match is None:
        return None
    start = match.start() + rng.randint(1, 2)
    return _Cut(start, text[start : start + rng.randint(2, 3)], EventClass.INSIDE_WORD)
