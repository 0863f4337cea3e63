"""From scores to the next token: greedy or drawn, under healing's constraint, ends included."""

from __future__ import annotations

import copy
import functools
import math

import attrs
import numpy as np
import numpy.typing as npt

from codellama_lsp.engine.worker.context import Logits
from codellama_lsp.prompt.healing import Ids

Probabilities = npt.NDArray[np.float32]

#: For drawn candidates: the smallest set of tokens with this much probability (nucleus sampling).
TOP_P = 0.95
#: A candidate that differs only by what has less probability than this is not worth having.
_LEAST_LEFT = 1e-3
#: So few ids are looked up one by one.
_FEW = 16


class Scores:
    """What a model gives every token at one position.

    Works in `scratch` (shape [vocabulary]) where one is given; whoever gives it, uses up these
    scores before the next ones are made. Single precision is what the scores have.

    Probabilities are made when they are asked for: those of 32,016 tokens take about 0.02 ms, and
    greedy choices need none.
    """

    def __init__(self, logits: Logits, scratch: Probabilities | None = None) -> None:
        self._logits = logits
        self._scratch = scratch

    @functools.cached_property
    def best(self) -> int:
        """The likeliest token."""
        return int(self._logits.argmax())

    @functools.cached_property
    def _weights(self) -> Probabilities:
        """Of every token, the likeliest one's 1; shape [vocabulary]."""
        weights: Probabilities = np.subtract(
            self._logits, self._logits[self.best], out=self._scratch
        )
        np.exp(weights, out=weights)
        return weights

    @functools.cached_property
    def _total(self) -> float:
        return float(np.add.reduce(self._weights))

    def of_any_to_best(self, ids: Ids) -> float:
        """How likely any of `ids` is, the likeliest token's probability being 1."""
        if "_weights" in self.__dict__:
            return float(self._weights[ids].sum()) / self._weights.item(self.best)
        if len(ids) > _FEW:
            return float(np.exp(self._logits[ids] - self._logits[self.best]).sum())
        best, item = self._logits.item(self.best), self._logits.item
        return sum([math.exp(item(token) - best) for token in ids.tolist()])

    def of(self, token: int) -> float:
        """The probability of one token."""
        return self._weights.item(token) / self._total

    def of_any(self, ids: Ids) -> float:
        """The probability of all of `ids` together."""
        if len(ids) > _FEW:
            return float(self._weights[ids].sum()) / self._total
        return sum(map(self._weights.item, ids.tolist())) / self._total

    def best_of(self, ids: Ids) -> int:
        """The likeliest of `ids`."""
        values = self._weights if "_weights" in self.__dict__ else self._logits
        return int(ids[values[ids].argmax()])

    def share(self, ids: Ids) -> Probabilities:
        """Probabilities of `ids` when it has to be one of them."""
        if "_weights" in self.__dict__:
            weights = self._weights[ids]
        else:
            logits = self._logits[ids]
            weights = np.exp(logits - logits.max())
        total = float(weights.sum())
        if total > 0:
            return weights / np.float32(total)
        return np.full(len(ids), 1 / len(ids), dtype=np.float32)

    def probabilities(self) -> Probabilities:
        """Of every token, shape [vocabulary]; a new array."""
        return self._weights / np.float32(self._total)

    def without(self, ids: Ids) -> Scores | None:
        """The same with nothing for `ids`; None where hardly anything would be left."""
        total = self._total
        rest = copy.copy(self)
        rest._weights = self._weights.copy()
        rest._weights[ids] = 0.0
        if float(rest._weights.sum()) <= _LEAST_LEFT * total:
            return None
        rest.best = int(rest._weights.argmax())
        return rest


@attrs.define
class Choice:
    """A decision for one position. Its probability may be asked for while its scores are there."""

    token: int
    known: float | None
    """Its probability, if it is known already."""
    ends: bool
    _scores: Scores | None = None
    _among: Ids | None = None
    """It had to be one of these; None: any."""

    @property
    def probability(self) -> float:
        """What the model gave it."""
        if self.known is None:
            assert self._scores is not None
            if self._among is None:
                self.known = self._scores.of(self.token)
            else:
                share = self._scores.share(self._among)
                self.known = float(share[self._among == self.token][0])
        return self.known


