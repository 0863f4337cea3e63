"""How long a draft should be: what a batch of each size costs here, and how often drafts come true.

Speculative decoding with a copied draft (Leviathan et al. 2023; prompt lookup). On some machines
two tokens cost more than twice one, so short drafts lose there and long ones pay.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs

#: Where a token takes less, drafts save nothing that anybody could notice.
LEAST_TOKEN_S = 0.002
#: A draft has to promise this much before it is worth its risk.
_LEAST_GAIN = 1.08
#: Match lengths (characters) that are told apart, by their lower ends.
_BUCKETS = (4, 8, 16, 32, 64)
#: Before anything is known, this share of drafted tokens is taken to come true.
_UNKNOWN = 0.6
#: After so many drafts that were thought not to pay, a short one is made all the same.
_REFUSALS = 200
_TRIAL = 3
#: No draft is longer.
_LONGEST = 15


@attrs.define
class _Record:
    """Drafted tokens whose predecessors all came true, and how many of them did too."""

    tried: float = 4.0
    kept: float = 4.0 * _UNKNOWN
    best: dict[int, int] = attrs.field(factory=dict)
    """The length that pays most, by room; valid until something is learnt."""
    refused: int = 0
    """Drafts that would not have paid, since the last one that was made."""


class DraftPolicy:
    """Chooses draft lengths and learns from how they fared.

    `costs` are seconds of a batch by its size; missing sizes are interpolated, larger ones
    extrapolated from the two largest. Nothing is drafted without costs, nor where a token takes
    less than `least_token_s`: looking for drafts would take longer than they save.
    """

    def __init__(self, costs: Mapping[int, float], least_token_s: float = 0.0) -> None:
        if costs and costs[1] < least_token_s:
            costs = {}
        self._costs = dict(sorted(costs.items()))
        self._table = [self.cost(size) for size in range(1, _LONGEST + 2)] if costs else []
        self._records = {low: _Record() for low in _BUCKETS}

    def cost(self, size: int) -> float:
        """Seconds of a batch of `size` tokens."""
        known = list(self._costs.items())
        if size in self._costs:
            return self._costs[size]
        below = [pair for pair in known if pair[0] < size][-2:]
        above = next((pair for pair in known if pair[0] > size), None)
        (n0, c0), (n1, c1) = (below[-1], above) if above else (below[0], below[-1])
        return c0 + (c1 - c0) * (size - n0) / max(n1 - n0, 1)

    @property
    def may_pay(self) -> bool:
        """Whether any draft could pay as things are."""
        return any(self._best(record, _LONGEST) for record in self._records.values())

    def length(self, match_chars: int, room: int) -> int:
        """Tokens to draft behind a match of that length, at most `room`; 0: a draft won't pay."""
        if not self._table or room < 1:
            return 0
        record = self._records[self._bucket(match_chars)]
        length = self._best(record, min(room, _LONGEST))
        record.refused = 0 if length else record.refused + 1
        if record.refused >= _REFUSALS:
            # What is never tried is never learnt.
            record.refused = 0
            return min(room, _TRIAL)
        return length

    def learn(self, match_chars: int, drafted: int, accepted: int) -> None:
        """A draft of `drafted` tokens had `accepted` of them come true, from its start on."""
        record = self._records[self._bucket(match_chars)]
        record.tried += min(drafted, accepted + 1)
        record.kept += accepted
        if record.tried > 400:  # so that old habits fade
            record.tried /= 2
            record.kept /= 2
        record.best.clear()

    def _best(self, record: _Record, room: int) -> int:
        known = record.best.get(room)
        if known is None:
            known = record.best[room] = self._best_length(record.kept / record.tried, room)
        return known

    def _best_length(self, acceptance: float, room: int) -> int:
        if not self._table:
            return 0
        alone = self._table[0]
        best, best_gain = 0, _LEAST_GAIN
        expected, chance = 1.0, 1.0
        for size in range(1, room + 1):
            chance *= acceptance
            expected += chance
            gain = expected * alone / self._table[size]
            if gain > best_gain:
                best, best_gain = size, gain
        return best

    @staticmethod
    def _bucket(match_chars: int) -> int:
        return max((low for low in _BUCKETS if low <= match_chars), default=_BUCKETS[0])
