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
    """One suggestion and its fate. What is left of it while it is typed along is the same one."""

    uri: str
    language: str
    plan: str
    text: str
    shown: bool = False
    accepted: bool = False
    partly: bool = False
    settled: bool = False
    """It gave way to something else."""


class Offers:
    """The last suggestions, by number."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._numbers = itertools.count(1)
        self._offers: OrderedDict[int, Offer] = OrderedDict()
        self.client = ""
        """The editor's name."""

    def made(self, document: DocumentSnapshot, completion: Completion, index: int) -> int:
        """A suggestion is sent; its number."""
        text = completion.items[index].text
        offer = None
        if completion.outcome is Outcome.CACHED:
            offer = self._continued(document.uri, text)
        elif not index:
            self.give_way(document.uri, document.text)
        if offer is None:
            offer = Offer(document.uri, document.language_id, completion.plan, text)
            if not index:
                self._count("offered", offer)
        number = next(self._numbers)
        self._offers[number] = offer
        while len(self._offers) > _MOST:
            self._offers.popitem(last=False)
        return number

    def give_way(self, uri: str, text: str | None = None) -> None:
        """Something new takes the place of what was shown in a document, which reads `text`.

        Without a text it was closed.
        """
        for offer in set(self._offers.values()):
            if offer.uri != uri or offer.settled or not offer.shown:
                continue
            offer.settled = True
            if not (offer.accepted or offer.partly):
                typed = text is not None and offer.text.strip() in text
                self._count("typed" if typed else "rejected", offer)

    def _continued(self, uri: str, rest: str) -> Offer | None:
        """The suggestion that `rest` is left of."""
        for offer in reversed(self._offers.values()):
            if offer.uri == uri and not offer.settled and offer.text.endswith(rest):
                return offer
        return None

    def shown(self, number: object) -> None:
        """The client showed it."""
        offer = self._find(number)
        if offer is not None and not offer.shown:
            offer.shown = True
            self._count("shown", offer)

    def accepted(self, number: object) -> Offer | None:
        """The user took it whole. Clients that cannot say which give no number."""
        offer = self._find(number)
        if offer is None:
            self._ledger.event("accepted", self.client, "", "")
        elif not offer.accepted:
            offer.accepted = True
            self._count("accepted", offer)
        return offer

    def partly_accepted(self, number: object) -> None:
        """The user took some of it."""
        offer = self._find(number)
        if offer is not None and not offer.partly:
            offer.partly = True
            self._count("partially", offer)

    def looked_after(self, offer: Offer, text: str | None) -> None:
        """A while after acceptance the document reads `text` (None: it was closed)."""
        if text is not None:
            self._count("kept" if offer.text.strip() in text else "changed", offer)

    def _find(self, number: object) -> Offer | None:
        return self._offers.get(number) if isinstance(number, int) else None

    def _count(self, what: str, offer: Offer) -> None:
        self._ledger.event(what, self.client, offer.language, offer.plan)
