"""Sending texts that mostly stay the same: whole once, then only what changed.

One `SegmentSender` and one `SegmentStore` per connection; each remembers the latest version of
each key, and a store that has lost a base says so, upon which the sender starts afresh.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from codellama_lsp.engine.protocol import Segment
from codellama_lsp.engine.wire import INVALID_PARAMS, UnknownSegmentError, WireError
from codellama_lsp.strings import common_prefix_chars

MAX_SEGMENTS = 512
#: What either end remembers in all; the two need not forget the same.
MAX_HELD_CHARS = 32 * 1024 * 1024
#: A tail shorter than this isn't worth looking for a common start: the whole text is as cheap.
_MIN_KEEP_CHARS = 64


class _Held:
    """The latest segment of each key, the least recently used ones dropped."""

    def __init__(self) -> None:
        self._segments: OrderedDict[str, Segment] = OrderedDict()
        self._chars = 0

    def get(self, key: str) -> Segment | None:
        return self._segments.get(key)

    def put(self, key: str, segment: Segment) -> None:
        """Remember `segment` as the one used last."""
        if (old := self._segments.pop(key, None)) is not None:
            self._chars -= len(old.text)
        self._segments[key] = segment
        self._chars += len(segment.text)
        while len(self._segments) > MAX_SEGMENTS or self._chars > MAX_HELD_CHARS:
            _, dropped = self._segments.popitem(last=False)
            self._chars -= len(dropped.text)

    def clear(self) -> None:
        self._segments.clear()
        self._chars = 0


class SegmentSender:
    """The client's end."""

    def __init__(self) -> None:
        self._sent = _Held()

    def pack(self, segment: Segment) -> dict[str, Any]:
        """What to send for `segment`, given what was sent before on this connection."""
        key = segment.key
        known = self._sent.get(key)
        self._sent.put(key, segment)
        packed: dict[str, Any] = {"key": key, "version": segment.version}
        if known is not None and known.version == segment.version:
            return packed
        keep = 0 if known is None else common_prefix_chars(known.text, segment.text)
        if known is None or keep < _MIN_KEEP_CHARS:
            packed["text"] = segment.text
            return packed
        packed.update(base=known.version, keep=keep, tail=segment.text[keep:])
        return packed

    def forget(self) -> None:
        """Send everything in full again."""
        self._sent.clear()


class SegmentStore:
    """The engine's end. Keys are put under `owner`, so that two clients' never mean the same."""

    def __init__(self, owner: str = "") -> None:
        self._owner = owner
        self._held = _Held()

    def unpack(self, packed: object) -> Segment:
        """The whole segment; raises `UnknownSegmentError` or `WireError`."""
        if not isinstance(packed, dict):
            raise WireError(INVALID_PARAMS, "a segment is not an object")
        key, version = packed.get("key"), packed.get("version")
        if not isinstance(key, str) or not isinstance(version, int):
            raise WireError(INVALID_PARAMS, "a segment without key and version")
        known = self._held.get(key)
        text = packed.get("text")
        if text is None and "base" not in packed:
            if known is None or known.version != version:
                raise UnknownSegmentError
            self._held.put(key, known)
            return known
        if text is None:
            text = _rebuild(packed, known)
        if not isinstance(text, str):
            raise WireError(INVALID_PARAMS, "a segment's text is not a string")
        segment = Segment(f"{self._owner}{key}", version, text)
        self._held.put(key, segment)
        return segment


def _rebuild(packed: dict[str, Any], known: Segment | None) -> str:
    keep, tail = packed.get("keep"), packed.get("tail")
    if not isinstance(keep, int) or not isinstance(tail, str):
        raise WireError(INVALID_PARAMS, "a segment's delta without keep and tail")
    if known is None or known.version != packed["base"]:
        raise UnknownSegmentError
    if not 0 <= keep <= len(known.text):
        raise WireError(INVALID_PARAMS, "a segment's delta keeps more than there is")
    return known.text[:keep] + tail
