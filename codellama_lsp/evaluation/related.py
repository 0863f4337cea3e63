"""The contenders for room in a prompt: nothing, open tabs, text search alone, and ours.

Each fills the same number of tokens, counted by the same meter, under the same headings.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator

from codellama_lsp.context.assemble import Chunk, Meter
from codellama_lsp.context.candidates import Pool, Query, nearness
from codellama_lsp.context.choose_similar import text_hits
from codellama_lsp.context.cursor import view
from codellama_lsp.context.index.library import Library
from codellama_lsp.context.index.words import identifiers
from codellama_lsp.context.languages import comment, same_family
from codellama_lsp.context.related import Asked
from codellama_lsp.context.segments import Segments
from codellama_lsp.context.select import select
from codellama_lsp.engine.protocol import Segment

Chooser = Callable[[Library, Query, int, float], list[Chunk]]

_TABS = 6
_TAB_LINES = 24
_LEAST_PIECE_TOKENS = 8


def ours(library: Library, query: Query, budget: int, chars_per_token: float) -> list[Chunk]:
    """References and resemblance, as shipped."""
    assembly = select(library, query, budget_tokens=budget, chars_per_token=chars_per_token)
    return list(assembly.chunks)


def text_search(library: Library, query: Query, budget: int, chars_per_token: float) -> list[Chunk]:
    """BM25 over definitions with the rare identifiers near the cursor; whole bodies."""
    hits = text_hits(library, Pool(query, view(query.text, query.offset)), most=40)
    texts = (
        (f.path, f.definition.body or f.definition.skeleton)
        for f, _ in hits
        if f.path != query.path
    )
    return _filled(texts, query, budget, chars_per_token)


def open_tabs(library: Library, query: Query, budget: int, chars_per_token: float) -> list[Chunk]:
    """Six neighbouring files as open tabs, of each the lines most like those at the cursor.

    Which neighbours are open is drawn by the file's name: a user has some of them open, not all.
    """
    paths = [p for p in library.disk.known() if p != query.path]
    rng = random.Random(query.path)
    rng.shuffle(paths)
    paths.sort(key=lambda p: -nearness(p, query.path))
    tabs = rng.sample(paths[: 2 * _TABS], min(_TABS, len(paths)))
    here = set(identifiers("\n".join(query.text[: query.offset].split("\n")[-_TAB_LINES:])))
    ranked: list[tuple[float, str, str]] = []
    for path in tabs:
        found = library.in_file(path)
        if not found or not same_family(found[0].language, query.language):
            continue
        lines = "\n".join(f.definition.body or f.definition.signature for f in found).split("\n")
        for start in range(0, len(lines), _TAB_LINES // 2):
            text = "\n".join(lines[start : start + _TAB_LINES])
            there = set(identifiers(text))
            ranked.append((len(here & there) / max(len(here | there), 1), path, text))
    ranked.sort(key=lambda entry: (-entry[0], entry[1]))
    best: dict[str, str] = {}
    for _, path, text in ranked:
        best.setdefault(path, text)
    return _filled(best.items(), query, budget, chars_per_token)


def _filled(
    texts: Iterable[tuple[str, str]], query: Query, budget: int, chars_per_token: float
) -> list[Chunk]:
    meter, left, chunks = Meter(chars_per_token), budget, []
    for path, text in texts:
        heading = comment(query.language, path)
        lines = text.split("\n")
        while lines and meter.tokens(f"{heading}\n" + "\n".join(lines) + "\n") > left:
            lines = lines[: max(len(lines) - 1 - len(lines) // 8, 0)]
        if not lines:
            continue
        whole = f"{heading}\n" + "\n".join(lines) + "\n"
        chunks.append(Chunk(path, whole, meter.tokens(whole), ()))
        left -= chunks[-1].tokens
        if left < _LEAST_PIECE_TOKENS:
            break
    return list(reversed(chunks))


class Contender:
    """A chooser as the pipeline's source of related code."""

    def __init__(self, choose: Chooser, library: Library, versions: Iterator[int]) -> None:
        self._choose = choose
        self._library = library
        self._segments = Segments(versions)
        self.path = ""
        """Of the document asked about next, within the package."""
        self.last: list[Chunk] = []

    def knows(self, uri: str) -> bool:
        """Always."""
        return True

    def chosen(self, asked: Asked) -> tuple[Segment, ...]:
        """Chosen on the spot: here nobody waits."""
        windows = asked.windows
        shown = (windows.prefix.text, windows.left_out + windows.suffix.text)
        query = Query(self.path, asked.language, asked.text, asked.offset, shown)
        self.last = self._choose(self._library, query, asked.budget_tokens, asked.chars_per_token)
        return self._segments.of(asked.uri, self.last)

    def forget(self, uri: str) -> None:
        """Nothing is kept."""


CONTENDERS: dict[str, Chooser] = {"tabs": open_tabs, "bm25": text_search, "ours": ours}
