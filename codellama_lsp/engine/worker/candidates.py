"""From a prompt that is in the cache to the texts that were asked for."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import numpy as np

from codellama_lsp.engine.backend import CancelFlag
from codellama_lsp.engine.protocol import Candidate, GenerateRequest
from codellama_lsp.engine.worker.cache import KvCache, Resident
from codellama_lsp.engine.worker.context import Context, Logits
from codellama_lsp.engine.worker.copying import Copier, CopySettings
from codellama_lsp.engine.worker.drafting import LONGEST_DRAFT, DraftPolicy
from codellama_lsp.engine.worker.generate import Decoder, Spent, new_chooser
from codellama_lsp.engine.worker.model import Model
from codellama_lsp.engine.worker.prompting import Prompt
from codellama_lsp.engine.worker.together import Siblings, run_together

#: Candidates that are decoded at once, at most.
MOST_TOGETHER = 16
#: Scores of so many tokens wait for their probabilities to be made; those of one have 128 kB.
_ROWS = 16


class Candidates:
    """Decodes the candidates of one request after another; `spare` is the first free sequence."""

    def __init__(
        self,
        model: Model,
        context: Context,
        cache: KvCache,
        copying: CopySettings,
        policy: DraftPolicy,
        spare: int,
    ) -> None:
        self._model = model
        self._context = context
        self._cache = cache
        self._copying = copying
        self.policy = policy
        self._spare = spare
        self._scratch = np.empty(model.size, dtype=np.float32)
        self._rows = np.empty((_ROWS, model.size), dtype=np.float32)

    def decode(
        self,
        request: GenerateRequest,
        prompt: Prompt,
        resident: Resident,
        logits: Logits,
        emit: Callable[[int, str], None],
        cancel: CancelFlag,
        spent: list[Spent],
    ) -> list[Candidate]:
        """All candidates, as many at once as the cache has room for; the first on `resident`.

        `logits` are those behind the prompt; what each costs is in `spent` from its start on.
        """
        siblings = Siblings()
        done: list[Candidate] = []
        if request.candidates > 1:
            logits = logits.copy()  # the first batch overwrites them

        def run(indexes: Sequence[int], attempt: int) -> list[Candidate]:
            """Decode candidates, the first on the prompt's own sequence."""
            self._cache.truncate(resident, len(prompt.ids))
            places = [resident, *(self._copy_of(resident, i) for i in range(len(indexes) - 1))]
            decoders = [self._decoder(request, prompt, i, attempt, siblings) for i in indexes]
            steps = [
                decoder.steps(place, logits, functools.partial(emit, index), cancel)
                for index, place, decoder in zip(indexes, places, decoders, strict=True)
            ]
            spent.extend(decoder.spent for decoder in decoders)
            try:
                return run_together(self._context, list(zip(steps, places, strict=True)))
            finally:
                for place in places[1:]:
                    self._context.forget(place.sequence, 0)

        room = self._context.cells - len(prompt.ids)
        at_once = max(1, min(MOST_TOGETHER, room // (request.max_tokens + LONGEST_DRAFT + 1)))
        for start in range(0, request.candidates, at_once):
            done += run(range(start, min(start + at_once, request.candidates)), 0)
        texts = [candidate.text for candidate in done]
        same = [i for i, text in enumerate(texts) if text in texts[:i]][:at_once]
        if same and not cancel.is_set():
            # Once more, made to differ where the first one was least sure.
            siblings.forced = True
            for index, candidate in zip(same, run(same, 1), strict=True):
                done[index] = candidate
        return done

    def _copy_of(self, resident: Resident, number: int) -> Resident:
        """A sequence for one more candidate, with the prompt's cells in it."""
        sequence = self._spare + number
        self._context.copy(resident.sequence, sequence, len(resident))
        return Resident(sequence, resident.tokens)

    def _decoder(
        self,
        request: GenerateRequest,
        prompt: Prompt,
        index: int,
        attempt: int,
        siblings: Siblings,
    ) -> Decoder:
        # Candidates that should differ gain nothing from what is likeliest.
        copying = self._copying.weights is not None and request.copy is not False and index == 0
        drafting = request.draft is not False and index == 0 and request.temperature <= 0
        policy = eager_policy() if request.draft else self.policy
        drafting = drafting and policy.looks()
        return Decoder(
            self._model,
            self._context,
            self._cache,
            request=request,
            required=prompt.required,
            healed=prompt.healed,
            copier=copier_of(request) if copying or drafting else None,
            copy_settings=self._copying if copying else CopySettings(),
            policy=policy if drafting else None,
            chooser=new_chooser(self._model, request, index, attempt),
            siblings=siblings,
            scratch=self._scratch,
            rows=self._rows,
        )


def eager_policy() -> DraftPolicy:
    """Drafts whenever there is anything to draft."""
    return DraftPolicy({}, eager=True)


def copier_of(request: GenerateRequest) -> Copier:
    """What looks for matches in all the text that a request brings."""
    far_before = request.far_before.text if request.far_before else ""
    far_after = request.far_after.text if request.far_after else ""
    before = [*(segment.text for segment in request.context), far_before + request.prefix.text]
    return Copier(before, [request.suffix.text + far_after])
