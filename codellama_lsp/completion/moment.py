"""Whether now is the moment to ask, and how long to wait for the user to go on typing.

Only requests that the editor sends by itself are judged; who asks is always answered.
The clock is given, so that tests need not wait. Must not know engines or LSP.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable

import attrs

from codellama_lsp.completion.kinds import in_dropped_comment
from codellama_lsp.completion.types import CompletionRequest, Trigger

_KEPT_INTERVALS = 20

#: A longer pause is no part of a typing rhythm.
_LONGEST_INTERVAL_S = 0.8
_LONGEST_WAIT_S = 0.3
_MOST_DOCUMENTS = 50
_MOST_ERASED_CHARS = 40

#: After these a suggestion is likely wanted; in the middle of a word it is likely too early.
_LIKELY = frozenset(".(=[{,:\n <>\"'/@#")


@attrs.frozen
class _Seen:
    at_s: float
    before: str
    after_chars: int


class Moments:
    """What is known of how the user types."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._intervals_s: deque[float] = deque(maxlen=_KEPT_INTERVALS)
        self._last: OrderedDict[str, _Seen] = OrderedDict()
        self._latency_s = 0.0
        self._erasing: dict[str, bool] = {}

    def seen(self, request: CompletionRequest) -> None:
        """A request came in."""
        uri, text = request.document.uri, request.document.text
        now = _Seen(self._clock(), text[: request.offset], len(text) - request.offset)
        before = self._last.get(uri)
        self._last[uri] = now
        self._last.move_to_end(uri)
        while len(self._last) > _MOST_DOCUMENTS:
            self._erasing.pop(self._last.popitem(last=False)[0], None)
        self._erasing[uri] = before is not None and _erased(before, now)
        if before is not None and 0 < now.at_s - before.at_s <= _LONGEST_INTERVAL_S:
            self._intervals_s.append(now.at_s - before.at_s)

    def answered(self, latency_s: float) -> None:
        """The model took so long for a suggestion."""
        self._latency_s = (
            latency_s if not self._latency_s else (0.7 * self._latency_s + 0.3 * latency_s)
        )

    def reason_to_skip(self, request: CompletionRequest) -> str:
        """Why an automatic request gets nothing, in words; empty if it may."""
        if request.trigger is not Trigger.AUTOMATIC:
            return ""
        text, offset = request.document.text, request.offset
        before, after = text[offset - 1 : offset], text[offset : offset + 1]
        if _is_word(before) and _is_word(after):
            return "in the middle of a word"
        if self._erasing.get(request.document.uri) and _is_word(before):
            return "a word is being erased"
        if request.document.read_only:
            return "a document that cannot be edited"
        if in_dropped_comment(request.document, offset):
            return "a comment that does not become part of the message"
        return ""

    def wait_s(self, request: CompletionRequest) -> float:
        """How long to wait for a newer request, in seconds, before the model is asked."""
        if not self._intervals_s:
            return 0.0
        rhythm = sum(self._intervals_s) / len(self._intervals_s)
        last = request.document.text[max(request.offset - 1, 0) : request.offset]
        # The sooner a model answers, the less a needless question costs.
        share = 0.3 if last in _LIKELY else 0.9
        slowness = min(self._latency_s / 0.3, 1.0)
        return min(rhythm * share * slowness, _LONGEST_WAIT_S)


def _is_word(char: str) -> bool:
    return char.isalnum() or char == "_"


def _erased(before: _Seen, now: _Seen) -> bool:
    count = len(before.before) - len(now.before)
    return (
        0 < count <= _MOST_ERASED_CHARS
        and before.after_chars == now.after_chars
        and before.before.startswith(now.before)
    )
