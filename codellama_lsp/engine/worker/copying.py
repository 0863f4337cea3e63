"""Proposals from text that is there already: code repeats, and small models copy badly.

What followed the longest match of the text at the cursor, elsewhere in the windows, is proposed.
The decode loop evaluates proposals in one batch (a draft) and keeps a proposed token where the
model gives it enough probability (typical acceptance; Cai et al. 2024, Medusa, section 2.3.1).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs

#: Shorter matches are chance.
MIN_MATCH = 4
_MAX_MATCH = 256
_MAX_CONTINUATION = 160
_MAX_PLACES = 24


@attrs.frozen
class Proposal:
    """What may follow, and how much of the text before the cursor speaks for it."""

    text: str
    """The continuation; it may start with a line break, where the line ended there."""
    match: int
    """Characters before the cursor that matched."""
    agreement: float
    """Share of the places with this match that went on with the same character (0 to 1)."""


class Copier:
    """Finds what followed the same text elsewhere. One per request; pure string work.

    `before` are texts that stand before the cursor in reading order, the prefix last; `after`
    stand behind it.
    """

    def __init__(self, before: Sequence[str], after: Sequence[str]) -> None:
        self._before = "\0".join(before)
        self._after = "\0".join(after)

    def propose(self, generated: str) -> Proposal | None:
        """The best continuation of the prefix plus `generated`, or None."""
        text = self._before + generated
        tail = text[-_MAX_MATCH:]
        low, high = MIN_MATCH, len(tail)
        if high < low or not self._occurs(text, tail[-low:]):
            return None
        while low < high:
            middle = (low + high + 1) // 2
            if self._occurs(text, tail[-middle:]):
                low = middle
            else:
                high = middle - 1
        return self._best(text, tail[-low:])

    def _occurs(self, text: str, match: str) -> bool:
        # The text's own end does not count; "\0" keeps matches inside one text.
        if "\0" in match:
            return False
        return text.find(match, 0, len(text) - 1) >= 0 or match in self._after

    def _best(self, text: str, match: str) -> Proposal | None:
        places = [(text, at) for at in self._places_backward(text, match)]
        places += [(self._after, at) for at in self._places_forward(match)]
        votes: dict[str, int] = {}
        for source, at in places:
            follows = source[at : at + 1]
            votes[follows] = votes.get(follows, 0) + 1
        # Where the places disagree the majority decides, then nearness: text before the cursor,
        # latest first, then text behind it, first first.
        source, at = max(places, key=lambda place: votes[place[0][place[1] : place[1] + 1]])
        follows = source[at : at + 1]
        continuation = source[at : at + _MAX_CONTINUATION].split("\0", 1)[0]
        if not continuation:
            continuation = "\n"
        return Proposal(continuation, len(match), votes[follows] / len(places))

    @staticmethod
    def _places_backward(text: str, match: str) -> list[int]:
        found: list[int] = []
        end = len(text) - 1
        while len(found) < _MAX_PLACES and (at := text.rfind(match, 0, end)) >= 0:
            found.append(at + len(match))
            end = at + len(match) - 1
        return found

    def _places_forward(self, match: str) -> list[int]:
        found: list[int] = []
        start = 0
        while len(found) < _MAX_PLACES and (at := self._after.find(match, start)) >= 0:
            found.append(at + len(match))
            start = at + 1
        return found


@attrs.frozen
class CopySettings:
    """How readily a proposal is kept; a property of the model, from its metadata.

    The threshold of typical acceptance is not one number: a long match in which all places agree
    is evidence of its own, so less probability is asked of the model. The five weights are those
    of a logistic regression over places where copier and model differ (`fit_copying.py`).
    """

    weights: tuple[float, float, float, float, float] | None = None
    """Of 1, log p(proposed), log p(best), log(match) and agreement; None: copying is off."""

    def keeps(self, proposed: float, best: float, proposal: Proposal) -> bool:
        """Whether a token of probability `proposed` is kept against the model's `best` one."""
        if self.weights is None:
            return False
        bias, of_proposed, of_best, of_match, of_agreement = self.weights
        score = (
            bias
            + of_proposed * math.log(max(proposed, 1e-9))
            + of_best * math.log(max(best, 1e-9))
            + of_match * math.log(proposal.match)
            + of_agreement * proposal.agreement
        )
        return score > 0
