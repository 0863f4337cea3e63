"""From a question and a library to what is sent: choosing and assembling in one call."""

from __future__ import annotations

import itertools
from collections import OrderedDict
from collections.abc import Iterable, Iterator

from codellama_lsp.context.assemble import Assembly, Chunk, assemble
from codellama_lsp.context.candidates import Query
from codellama_lsp.context.choose import choose
from codellama_lsp.context.index.library import Library
from codellama_lsp.engine.protocol import Segment

_MOST_KEYS = 1024


def select(
    library: Library, query: Query, *, budget_tokens: int, chars_per_token: float
) -> Assembly:
    """What to send for a cursor; nothing for a budget of nothing."""
    candidates, seen = choose(library, query)
    return assemble(
        candidates,
        seen,
        language=query.language,
        budget_tokens=budget_tokens,
        chars_per_token=chars_per_token,
    )


class Segments:
    """Chunks as versioned segments: the same text under the same key keeps its version."""

    def __init__(self, versions: Iterator[int] | None = None) -> None:
        self._versions = versions or itertools.count(1)
        self._known: OrderedDict[str, Segment] = OrderedDict()

    def of(self, uri: str, chunks: Iterable[Chunk]) -> tuple[Segment, ...]:
        """The segments of a document's chunks, in their order."""
        return tuple(self._of(f"{uri}#related:{chunk.key}", chunk.text) for chunk in chunks)

    def _of(self, key: str, text: str) -> Segment:
        known = self._known.get(key)
        if known is None or known.text != text:
            known = self._known[key] = Segment(key, next(self._versions), text)
        self._known.move_to_end(key)
        while len(self._known) > _MOST_KEYS:
            self._known.popitem(last=False)
        return known
