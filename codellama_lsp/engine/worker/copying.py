"""Proposals from text that is there already: code repeats, and small models copy badly.

What followed the longest match of the text at the cursor, elsewhere in the windows, is proposed.
The decode loop evaluates proposals in one batch (a draft) and keeps a proposed token where the
model gives it enough probability (typical acceptance; Cai et al. 2024, Medusa, section 2.3.1).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

import attrs

from codellama_lsp.engine.worker.matching import BREAK, Match, Matcher

#: Metadata key of a file whose model should copy: five weights, separated by commas.
COPY_KEY = "codellama_lsp.copy_weights"
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
        self._before = BREAK.join(before)
        self._after = BREAK.join(after)
        self._generated = ""
        self._matcher: Matcher | None = None

    def propose(self, generated: str) -> Proposal | None:
        """The best continuation of the prefix plus `generated`, or None."""
        if self._matcher is None or not generated.startswith(self._generated):
            self._matcher = Matcher(
                self._before + generated, self._after, least=MIN_MATCH, most=_MAX_MATCH
            )
        else:
            self._matcher.grow(generated[len(self._generated) :])
        self._generated = generated
        match = self._matcher.find()
        return None if match is None else self._best(match)

    def _best(self, match: Match) -> Proposal:
        # Where the places disagree the majority decides, then nearness: text before the cursor,
        # latest first, then text behind it, first first.
        backward = match.before[-_MAX_PLACES:][::-1].tolist()
        forward = match.after[:_MAX_PLACES].tolist()
        follows = [self._from(at, 1) for at in backward]
        follows += [self._after[at : at + 1] for at in forward]
        votes = Counter(follows)
        most = max(votes.values())
        best = next(i for i, char in enumerate(follows) if votes[char] == most)
        if best < len(backward):
            continuation = self._from(backward[best], _MAX_CONTINUATION)
        else:
            at = forward[best - len(backward)]
            continuation = self._after[at : at + _MAX_CONTINUATION]
        continuation = continuation.split(BREAK, 1)[0]
        return Proposal(continuation or "\n", match.length, most / len(follows))

    def _from(self, at: int, chars: int) -> str:
        """Text before the cursor, what was generated included."""
        found = self._before[at : at + chars]
        if len(found) < chars:
            start = max(at - len(self._before), 0)
            found += self._generated[start : start + chars - len(found)]
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

    @classmethod
    def of(cls, metadata: Mapping[str, str]) -> CopySettings:
        """As a file says; off for one that says nothing."""
        try:
            bias, proposed, best, match, agreement = map(float, metadata[COPY_KEY].split(","))
        except (KeyError, ValueError):
            return cls()
        return cls((bias, proposed, best, match, agreement))

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
