"""Small windows that answer at once after a jump, while the full prompt is evaluated behind them.

A jump changes both windows, and a thousand tokens can be half a minute of prefill. So the answer
comes from what this machine prefills in about a second. Pure text; knows no tokens.
"""

from __future__ import annotations

from collections import OrderedDict

import attrs

from codellama_lsp.engine.protocol import GenerateRequest, Segment

_PREFIX_SHARE = 0.75
#: Small windows may outgrow their budget by this much before they are chosen anew.
_SLACK = 1.5
#: A prefix window is known by its beginning, which stays while it is anchored.
_HEAD_CHARS = 200
_DOCUMENTS = 16


@attrs.frozen
class _Small:
    head: str
    start: int
    suffix: str
    """The full suffix that `suffix_chars` belong to."""
    suffix_chars: int
    budget_chars: int
    """When they were chosen: a machine that slows down since moves no window."""


class SmallWindows:
    """Remembers where each document's small windows are, so that typing only appends to them."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, _Small] = OrderedDict()

    def shrink(self, request: GenerateRequest, budget_chars: int) -> GenerateRequest:
        """`request` with windows of about `budget_chars`, cut at line breaks, without context."""
        small = self._known.get(request.document)
        if small is None or not self._holds(small, request):
            small = self._choose(request, budget_chars)
        self._known[request.document] = small
        self._known.move_to_end(request.document)
        while len(self._known) > _DOCUMENTS:
            self._known.popitem(last=False)
        prefix, suffix = request.prefix, request.suffix
        text = prefix.text[small.start :]
        return attrs.evolve(
            request,
            context=(),
            prefix=Segment(f"{prefix.key}#small", prefix.version, text),
            suffix=Segment(
                f"{suffix.key}#small", suffix.version, suffix.text[: small.suffix_chars]
            ),
            typed_chars=min(request.typed_chars, len(text)),
        )

    def in_use(self, request: GenerateRequest) -> bool:
        """Whether the document's small windows fit `request` as they are."""
        small = self._known.get(request.document)
        return small is not None and self._holds(small, request)

    def forget(self, document: str) -> None:
        """The full windows have taken over."""
        self._known.pop(document, None)

    @staticmethod
    def _holds(small: _Small, request: GenerateRequest) -> bool:
        size = len(request.prefix.text) - small.start
        return (
            request.suffix.text == small.suffix
            and request.prefix.text.startswith(small.head)
            and 0 <= size <= small.budget_chars * _PREFIX_SHARE * _SLACK
        )

    @staticmethod
    def _choose(request: GenerateRequest, budget_chars: int) -> _Small:
        text, after = request.prefix.text, request.suffix.text
        wanted = max(len(text) - int(budget_chars * _PREFIX_SHARE), 0)
        start = wanted
        if wanted:
            line = text.find("\n", wanted)
            # A line longer than the budget is cut anywhere rather than left out.
            start = line + 1 if 0 <= line < len(text) - 1 else wanted
        end = int(budget_chars * (1 - _PREFIX_SHARE))
        if end < len(after):
            line = after.rfind("\n", 0, end)
            end = line if line > 0 else end
        return _Small(text[:_HEAD_CHARS], start, after, min(end, len(after)), budget_chars)
