"""Decoding outside of an engine: one prompt, one sequence, a chooser of the caller's."""

from __future__ import annotations

import time
from collections.abc import Sequence

import attrs
import numpy as np

from codellama_lsp.engine.backend import CancelFlag
from codellama_lsp.engine.protocol import Candidate, GenerateRequest, Segment
from codellama_lsp.engine.worker.backend import LlamaBackend
from codellama_lsp.engine.worker.cache import Resident
from codellama_lsp.engine.worker.candidates import copier_of
from codellama_lsp.engine.worker.context import Logits
from codellama_lsp.engine.worker.copying import CopySettings
from codellama_lsp.engine.worker.drafting import DraftPolicy
from codellama_lsp.engine.worker.generate import Decoder, Spent
from codellama_lsp.engine.worker.sampling import Choice, Chooser, Scores
from codellama_lsp.engine.worker.together import Siblings, Steps, run_together
from codellama_lsp.prompt.healing import Ids

NOTHING = np.empty(0, dtype=np.int32)


class Greedy(Chooser):
    """Takes the likeliest token and remembers it; with no ends, goes on for ever."""

    def __init__(self, end_ids: Ids = NOTHING) -> None:
        super().__init__(end_ids, NOTHING, temperature=0.0)
        self.chosen: list[int] = []

    def choose(self, scores: Scores, *, allowed: Ids | None, line_ends: bool) -> Choice:
        """As a chooser does."""
        choice = super().choose(scores, allowed=allowed, line_ends=line_ends)
        if not choice.ends:
            self.chosen.append(choice.token)
        return choice


class Recorded(Chooser):
    """Takes given tokens and looks at no scores."""

    def __init__(self, tokens: Sequence[int]) -> None:
        super().__init__(NOTHING, NOTHING, temperature=0.0)
        self._tokens = iter(tokens)

    def choose(self, scores: Scores, *, allowed: Ids | None, line_ends: bool) -> Choice:
        """The next of the given ones."""
        return Choice(next(self._tokens), 1.0, ends=False)


class Forced(Recorded):
    """Takes given tokens whatever the model says, at the usual cost of looking at its scores."""

    def choose(self, scores: Scores, *, allowed: Ids | None, line_ends: bool) -> Choice:
        """The next of the given ones."""
        Chooser.choose(self, scores, allowed=allowed, line_ends=line_ends)
        return super().choose(scores, allowed=allowed, line_ends=line_ends)


@attrs.frozen
class Run:
    """One generation."""

    seconds: float
    """Without the prompt's evaluation."""
    spent: Spent
    text: str
    batches: Sequence[int]
    """Sizes of what was evaluated behind the prompt, in order."""


def request_at(
    text: str, offset: int, after: str, prompt_chars: int, tokens: int
) -> GenerateRequest:
    """Ask at `offset` of `text` with `after` behind it; windows of `prompt_chars` in all.

    What stands beyond the windows is there to be copied from.
    """
    before = text[:offset]
    start = max(offset - prompt_chars * 3 // 4, 0)
    suffix = after[: prompt_chars // 4]
    return GenerateRequest(
        document="bench",
        prefix=Segment("prefix", 1, before[start:]),
        suffix=Segment("suffix", 1, suffix),
        far_before=Segment("far-before", 1, before[:start]),
        far_after=Segment("far-after", 1, after[len(suffix) :]),
        heal=False,
        copy=False,
        max_tokens=tokens,
    )


def prefilled(backend: LlamaBackend, request: GenerateRequest) -> tuple[Resident, Logits]:
    """The request's prompt in the cache, and the scores behind it."""
    _, context, cache = backend.loaded()
    ids = backend.build(request).ids
    resident, reuse = cache.take(ids, len(ids) + request.max_tokens + 16, request.document)
    reuse = min(reuse, len(ids) - 1)
    cache.truncate(resident, reuse)
    for start in range(reuse, len(ids), context.batch_tokens):
        step = ids[start : start + context.batch_tokens]
        context.evaluate(resident.sequence, start, step)
        cache.extend(resident, step)
    return resident, context.logits().copy()


def decode(
    backend: LlamaBackend,
    request: GenerateRequest,
    chooser: Chooser,
    policy: DraftPolicy | None,
) -> Run:
    """Generate once; afterwards the cache holds the prompt alone."""
    _, context, cache = backend.loaded()
    resident, logits = prefilled(backend, request)
    length = len(resident)
    began = time.perf_counter()
    decoder = _decoder(backend, request, chooser, policy)
    steps = decoder.steps(resident, logits, lambda text: None, CancelFlag())
    sizes: list[int] = []
    (candidate,) = run_together(context, [(_counted(steps, sizes), resident)])
    seconds = time.perf_counter() - began
    cache.truncate(resident, length)
    return Run(seconds, decoder.spent, candidate.text, sizes)


def play(
    backend: LlamaBackend, request: GenerateRequest, tokens: Sequence[int], policy: DraftPolicy
) -> Run:
    """Generate `tokens` without evaluating anything: only its batches mean something."""
    model, _, cache = backend.loaded()
    scores = np.zeros(model.size, dtype=np.float32)
    decoder = _decoder(backend, request, Recorded(tokens), policy)
    # On a sequence that no prompt uses.
    steps = decoder.steps(Resident(cache.sequences), scores, lambda text: None, CancelFlag())
    sizes: list[int] = []
    try:
        batch = next(steps)
        while True:
            sizes.append(len(batch))
            batch = steps.send([scores] * len(batch))
    except StopIteration as end:
        return Run(0.0, decoder.spent, end.value.text, sizes)


def _counted(steps: Steps, sizes: list[int]) -> Steps:
    try:
        batch = next(steps)
        while True:
            sizes.append(len(batch))
            batch = steps.send((yield batch))
    except StopIteration as end:
        candidate: Candidate = end.value
        return candidate


def _decoder(
    backend: LlamaBackend, request: GenerateRequest, chooser: Chooser, policy: DraftPolicy | None
) -> Decoder:
    model, context, cache = backend.loaded()
    if policy is not None and not policy.looks():
        policy = None
    return Decoder(
        model,
        context,
        cache,
        request=request,
        required=b"",
        healed=0,
        copier=copier_of(request) if policy is not None else None,
        copy_settings=CopySettings(),
        policy=policy,
        chooser=chooser,
        siblings=Siblings(),
        scratch=np.empty(model.size, dtype=np.float32),
        rows=np.empty((1, model.size), dtype=np.float32),
    )
