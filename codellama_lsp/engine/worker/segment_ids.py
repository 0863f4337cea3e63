"""The token ids of texts that mostly stay the same: only what changed is encoded again."""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict

import attrs
import numpy as np

from codellama_lsp.prompt.encode import Encoder
from codellama_lsp.prompt.healing import Ids
from codellama_lsp.strings import common_prefix_chars

_MOST_TEXTS = 512


@attrs.define(eq=False)
class _Known:
    """A text, and after each piece that was encoded by itself: characters and ids so far."""

    text: str = ""
    room: Ids = attrs.field(factory=lambda: np.empty(256, dtype=np.int32))
    chars: list[int] = attrs.field(factory=lambda: [0])
    counts: list[int] = attrs.field(factory=lambda: [0])

    @property
    def ids(self) -> Ids:
        """All of them; good until the text changes."""
        return self.room[: self.counts[-1]]

    def put(self, start: int, new: list[int]) -> None:
        """Have `new` ids behind the first `start` ones."""
        end = start + len(new)
        if end > len(self.room):
            grown = np.empty(2 * end, dtype=np.int32)
            grown[:start] = self.room[:start]
            self.room = grown
        self.room[start:end] = new


class SegmentIds:
    """Remembers the latest text of each key, the least recently used ones dropped."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._known: OrderedDict[tuple[str, bool], _Known] = OrderedDict()

    def of(self, key: str, text: str, *, dummy: bool) -> Ids:
        """The ids of `text`, with the dummy space in front where `dummy`.

        Good until the next text of that key.
        """
        name = (key, dummy)
        known = self._known.get(name)
        if known is None:
            known = self._known[name] = _Known()
            if len(self._known) > _MOST_TEXTS:
                self._known.popitem(last=False)
        else:
            self._known.move_to_end(name)
        if known.text != text:
            self._update(known, text, dummy=dummy)
        return known.ids

    def _update(self, known: _Known, text: str, *, dummy: bool) -> None:
        same = common_prefix_chars(known.text, text)
        # The last piece that is the same throughout may have grown by blank lines.
        keep = max(bisect_right(known.chars, same) - 2, 0) if self._encoder.by_lines else 0
        del known.chars[keep + 1 :], known.counts[keep + 1 :]
        start, count = known.chars[-1], known.counts[-1]
        new: list[int] = []
        for chars, ids in self._encoder.chunks(text[start:], dummy=dummy and start == 0):
            new.extend(ids)
            known.chars.append(known.chars[-1] + chars)
            known.counts.append(count + len(new))
        known.put(count, new)
        known.text = text
