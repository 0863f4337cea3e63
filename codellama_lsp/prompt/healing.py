"""Cursor healing: re-decide the last tokens of the prefix so that they may merge with what follows.

In suffix-first training the prefix and the middle were encoded together, so the model never saw a
token that ends where a cursor happens to stand (paper, appendix E). The last tokens are taken off
and the first generated ones are made to spell the same bytes.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

#: More never helped: of 1,640 random cuts in real code, four needed three tokens (paper's task).
MAX_BACK = 3

Ids = npt.NDArray[np.int32]


class PieceTable:
    """The bytes of every token that may be generated, sorted for look-ups by prefix.

    `pieces[i]` are the bytes of token `i`; `skip` are ids that never spell text (control, unused,
    sentinels).
    """

    def __init__(self, pieces: Sequence[bytes], skip: frozenset[int]) -> None:
        self.pieces = tuple(pieces)
        usable = sorted((p, i) for i, p in enumerate(pieces) if p and i not in skip)
        self._sorted = [p for p, _ in usable]
        self._ids = np.array([i for _, i in usable], dtype=np.int32)
        self._by_bytes: dict[bytes, int] = {}
        for piece, token in usable:
            # Where a text piece and a byte piece spell the same, merges only ever give the first.
            self._by_bytes.setdefault(piece, token)

    def extends(self, text: bytes) -> bool:
        """Whether some token starts with `text` and goes on behind it."""
        low = bisect_left(self._sorted, text + b"\x00")
        return low < len(self._sorted) and self._sorted[low].startswith(text)

    def starting_with(self, text: bytes) -> Ids:
        """Tokens whose bytes start with `text` (itself included)."""
        low = bisect_left(self._sorted, text)
        high = bisect_left(self._sorted, text + b"\xff" * 64, lo=low)
        return self._ids[low:high]

    def within(self, text: bytes) -> Ids:
        """Tokens that are a proper prefix of `text`."""
        found = (self._by_bytes.get(text[:n]) for n in range(1, len(text)))
        return np.array([token for token in found if token is not None], dtype=np.int32)

    def allowed(self, required: bytes, left_tokens: int = 2) -> Ids:
        """Tokens that may come next while `required` bytes have still to be spelled.

        The last of `left_tokens` has to spell them to the end, if any can: of 5,156 random cuts in
        code, four had a text whose own tokens were more than one more than were taken off, and
        each further one is a step of the model before anything is seen.
        """
        whole, part = self.starting_with(required), self.within(required)
        if left_tokens > 1:
            return np.concatenate([whole, part]) if len(part) else whole
        return whole if len(whole) else part[-1:]

    def spell(self, ids: Sequence[int] | Ids) -> bytes:
        """The bytes that `ids` stand for."""
        return b"".join(self.pieces[i] for i in ids)


def tokens_to_heal(ids: Sequence[int] | Ids, table: PieceTable, max_back: int = MAX_BACK) -> int:
    """How many tokens at the end of `ids` to take off (0 to `max_back`).

    The most for which a longer token exists that starts with their bytes: only then could the
    text have been encoded otherwise had it gone on. Line breaks are safe boundaries.
    """
    best = 0
    tail = b""
    last = ids[max(len(ids) - max_back, 0) :]
    for back, token in enumerate(reversed(list(last)), 1):
        tail = table.pieces[token] + tail
        if b"\n" in tail:
            break
        if table.extends(tail):
            best = back
    return best
