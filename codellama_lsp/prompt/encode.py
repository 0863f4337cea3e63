"""Text to token ids, so that a keystroke costs one line and user text never becomes a sentinel.

SentencePiece puts a dummy space before whatever it encodes; Code Llama's suffix (and, after MID
in PSM, its middle) must not have one. The reference encodes the text behind an anchor character
and drops the anchor's ids. In a small vocabulary that anchor is several byte pieces, so its ids
are found, and checked to be an exact prefix, for the vocabulary at hand.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence

#: Encodes a text whole, as the vocabulary does: with the dummy space if it has one, no BOS, and
#: without reading control tokens out of the text.
Tokenize = Callable[[str], list[int]]

_ANCHORS = ("☺", "☃", "\x1f", "\n", "§")
_PROBES = ("x", " x", "    x", "\n", "\n    x", ")", '"""', "7", "é", "\t", "_a b", "  ", "\r", "☺")
_CODE_PROBE = (
    "def f(a, b=1):\n    return a\n\n\nclass C:\n\tx = [1, 22]\n\n    # é ☺\n"
    "if (x) {\n  y();\n}\n   \n  z\n        pass"
)
#: A line with the blank lines below it, or a last line without an end. A vocabulary may have
#: pieces of several line breaks, so a cut is only made before a line that holds something.
_CHUNK = re.compile(r"[^\n]*\n(?:[^\S\n]*\n)*|[^\n]+")
_CACHE_CHUNKS = 16384
#: Where sentinel spellings could begin; text is cut behind these when an id came out forbidden.
_BREAK_AT = re.compile(r"(?<=[<\[|▁｜])")


class NoAnchorError(ValueError):
    """The vocabulary merges every known anchor with what follows it."""


class Encoder:
    """Encodes segments of user text for one vocabulary, by lines, with a cache.

    `forbidden` are ids that user text must not become (sentinels and pieces leading to them).
    Raises `NoAnchorError` for a vocabulary in which no anchor keeps apart from what follows.
    """

    def __init__(self, tokenize: Tokenize, forbidden: frozenset[int]) -> None:
        self._tokenize = tokenize
        self._forbidden = forbidden
        self._anchor, self._anchor_ids = self._find_anchor()
        self._cache: OrderedDict[str, tuple[int, ...]] = OrderedDict()
        self.by_lines = False
        self.by_lines = all(
            self._joined(text) == self._whole(text) for text in (_CODE_PROBE, "\n\n a\n b\n\n c")
        )
        """Whether lines may be encoded one by one (checked, since a vocabulary may forbid it)."""

    def infill(self, text: str) -> list[int]:
        """Encode without a dummy space: the suffix, and what follows MID in PSM."""
        return [token for _, ids in self.chunks(text, dummy=False) for token in ids]

    def ordinary(self, text: str) -> list[int]:
        """Encode as the vocabulary does, dummy space included: the prefix."""
        return [token for _, ids in self.chunks(text, dummy=True) for token in ids]

    def chunks(self, text: str, *, dummy: bool) -> Iterator[tuple[int, Sequence[int]]]:
        """Each piece of `text` that is encoded by itself: its characters and its ids.

        `dummy`: with the dummy space in front. A piece begins with a line that holds something
        (but the first) and depends on nothing before it.
        """
        if not text:
            return
        if not self.by_lines:
            yield len(text), self._safe(text, dummy=dummy)
            return
        for number, chunk in enumerate(_CHUNK.findall(text)):
            if dummy and number == 0:
                yield len(chunk), self._safe(chunk, dummy=True)
            else:
                yield len(chunk), self._known(chunk)

    def _known(self, chunk: str) -> Sequence[int]:
        cache = self._cache
        known = cache.get(chunk)
        if known is None:
            known = tuple(self._safe(chunk, dummy=False))
            cache[chunk] = known
            if len(cache) > _CACHE_CHUNKS:
                cache.popitem(last=False)
        else:
            cache.move_to_end(chunk)
        return known

    def _joined(self, text: str) -> list[int]:
        return [token for chunk in _CHUNK.findall(text) for token in self._known(chunk)]

    def _whole(self, text: str) -> list[int]:
        return list(self._strip(text))

    def _strip(self, text: str) -> Sequence[int]:
        ids = self._tokenize(self._anchor + text)
        n = len(self._anchor_ids)
        if tuple(ids[:n]) != self._anchor_ids:
            raise NoAnchorError(f"the anchor merges with {text[:1]!r}")
        return ids[n:]

    def _safe(self, text: str, *, dummy: bool) -> Sequence[int]:
        ids = self._tokenize(text) if dummy else self._strip(text)
        if self._forbidden.isdisjoint(ids):
            return ids
        # Some spelling became a sentinel: encode behind each "<" apart, then, for what is left,
        # every character apart. What the model reads changes in pieces, not in text.
        parts = [part for part in _BREAK_AT.split(text) if part]
        ids = self._piecewise(parts, dummy=dummy)
        if self._forbidden.isdisjoint(ids):
            return ids
        ids = self._piecewise(list(text), dummy=dummy)
        return [i for i in ids if i not in self._forbidden]

    def _piecewise(self, parts: Sequence[str], *, dummy: bool) -> list[int]:
        ids: list[int] = []
        for index, part in enumerate(parts):
            ids += self._tokenize(part) if dummy and index == 0 else self._strip(part)
        return ids

    def _find_anchor(self) -> tuple[str, tuple[int, ...]]:
        for anchor in _ANCHORS:
            alone = tuple(self._tokenize(anchor))
            n = len(alone)
            # A byte-level BPE may merge a space into the anchor's end; then it is no prefix.
            if n and all(tuple(self._tokenize(anchor + p)[:n]) == alone for p in _PROBES):
                return anchor, alone
        raise NoAnchorError("no anchor keeps apart from what follows it in this vocabulary")
