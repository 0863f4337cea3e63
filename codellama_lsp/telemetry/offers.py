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


@attrs.define
class Offer:
    """One suggestion and its fate."""

    uri: str
    language: str
    plan: str
    text: str
    is_new: bool
    """Whether the model was asked for it, rather than the rest of an earlier one."""
    shown: bool = False
    accepted: bool = False
    partly: bool = False


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
        is_new = completion.outcome is Outcome.OFFERED
        if is_new and not index:
            self._reject(document.uri)
        number = next(self._numbers)
        self._offers[number] = Offer(
            document.uri,
            document.language_id,
            completion.plan,
            completion.items[index].text,
            is_new,
        )
        while len(self._offers) > _MOST:
            self._offers.popitem(last=False)
        return number

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

    def _reject(self, uri: str) -> None:
        """Whatever was shown in this document and not taken gives way to something new."""
        for offer in self._offers.values():
            if offer.uri == uri and offer.shown and not (offer.accepted or offer.partly):
                offer.shown = False
                self._count("rejected", offer)

    def _count(self, what: str, offer: Offer) -> None:
        self._ledger.event(what, self.client, offer.language, offer.plan)
