"""How long a draft should be: what a batch of each size costs, and how often proposals come true.

Speculative decoding with a copied draft (Leviathan et al. 2023; prompt lookup). On some machines
two tokens cost more than twice one, so short drafts lose there and long ones pay. What comes true
is learnt for nothing: every proposal is compared with what was generated, drafted or not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

#: Where a token takes less, drafts save nothing that anybody could notice.
LEAST_TOKEN_S = 0.002
#: No draft is longer.
LONGEST_DRAFT = 15
#: A draft has to promise this much before it is worth its risk.
_LEAST_GAIN = 1.08
#: Match lengths (characters) that are told apart, by their lower ends.
_MATCHES = (4, 8, 16, 32, 64)
#: Proposals are told apart by whether nearly all places with the match went on alike, too.
_AGREEING = 0.9
#: Nothing is drafted before so many proposals of its kind were compared with what came.
_LEAST_SEEN = 8.0
#: So many proposals that failed are added to those that were seen: little evidence is doubted.
_DOUBT = 4.0
#: Positions of a draft borrow as much evidence from those behind the first.
_BORROWED = 4.0
#: Beyond this, old habits fade.
_MOST_SEEN = 100.0
#: Where nothing pays after so many proposals, only one request in `_SELDOM` looks for them.
_SETTLED = 300.0
_SELDOM = 8
#: How quickly costs follow what batches take now; how far off a single one may lead; and how many
#: tokens larger or smaller a batch is that nothing is said of.
_FOLLOW = 0.2
_MOST_OFF = 2.0
_NEAR = 8


@attrs.define
class _Record:
    """By position: proposed tokens whose predecessors all came true; those that did, too."""

    seen: list[float] = attrs.field(factory=lambda: [0.0] * LONGEST_DRAFT)
    true: list[float] = attrs.field(factory=lambda: [0.0] * LONGEST_DRAFT)
    best: dict[int, int] = attrs.field(factory=dict)
    """The length that pays most, by room; valid until something is learnt."""

    def learn(self, proposed: int, came_true: int) -> None:
        """Of `proposed` tokens the first `came_true` did."""
        for position in range(min(came_true + 1, proposed, LONGEST_DRAFT)):
            self.seen[position] += 1
            self.true[position] += position < came_true
        if self.seen[0] > _MOST_SEEN:
            self.seen = [count / 2 for count in self.seen]
            self.true = [count / 2 for count in self.true]
        self.best.clear()

    def shares(self) -> list[float]:
        """For each position, how likely it comes true once its predecessors have."""
        later = sum(self.true[1:]) / (sum(self.seen[1:]) + _DOUBT)
        first = self.true[0] / (self.seen[0] + _DOUBT)
        rest = zip(self.true[1:], self.seen[1:], strict=True)
        return [first, *((t + _BORROWED * later) / (s + _BORROWED) for t, s in rest)]


#: How many kinds of proposals there are.
KINDS = 2 * len(_MATCHES)


def kind_of(match_chars: int, agreement: float) -> int:
    """The kind of a proposal (0 to `KINDS`), by its match and by how alike the places went on."""
    longest = sum(low <= match_chars for low in _MATCHES[1:])
    return 2 * longest + (agreement >= _AGREEING)


class DraftPolicy:
    """Chooses draft lengths and learns from what came of proposals.

    `costs` are seconds of a batch by its size; missing sizes are interpolated, larger ones
    extrapolated from the two largest. Nothing is drafted without costs, nor where a token takes
    less than `least_token_s`: looking for drafts would take longer than they save. With `eager`
    every proposal is drafted in full.
    """

    def __init__(
        self, costs: Mapping[int, float], least_token_s: float = 0.0, *, eager: bool = False
    ) -> None:
        known = bool(costs) and costs[1] >= least_token_s
        self._alone_s = costs[1] if known else 0.0
        # Batches are compared with a single token, so that other load, which slows all of them
        # down, changes nothing.
        sizes = range(1, LONGEST_DRAFT + 2)
        self._dearer = [_interpolated(costs, n) / self._alone_s for n in sizes] if known else []
        self._eager = eager
        self._records = [_Record() for _ in range(KINDS)]
        self._requests = 0
        self.learnt = 0
        """Proposals since somebody set it to 0."""

    def cost(self, size: int) -> float:
        """Seconds of a batch of `size` tokens, as far as is known now."""
        return self._alone_s * self._dearer[size - 1]

    def looks(self) -> bool:
        """Whether a request should look for proposals at all; asked once for each."""
        if self._eager:
            return True
        if not self._dearer or self._best_length([1.0] * LONGEST_DRAFT, LONGEST_DRAFT) == 0:
            return False
        self._requests += 1
        if sum(record.seen[0] for record in self._records) < _SETTLED:
            return True
        pays = any(self._best(record, LONGEST_DRAFT) for record in self._records)
        return pays or self._requests % _SELDOM == 0

    def length(self, kind: int, room: int) -> int:
        """Tokens of such a proposal to draft, at most `room`; 0: a draft won't pay."""
        room = min(room, LONGEST_DRAFT)
        if self._eager:
            return max(room, 0)
        if not self._dearer or room < 1:
            return 0
        return self._best(self._records[kind], room)

    def learn(self, kind: int, proposed: int, came_true: int) -> None:
        """Of `proposed` tokens `came_true` were generated, from their start on."""
        self.learnt += 1
        self._records[kind].learn(proposed, came_true)

    def took(self, size: int, seconds: float) -> None:
        """A batch of `size` tokens took so long: follow it.

        What was measured at load may have been measured while others used the machine.
        """
        if not self._dearer or size > len(self._dearer):
            return
        off = _FOLLOW * (min(max(seconds / self.cost(size), 1 / _MOST_OFF), _MOST_OFF) - 1)
        if size == 1:
            self._alone_s *= 1 + off
            return
        for other in range(2, len(self._dearer) + 1):
            near = max(0.0, 1 - abs(other - size) / _NEAR)
            self._dearer[other - 1] *= 1 + off * near
        for record in self._records:
            record.best.clear()

    def counts(self) -> list[list[list[float]]]:
        """What was learnt: of each kind, by position, proposed tokens and those that came true."""
        return [[record.seen, record.true] for record in self._records]

    def adopt(self, counts: object) -> bool:
        """Begin with what `counts` gave earlier, at half its weight; False where it is not that."""
        match counts:
            case list() if len(counts) == KINDS and all(map(_is_record, counts)):
                self._records = [
                    _Record([n / 2 for n in seen], [n / 2 for n in true]) for seen, true in counts
                ]
                return True
        return False

    def _best(self, record: _Record, room: int) -> int:
        known = record.best.get(room)
        if known is None:
            enough = record.seen[0] >= _LEAST_SEEN
            known = self._best_length(record.shares(), room) if enough else 0
            record.best[room] = known
        return known

    def _best_length(self, shares: Sequence[float], room: int) -> int:
        best, best_gain = 0, _LEAST_GAIN
        expected, chance = 1.0, 1.0
        for length in range(1, room + 1):
            chance *= shares[length - 1]
            expected += chance
            gain = expected / self._dearer[length]
            if gain > best_gain:
                best, best_gain = length, gain
        return best


