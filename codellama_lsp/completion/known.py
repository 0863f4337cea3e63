"""Suggestions that are known already: what was offered, found again by the text around the cursor.

A user who types along a suggestion, comes back to a place, undoes, or opens a file again is
answered without the model. Must not know engines.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterator

import attrs

from codellama_lsp.completion.closing import closings_of
from codellama_lsp.completion.filters import Draft, closers
from codellama_lsp.completion.outcome import Outcome
from codellama_lsp.completion.spot import Spot
from codellama_lsp.completion.types import Completion, CompletionRequest, Suggestion

#: This much text around a cursor says where it is.
_BEFORE_CHARS = 400
_AFTER_CHARS = 200

#: For reconciling brackets, how much of the document is read.
_NEAR_CHARS = 4000

_MOST = 250
_PLACES_TRIED = 4

#: What editors add by themselves after the cursor.
_ADDED = re.compile(r"(?:\r?\n)?[ \t]*[)\]}\"'`>]{1,3}")


@attrs.frozen
class Origin:
    """A cursor where something was offered."""

    uri: str
    language_id: str
    before: str
    """Text before the cursor; all of it if it is shorter than what is kept."""
    after: str

    @classmethod
    def of(cls, request: CompletionRequest) -> Origin:
        """Where `request` asks."""
        document, offset = request.document, request.offset
        return cls(
            document.uri,
            document.language_id,
            document.text[max(offset - _BEFORE_CHARS, 0) : offset],
            document.text[offset : offset + _AFTER_CHARS],
        )

    def typed_since(self, request: CompletionRequest) -> Iterator[str]:
        """What may have been typed from here to `request`; several where the text is ambiguous."""
        text, offset = request.document.text, request.offset
        if len(self.before) < _BEFORE_CHARS:
            if text.startswith(self.before, 0, offset):
                yield text[len(self.before) : offset]
            return
        end = offset
        for _ in range(_PLACES_TRIED):
            start = text.rfind(self.before, max(0, offset - 20 * _BEFORE_CHARS), end)
            if start < 0:
                return
            yield text[start + len(self.before) : offset]
            end = start + len(self.before) - 1

    def added_after(self, request: CompletionRequest, replaced_chars: int) -> str | int | None:
        """How the text after the cursor changed: closers added (a text), or typed over (a number).

        None: in another way.
        """
        text, offset = request.document.text, request.offset
        for over in range(replaced_chars + 1):
            if self._goes_on_at(text, offset, over):
                return over
        match = _ADDED.match(text, offset)
        for end in range(match.end(), offset, -1) if match else ():
            if self._goes_on_at(text, end, 0):
                return text[offset:end]
        return None

    def _goes_on_at(self, text: str, offset: int, skipped: int) -> bool:
        after = self.after[skipped:]
        if len(self.after) < _AFTER_CHARS:
            return text[offset : offset + len(after) + 1] == after
        return text.startswith(after, offset)


@attrs.frozen
class _Entry:
    origin: Origin
    items: tuple[Draft, ...]
    plan: str
    settings: object
    several: bool
    """Whether several candidates were asked for."""


class KnownSuggestions:
    """The last suggestions, least recently used ones forgotten first."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._of_uri: dict[str, OrderedDict[Origin, _Entry]] = {}
        self._order: OrderedDict[Origin, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._order)

    def remember(
        self,
        request: CompletionRequest,
        completion: Completion,
        settings: object = None,
        *,
        several: bool = False,
    ) -> None:
        """What was offered for `request` under `settings`."""
        origin = Origin.of(request)
        drafts = tuple(Draft(item.text, item.end - item.start) for item in completion.items)
        of_uri = self._of_uri.setdefault(origin.uri, OrderedDict())
        of_uri[origin] = _Entry(origin, drafts, completion.plan, settings, several)
        of_uri.move_to_end(origin)
        self._order[origin] = None
        self._order.move_to_end(origin)
        while len(self._order) > self._most:
            oldest, _ = self._order.popitem(last=False)
            del self._of_uri[oldest.uri][oldest]
            if not self._of_uri[oldest.uri]:
                del self._of_uri[oldest.uri]

    def find(
        self, request: CompletionRequest, settings: object = None, *, several: bool = False
    ) -> Completion | None:
        """What of it holds at `request`, if any. `several`: one alone is not enough."""
        for entry in reversed(self._of_uri.get(request.document.uri, {}).values()):
            if several and not entry.several:
                continue
            items = _rests(entry, request)
            if items and entry.settings == settings:
                self._order.move_to_end(entry.origin)
                return _known(entry, items, request)
        newest = next(reversed(self._of_uri.get(request.document.uri, {}).values()), None)
        if newest is None or not request.document.several_cursors or newest.settings != settings:
            return None
        items = _rests_on_line(newest, request)
        if not items or (several and not newest.several):
            return None
        # The next character is typed from here.
        self.remember(request, Completion(Outcome.OFFERED, items=items, plan=newest.plan), settings)
        return _known(newest, items, request)


