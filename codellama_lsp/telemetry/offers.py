"""What became of the suggestions that were sent: shown, accepted, partly, rejected, kept.

A client says what it can; nothing is inferred from what another client would have said.
Must not know LSP. Texts stay in memory, for as long as it takes to see whether they are kept.
"""

from __future__ import annotations

import itertools
from collections import OrderedDict

import attrs

from codellama_lsp.completion.outcome import Outcome
from codellama_lsp.completion.types import Completion, DocumentSnapshot
from codellama_lsp.telemetry.ledger import Ledger

_MOST = 200


@attrs.define(eq=False)
class Offer:
    """One suggestion and its fate.

    Candidates to cycle through are one, and so is what is left while it is typed along.
    """

    uri: str
    language: str
    plan: str
    texts: list[str] = attrs.field(factory=list)
    taken: str = ""
    """The text that was accepted."""
    shown: bool = False
    accepted: bool = False
    partly: bool = False
    settled: bool = False
    """It gave way to something else."""


@attrs.frozen
class _Item:
    """What a number stands for."""

    offer: Offer
    text: str


class Offers:
    """The last suggestions, by number."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._numbers = itertools.count(1)
        self._items: OrderedDict[int, _Item] = OrderedDict()
        self.client = ""
        """The editor's name."""

    def made(self, document: DocumentSnapshot, completion: Completion) -> list[int]:
        """A suggestion is sent, if there is one; the numbers of its items."""
        texts = [item.text for item in completion.items]
        if not texts:
            return []
        offer = None
        if completion.outcome is Outcome.CACHED:
            offer = self._continued(document.uri, texts[0])
        else:
            self.give_way(document.uri, document.text)
        if offer is None:
            offer = Offer(document.uri, document.language_id, completion.plan, texts)
            self._count("offered", offer)
        numbers = []
        for text in texts:
            numbers.append(next(self._numbers))
            # What is left of a text stands for all of it.
            whole = next((w for w in offer.texts if w.endswith(text)), text)
            self._items[numbers[-1]] = _Item(offer, whole)
        while len(self._items) > _MOST:
            self._items.popitem(last=False)
        return numbers

    def give_way(self, uri: str, text: str | None = None) -> None:
        """Something new takes the place of what was shown in a document, which reads `text`.

        Without a text it was closed.
        """
        for offer in {item.offer for item in self._items.values()}:
            if offer.uri != uri or offer.settled or not offer.shown:
                continue
            offer.settled = True
            if not (offer.accepted or offer.partly):
                typed = text is not None and any(made.strip() in text for made in offer.texts)
                self._count("typed" if typed else "rejected", offer)

    def shown(self, number: object) -> None:
        """The client showed it."""
        item = self._find(number)
        if item is not None and not item.offer.shown:
            item.offer.shown = True
            self._count("shown", item.offer)

    def accepted(self, number: object) -> Offer | None:
        """The user took it whole. Clients that cannot say which give no number."""
        item = self._find(number)
        if item is None:
            self._ledger.event("accepted", self.client, "", "")
            return None
        item.offer.taken = item.text
        if not item.offer.accepted:
            item.offer.accepted = True
            self._count("accepted", item.offer)
        return item.offer

    def partly_accepted(self, number: object) -> None:
        """The user took some of it."""
        item = self._find(number)
        if item is not None and not item.offer.partly:
            item.offer.partly = True
            self._count("partially", item.offer)

    def looked_after(self, offer: Offer, text: str | None) -> None:
        """A while after acceptance the document reads `text` (None: it was closed)."""
        if text is not None:
            self._count("kept" if offer.taken.strip() in text else "changed", offer)

    def _continued(self, uri: str, rest: str) -> Offer | None:
        """The suggestion that `rest` is left of."""
        for item in reversed(self._items.values()):
            if item.offer.uri == uri and not item.offer.settled and item.text.endswith(rest):
                return item.offer
        return None

    def _find(self, number: object) -> _Item | None:
        return self._items.get(number) if isinstance(number, int) else None

    def _count(self, what: str, offer: Offer) -> None:
        self._ledger.event(what, self.client, offer.language, offer.plan)
