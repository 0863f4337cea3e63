"""The contenders for room in a prompt: the same folder, open tabs, text search alone, and ours.

Each fills the same number of tokens, counted by the same meter, under the same headings, as far as
it has text: with room left, the next best of its own kind follows.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Iterator

import attrs

from codellama_lsp.context.assemble import Chunk
from codellama_lsp.context.candidates import Query, nearness, rarity
from codellama_lsp.context.cursor import view
from codellama_lsp.context.index.library import Library
from codellama_lsp.context.index.words import identifiers
from codellama_lsp.context.languages import comment, same_family
from codellama_lsp.context.meter import Meter
from codellama_lsp.context.related import Asked
from codellama_lsp.context.segments import Segments
from codellama_lsp.context.select import select
from codellama_lsp.engine.protocol import Segment

_TABS = 6
_TAB_LINES = 24
_LEAST_PIECE_TOKENS = 8
_MOST_WORDS = 18
_MOST_HITS = 200
_FITS = 4


@attrs.frozen
class Room:
    """How much may be shown."""

    tokens: int
    chars_per_token: float
    """What the shipped chooser counts with."""
    count: Callable[[str], int] | None = None
    """A text's tokens in the model's own vocabulary; None: by `chars_per_token`."""

    def counted(self, text: str) -> int:
        """Tokens of a text that ends with a line break."""
        count = self.count or Meter(self.chars_per_token).tokens
        return count(text)


Chooser = Callable[[Library, Query, Room], list[Chunk]]


def ours(library: Library, query: Query, room: Room) -> list[Chunk]:
    """References and resemblance, as shipped.

    Where tokens are the model's own, the budget is the one with which the shipped estimate comes
    closest to the room from below.
    """
    budget, fitting, most = room.tokens, [], 0
    for _ in range(_FITS if room.count else 1):
        assembly = select(
            library, query, budget_tokens=budget, chars_per_token=room.chars_per_token
        )
        chunks = list(assembly.chunks)
        tokens = sum(room.counted(chunk.text) for chunk in chunks) if room.count else 0
        if tokens > room.tokens:
            budget = min(int(budget * room.tokens / tokens), budget - 8)
            continue
        if tokens >= most:
            fitting, most = chunks, tokens
        if tokens >= room.tokens - _LEAST_PIECE_TOKENS or not tokens:
            break
        budget += room.tokens - tokens
    return fitting


def text_search(library: Library, query: Query, room: Room) -> list[Chunk]:
    """BM25 over definitions with the rarest identifiers near the cursor; whole bodies."""
    words = view(query.text, query.offset).words
    occurs, total = library.frequency(list(words)), max(library.size, 1)
    weighed = {word: words[word] * rarity(n, total) for word, n in occurs.items()}
    chosen = sorted(weighed, key=lambda word: -weighed[word])[:_MOST_WORDS]
    texts = (
        (f.path, f.definition.body or f.definition.skeleton)
        for f, _ in library.search(chosen, _MOST_HITS)
        if f.path != query.path
        and (same_family(f.language, query.language) or f.language == "markdown")
    )
    return _filled(texts, query, room)


def open_tabs(library: Library, query: Query, room: Room) -> list[Chunk]:
    """Six neighbouring files as open tabs, of each the lines most like those at the cursor.

    Which neighbours are open is drawn by the file's name: a user has some of them open, not all.
    With room left, each tab's next best lines follow.
    """
    paths = [p for p in library.disk.known() if p != query.path]
    rng = random.Random(query.path)
    rng.shuffle(paths)
    paths.sort(key=lambda p: -nearness(p, query.path))
    tabs = rng.sample(paths[: 2 * _TABS], min(_TABS, len(paths)))
    here = set(identifiers("\n".join(query.text[: query.offset].split("\n")[-_TAB_LINES:])))
    ranked: list[tuple[float, str, int, str]] = []
    for path in tabs:
        found = library.in_file(path)
        if not found or not same_family(found[0].language, query.language):
            continue
        lines = "\n".join(f.definition.body or f.definition.signature for f in found).split("\n")
        for start in range(0, len(lines), _TAB_LINES // 2):
            text = "\n".join(lines[start : start + _TAB_LINES])
            there = set(identifiers(text))
            ranked.append((len(here & there) / max(len(here | there), 1), path, start, text))
    ranked.sort(key=lambda entry: (-entry[0], entry[1], entry[2]))
    first: dict[str, int] = {}
    for number, (_, path, _, _) in enumerate(ranked):
        first.setdefault(path, number)
    order = [*first.values(), *(n for n in range(len(ranked)) if n not in set(first.values()))]
    return _filled(_apart(ranked[number] for number in order), query, room)


def same_folder(library: Library, query: Query, room: Room) -> list[Chunk]:
    """Signatures of all that the other files of the folder define, in an order drawn by name."""
    folder = query.path.rpartition("/")[0]
    paths = [p for p in library.disk.known() if p != query.path]
    inside = sorted(p for p in paths if p.rpartition("/")[0] == folder)
    random.Random(query.path).shuffle(inside)
    texts = (
        (path, re.sub(r"\n\s*", " ", f.definition.signature))
        for path in inside
        for f in library.in_file(path)
        if f.definition.name and same_family(f.language, query.language)
    )
    return _filled(_by_path(texts), query, room)


def _apart(ranked: Iterable[tuple[float, str, int, str]]) -> Iterator[tuple[str, str]]:
    """Windows of lines that have none in common."""
    taken: set[tuple[str, int]] = set()
    for _, path, start, text in ranked:
        if not any((path, start + d) in taken for d in (-_TAB_LINES // 2, 0, _TAB_LINES // 2)):
            taken.add((path, start))
            yield path, text


def _by_path(texts: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    lines: list[str] = []
    last = ""
    for path, text in texts:
        if path != last and lines:
            yield last, "\n".join(lines)
            lines = []
        last = path
        lines.append(text)
    if lines:
        yield last, "\n".join(lines)


def _filled(texts: Iterable[tuple[str, str]], query: Query, room: Room) -> list[Chunk]:
    left, chunks = room.tokens, []
    for path, text in texts:
        heading = comment(query.language, path)
        lines = text.split("\n")
        while lines and room.counted(f"{heading}\n" + "\n".join(lines) + "\n") > left:
            lines = lines[: max(len(lines) - 1 - len(lines) // 8, 0)]
        if not lines:
            continue
        whole = f"{heading}\n" + "\n".join(lines) + "\n"
        chunks.append(Chunk(path, whole, room.counted(whole), ()))
        left -= chunks[-1].tokens
        if left < _LEAST_PIECE_TOKENS:
            break
    return list(reversed(chunks))


class Contender:
    """A chooser as the pipeline's source of related code."""

    def __init__(
        self,
        choose: Chooser,
        library: Library,
        versions: Iterator[int],
        count: Callable[[str], int] | None = None,
    ) -> None:
        self._choose = choose
        self._library = library
        self._segments = Segments(versions)
        self._count = count
        self.path = ""
        """Of the document asked about next, within the package."""
        self.last: list[Chunk] = []
        self._known: tuple[Query, Room] | None = None

    def knows(self, uri: str) -> bool:
        """Always."""
        return True

    async def prepare(self, asked: Asked) -> None:
        """Nothing: it is chosen on the spot."""

    def chosen(self, asked: Asked) -> tuple[Segment, ...]:
        """Chosen on the spot: here nobody waits."""
        windows = asked.windows
        shown = (windows.prefix.text, windows.left_out + windows.suffix.text)
        query = Query(self.path, asked.language, asked.text, asked.offset, shown)
        room = Room(asked.budget_tokens, asked.chars_per_token, self._count)
        if self._known != (query, room):
            self.last = self._choose(self._library, query, room)
            self._known = (query, room)
        return self._segments.of(asked.uri, self.last)

    def forget(self, uri: str) -> None:
        """Nothing is kept."""
