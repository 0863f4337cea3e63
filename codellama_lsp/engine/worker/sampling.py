"""From scores to the next token: greedy or drawn, under healing's constraint, ends included."""

from __future__ import annotations

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


def softmax(logits: Logits) -> Probabilities:
    """Probabilities of all tokens, shape [vocabulary]."""
    # Single precision is what the scores have, and three times as fast over 32,000 of them.
    scores = logits - logits.max()
    np.exp(scores, out=scores)
    scores /= scores.sum()
    return np.asarray(scores, dtype=np.float32)


@attrs.frozen
class Choice:
    """A decision for one position."""

    token: int
    probability: float
    ends: bool


class Chooser:
    """Chooses tokens. `end_ids` end the text; `line_ids` hold a line break."""

    def __init__(
        self, end_ids: Ids, line_ids: Ids, *, temperature: float, rng: np.random.Generator
    ) -> None:
        self._end_ids = end_ids
        self._line_ids = line_ids
        self._temperature = temperature
        self._rng = rng

    def end_probability(self, p: Probabilities, *, line_ends: bool) -> float:
        """How likely the text is over; with `line_ends`, a line break counts as an end."""
        ends = float(p[self._end_ids].sum())
        return ends + float(p[self._line_ids].sum()) if line_ends else ends

    def without(self, p: Probabilities, taken: frozenset[int], *, line_ends: bool) -> Probabilities:
        """`p` with nothing for what is `taken` (a negative id: any end), if anything is left."""
        rest = p.copy()
        rest[[token for token in taken if token >= 0]] = 0.0
        if any(token < 0 for token in taken):
            rest[self._end_ids] = 0.0
            if line_ends:
                rest[self._line_ids] = 0.0
        return rest if float(rest.sum()) > _LEAST_LEFT else p

    def choose(self, p: Probabilities, *, allowed: Ids | None, line_ends: bool) -> Choice:
        """The next token. `allowed` limits it (then nothing ends); None: any.

        Where `line_ends`, every way to end the line is one event: its members' probabilities are
        added up before they are compared, since it does not matter which of them comes.
        """
        if allowed is not None:
            share = p[allowed]
            total = float(share.sum())
            share = share / total if total > 0 else np.full(len(allowed), 1 / len(allowed))
            index = self._pick(share)
            return Choice(int(allowed[index]), float(share[index]), ends=False)
        ending = self.end_probability(p, line_ends=line_ends)
        rest = p.copy()
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