class TablePolicy(DraftPolicy):
    """Takes its costs as they are given: what batches take here says nothing."""

    def took(self, size: int, seconds: float) -> None:
        """Nothing to learn from."""


def _is_record(value: object) -> bool:
    match value:
        case [list() as seen, list() as true]:
            pairs = list(zip(seen, true, strict=False))
            return len(seen) == len(true) == LONGEST_DRAFT and all(
                isinstance(s, float | int) and isinstance(t, float | int) and 0 <= t <= s < 1e6
                for s, t in pairs
            )
    return False


def _interpolated(costs: Mapping[int, float], size: int) -> float:
    if size in costs:
        return costs[size]
    known = sorted(costs.items())
    below = [pair for pair in known if pair[0] < size][-2:]
    above = next((pair for pair in known if pair[0] > size), None)
    (n0, c0), (n1, c1) = (below[-1], above) if above else (below[0], below[-1])
    return c0 + (c1 - c0) * (size - n0) / max(n1 - n0, 1)


@attrs.define
class _Open:
    kind: int
    tokens: Sequence[int]
    came_true: int = 0


class Forecasts:
    """Proposals of one generation, each compared with what came; `policy` learns from them."""

    def __init__(self, policy: DraftPolicy) -> None:
        self._policy = policy
        self._open: list[_Open] = []

    def propose(self, kind: int, tokens: Sequence[int]) -> None:
        """`tokens` may come next."""
        if tokens:
            self._open.append(_Open(kind, tokens))

    def came(self, token: int) -> None:
        """The next token is there."""
        going = []
        for one in self._open:
            if one.tokens[one.came_true] == token:
                one.came_true += 1
                if one.came_true < len(one.tokens):
                    going.append(one)
                    continue
            self._policy.learn(one.kind, len(one.tokens), one.came_true)
        self._open = going

    def end(self) -> None:
        """No more is generated; what was right so far counts as far as it went."""
        for one in self._open:
            self._policy.learn(one.kind, one.came_true, one.came_true)
        self._open = []