def _rests(entry: _Entry, request: CompletionRequest) -> tuple[Suggestion, ...]:
    if entry.origin.language_id != request.document.language_id:
        return ()
    for typed in entry.origin.typed_since(request):
        found = tuple(
            rest for item in entry.items if (rest := rest_of(entry.origin, item, typed, request))
        )
        if found:
            return found
    return ()


def _rests_on_line(entry: _Entry, request: CompletionRequest) -> tuple[Suggestion, ...]:
    """By the cursor's own line alone: the other cursors have changed what is around it."""
    text, offset = request.document.text, request.offset
    before = text[text.rfind("\n", 0, offset) + 1 : offset]
    after = text[offset:].partition("\n")[0]
    head = entry.origin.before.rpartition("\n")[2]
    if not before.startswith(head) or after != entry.origin.after.partition("\n")[0]:
        return ()
    typed = before[len(head) :]
    rests = (
        Suggestion(item.text[len(typed) :], offset, offset + item.replaced_chars)
        for item in entry.items
        if item.text.startswith(typed)
    )
    return tuple(rest for rest in rests if rest.text.strip())


def _known(entry: _Entry, items: tuple[Suggestion, ...], request: CompletionRequest) -> Completion:
    few = items[: max(1, request.candidates)]
    return Completion(Outcome.CACHED, items=few, plan=entry.plan)


def rest_of(
    origin: Origin, item: Draft, typed: str, request: CompletionRequest
) -> Suggestion | None:
    """What is left of `item`, offered at `origin`, after `typed`; None if it does not hold."""
    if not item.text.startswith(typed):
        return None
    rest = item.text[len(typed) :]
    if not rest.strip():
        return None
    changed = origin.added_after(request, item.replaced_chars if typed else 0)
    if changed is None:
        return None
    if isinstance(changed, int):
        replaced = item.replaced_chars - changed
        return Suggestion(rest, request.offset, request.offset + replaced)
    return _reconciled(rest, item, changed, request)


def _reconciled(
    rest: str, item: Draft, added: str, request: CompletionRequest
) -> Suggestion | None:
    """`rest` next to closers that the editor added meanwhile."""
    text, offset = request.document.text, request.offset
    spot = Spot(
        before=text[max(offset - _NEAR_CHARS, 0) : offset],
        after=text[offset : offset + _NEAR_CHARS],
        to_end=offset + _NEAR_CHARS >= len(text),
        from_start=offset <= _NEAR_CHARS,
        language_id=request.document.language_id,
    )
    if item.replaced_chars or not closings_of(rest, spot).surplus:
        return Suggestion(rest, offset, offset) if not item.replaced_chars else None
    draft = closers(Draft(rest), spot)
    if not draft.text.strip():
        return None
    return Suggestion(draft.text, offset, offset + draft.replaced_chars)
