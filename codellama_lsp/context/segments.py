"""Chunks as the versioned segments that engines know texts by."""

from __future__ import annotations

import itertools
from collections import OrderedDict
from collections.abc import Iterable, Iterator

from codellama_lsp.context.assemble import Chunk
from codellama_lsp.engine.protocol import Segment

_MOST_KEYS = 1024


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