class Sureness:
    """The probabilities of what was chosen, made when there is time: behind the text's end.

    Scores that wait for that are kept in `rows`, shape [any number, vocabulary], so that no token
    needs new memory.
    """

    def __init__(self, rows: Probabilities) -> None:
        self._made: list[float] = []
        self._rows = rows
        self._waiting: list[int] = []
        """The tokens of those rows."""

    def note(self, choice: Choice, logits: Logits) -> None:
        """The next choice, and the scores that it was made from."""
        if choice.known is not None:
            self._make()
            self._made.append(choice.known)
            return
        self._rows[len(self._waiting)] = logits
        self._waiting.append(choice.token)
        if len(self._waiting) >= len(self._rows):
            self._make()

    def probabilities(self) -> tuple[float, ...]:
        """Of all choices, in order."""
        self._make()
        return tuple(self._made)

    def _make(self) -> None:
        for token, row in zip(self._waiting, self._rows, strict=False):
            self._made.append(Scores(row, row).of(token))
        self._waiting.clear()


class Chooser:
    """Chooses tokens. `end_ids` end the text; `line_ids` hold a line break."""

    def __init__(
        self, end_ids: Ids, line_ids: Ids, *, temperature: float, seed: tuple[int, ...] = ()
    ) -> None:
        self._end_ids = end_ids
        self._line_ids = line_ids
        self._temperature = temperature
        self._seed = seed

    @functools.cached_property
    def _ends(self) -> frozenset[int]:
        return frozenset(self._end_ids.tolist())

    @functools.cached_property
    def _lines(self) -> frozenset[int]:
        return frozenset(self._line_ids.tolist())

    @functools.cached_property
    def _rng(self) -> np.random.Generator:
        return np.random.default_rng(self._seed)

    def end_probability(self, scores: Scores, *, line_ends: bool) -> float:
        """How likely the text is over; with `line_ends`, a line break counts as an end."""
        ends = scores.of_any(self._end_ids)
        return ends + scores.of_any(self._line_ids) if line_ends else ends

    def without(self, scores: Scores, taken: frozenset[int], *, line_ends: bool) -> Scores:
        """`scores` with nothing for what is `taken` (negative: any end), if anything is left."""
        ids = {token for token in taken if token >= 0}
        if any(token < 0 for token in taken):
            ids |= self._ends | (self._lines if line_ends else frozenset())
        return scores.without(np.array(sorted(ids), dtype=np.int32)) or scores

    def choose(self, scores: Scores, *, allowed: Ids | None, line_ends: bool) -> Choice:
        """The next token. `allowed` limits it (then nothing ends); None: any.

        Where `line_ends`, every way to end the line is one event: its members' probabilities are
        added up before they are compared, since it does not matter which of them comes.
        """
        if allowed is not None:
            if self._temperature <= 0:
                token = scores.best_of(allowed)
                return Choice(token, None, ends=False, scores=scores, among=allowed)
            share = scores.share(allowed)
            index = self._pick(share)
            return Choice(int(allowed[index]), float(share[index]), ends=False)
        if self._temperature <= 0:
            ending = scores.of_any_to_best(self._end_ids)
            if line_ends:
                ending += scores.of_any_to_best(self._line_ids)
            if ending < 1:  # the likeliest token is no end itself, then
                return Choice(scores.best, None, ends=False, scores=scores)
        ending = self.end_probability(scores, line_ends=line_ends)
        rest = scores.probabilities()
        rest[self._end_ids] = 0.0
        if line_ends:
            rest[self._line_ids] = 0.0
        if self._temperature <= 0:
            token = int(rest.argmax())
            if ending >= rest[token]:
                return Choice(int(self._end_ids[0]), ending, ends=True)
            return Choice(token, float(rest[token]), ends=False)
        if self._rng.random() < ending:
            return Choice(int(self._end_ids[0]), ending, ends=True)
        token = self._pick(rest / max(1 - ending, 1e-12))
        return Choice(token, float(rest[token]), ends=False)

    def _pick(self, share: Probabilities) -> int:
        if self._temperature <= 0:
            return int(share.argmax())
        sharpened = share.astype(np.float64) ** (1 / self._temperature)
        order = np.argsort(sharpened)[::-1]
        ranked = sharpened[order] / max(float(sharpened.sum()), 1e-300)
        kept = int(np.searchsorted(np.cumsum(ranked), TOP_P)) + 1
        ranked = ranked[:kept] / ranked[:kept].sum()
        return int(order[int(self._rng.choice(kept, p=ranked))])
