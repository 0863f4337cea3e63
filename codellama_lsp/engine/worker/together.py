"""Several candidates of one request at once: each on a sequence of its own, one batch a step.

They share the prompt's cells. What makes them differ is here, too. Must not know how a token is
chosen.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence

import attrs

from codellama_lsp.engine.protocol import Candidate
from codellama_lsp.engine.worker.cache import Resident
from codellama_lsp.engine.worker.context import Aborted, Context, Logits

#: Yields tokens to be evaluated at the end of its sequence, is sent the scores behind each of them
#: (or thrown `Aborted`), and returns what came of it.
Steps = Generator[list[int], list[Logits], Candidate]

#: A choice that the model is as sure of as this is followed by every candidate.
_SURE = 0.9
#: Stands for the end of the text among chosen tokens.
END = -1


@attrs.define
class _Path:
    """What one candidate has chosen so far, and how sure the model was of each."""

    tokens: list[int] = attrs.field(factory=list)
    probabilities: list[float] = attrs.field(factory=list)


class Siblings:
    """Keeps candidates apart: where they could part, a later one may not follow an earlier one.

    With `forced`, one also parts where the first candidate's choice was least sure.
    """

    def __init__(self) -> None:
        self._paths: list[_Path] = []
        self.forced = False

    def begin(self) -> int:
        """A new candidate's number."""
        self._paths.append(_Path())
        return len(self._paths) - 1

    def note(self, number: int, token: int, probability: float) -> None:
        """A candidate has chosen."""
        self._paths[number].tokens.append(token)
        self._paths[number].probabilities.append(probability)

    def taken(self, number: int) -> frozenset[int]:
        """Tokens (or END) that this candidate leaves to earlier ones at its next step."""
        own = self._paths[number].tokens
        here = len(own)
        weakest = self._weakest() if self.forced else -1
        return frozenset(
            path.tokens[here]
            for path in self._paths[:number]
            if len(path.tokens) > here
            and path.tokens[:here] == own
            and (path.probabilities[here] < _SURE or here == weakest)
        )

    def _weakest(self) -> int:
        first = self._paths[0].probabilities
        return first.index(min(first)) if first else -1


def run_together(context: Context, runs: Sequence[tuple[Steps, Resident]]) -> list[Candidate]:
    """Run every one to its end; those that go on share each batch."""
    if len(runs) == 1:
        return [_run_alone(context, *runs[0])]
    done: dict[int, Candidate] = {}
    waiting: dict[int, list[int]] = {}

    def advance(number: int, rows: list[Logits] | None, *, aborted: bool = False) -> None:
        steps = runs[number][0]
        try:
            if aborted:
                waiting[number] = steps.throw(Aborted())
            else:
                waiting[number] = next(steps) if rows is None else steps.send(rows)
        except StopIteration as end:
            waiting.pop(number, None)
            done[number] = end.value

    for number in range(len(runs)):
        advance(number, None)
    while waiting:
        batch = dict(waiting)
        residents = [runs[number][1] for number in batch]
        parts = [
            (resident.sequence, len(resident.tokens), tokens)
            for resident, tokens in zip(residents, batch.values(), strict=True)
        ]
        try:
            context.evaluate_together(parts)
        except Aborted:
            for number in batch:
                advance(number, None, aborted=True)
            continue
        # All of them before anyone goes on: the next batch overwrites them.
        rows = iter([context.logits(i) for i in range(sum(map(len, batch.values())))])
        scores = {number: [next(rows) for _ in tokens] for number, tokens in batch.items()}
        for number, own in scores.items():
            advance(number, own)
    return [done[number] for number in range(len(runs))]


def _run_alone(context: Context, steps: Steps, resident: Resident) -> Candidate:
    try:
        tokens = next(steps)
        while True:
            try:
                context.evaluate(resident.sequence, len(resident), tokens, all_logits=True)
            except Aborted:
                tokens = steps.throw(Aborted())
                continue
            tokens = steps.send([context.logits(i) for i in range(len(tokens))])
    except StopIteration as end:
        candidate: Candidate = end.value
        return candidate
