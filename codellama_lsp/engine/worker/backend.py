"""The llama.cpp backend: a request becomes a prompt on token ids, the cache, a decode loop."""

from __future__ import annotations

import functools
import hashlib
import logging
import os
import time
from collections.abc import Sequence
from pathlib import Path

import attrs

from codellama_lsp import dirs
from codellama_lsp.engine.backend import CancelFlag, Emit, Report
from codellama_lsp.engine.protocol import (
    PROTOCOL_VERSION,
    Candidate,
    EngineInfo,
    Finish,
    GenerateRequest,
    GenerateResult,
    Priority,
    Timings,
    TokenCounts,
    measured_segments,
    measurement,
)
from codellama_lsp.engine.worker import memory
from codellama_lsp.engine.worker.cache import Ids, KvCache, Resident
from codellama_lsp.engine.worker.context import Aborted, Context, Logits
from codellama_lsp.engine.worker.copying import Copier, CopySettings
from codellama_lsp.engine.worker.drafting import MEASURED_SIZES, DraftPolicy
from codellama_lsp.engine.worker.generate import DRAFT_TOKENS, Decoder, Spent, new_chooser
from codellama_lsp.engine.worker.growing import SmallWindows
from codellama_lsp.engine.worker.library import library_offloads, quiet, system_info
from codellama_lsp.engine.worker.machine import ProbeAnswer, extra_buffers, physical_cores
from codellama_lsp.engine.worker.model import Model
from codellama_lsp.engine.worker.parking import store
from codellama_lsp.engine.worker.prompting import Prompt, PromptBuilder
from codellama_lsp.engine.worker.settings import WorkerSettings
from codellama_lsp.engine.worker.together import Siblings, run_together
from codellama_lsp.prompt.special import InfillIds, NoInfill

log = logging.getLogger(__name__)

#: Metadata key of a file whose model should copy: five weights, separated by commas.
COPY_KEY = "codellama_lsp.copy_weights"
_BATCH_TOKENS = 512
#: Candidates that are decoded at once, at most.
MOST_TOGETHER = 16
#: For a request that insists on drafts: as if further tokens of a batch cost next to nothing.
_FREE_BATCHES = {1: 1.0, 16: 1.1}
#: A batch that cannot be interrupted should be over in about this time.
_BATCH_SECONDS = 0.5
#: Work that nobody waits for is broken off by the next keystroke, and the batch in hand is lost.
_UNASKED_BATCH_SECONDS = 0.1
#: After a jump, the prefill that a user waits for; the rest follows behind.
_PATIENCE_S = 1.0
_LEAST_SMALL_TOKENS = 32
#: Full windows take over from small ones when no more than this is missing of them.
_TAKE_OVER_TOKENS = 16
_SAMPLE = (
    "class Reader:\n    def __init__(self, path: str, limit: int = 100) -> None:\n"
    "        self.path = path\n        self.limit = limit\n\n"
    "    def lines(self) -> list[str]:\n        with open(self.path) as file:\n"
    "            return [line.strip() for line in file][: self.limit]\n"
)


class LlamaBackend:
    """A GGUF behind the engine's protocol. Everything runs on the engine's one decode thread."""

    def __init__(self, settings: WorkerSettings, probe_model: Path | None = None) -> None:
        self._settings = settings
        self._probe_model = probe_model or settings.model_path
        self._model: Model | None = None
        self._context: Context | None = None
        self._cache: KvCache | None = None
        self._builder: PromptBuilder | None = None
        self._small = SmallWindows()
        self._ahead = 0
        self._later: dict[str, GenerateRequest] = {}
        self._threads = 1
        self._prefill_speed = 0.0
        self._copy = CopySettings()
        self._policy = DraftPolicy({})
        self._step_tokens = _BATCH_TOKENS
        self.info: EngineInfo
        """Set by `load`."""

    def load(self, report: Report) -> EngineInfo:
        """Load model and context, check the machine, measure it."""
        quiet()
        settings = self._settings
        memory.check_weights(settings.model_path, memory.available_bytes())
        probed = self._extra_buffers()
        model = Model(
            settings.model_path,
            gpu_layers=settings.gpu_layers,
            extra_buffers=probed.works,
            report=report,
        )
        threads = settings.threads or (1 if model.is_tiny else physical_cores())
        shape, free = memory.shape_of(model.metadata), memory.available_bytes()
        cells = settings.context_tokens or memory.cells_for(shape, model.trained_tokens, free)
        # Weights on a GPU leave main memory alone, and so does their cache.
        if not library_offloads():
            memory.check_cache(shape, cells, free)
        context = Context(
            model,
            cells=cells,
            sequences=settings.sequences + MOST_TOGETHER - 1,
            threads=threads,
            batch_tokens=min(_BATCH_TOKENS, cells),
        )
        self._model, self._context = model, context
        self._threads = threads
        self._cache = KvCache(
            context, settings.sequences, memory.parking_bytes(settings.park_mb, free)
        )
        if settings.warm_cache_mb:
            self._cache.lot.add_files(self._warm_directory())
        self._copy = _copy_settings(model)
        usable = min(cells, max(model.trained_tokens, 512))
        self._builder = PromptBuilder(
            model, most_tokens=usable, healing_tokens=settings.healing_tokens
        )
        sample = model.encoder.infill(_SAMPLE)
        speed = self._measure_prefill(sample)
        self._prefill_speed = speed
        costs = self._measure_batches(sample)
        self._policy = DraftPolicy(costs)
        self._step_tokens = max(16, min(context.batch_tokens, int(speed * _BATCH_SECONDS)))
        infill = model.infill
        self.info = EngineInfo(
            protocol=PROTOCOL_VERSION,
            model_name=model.name,
            model_path=str(settings.model_path),
            context_tokens=usable,
            can_infill=isinstance(infill, InfillIds),
            infill_reason=infill.reason if isinstance(infill, NoInfill) else "",
            chars_per_token=len(_SAMPLE) / max(1, len(sample)),
            prefill_tokens_per_s=round(speed, 1),
            pid=os.getpid(),
            details={
                "backend": "llama.cpp",
                "system": system_info(),
                "threads": str(threads),
                "extra_buffers": f"{'on' if probed.works else 'off'} ({probed.how})",
                "copying": "on" if self._copy.weights else "off",
                "batch_ms": " ".join(f"{n}:{1000 * c:.1f}" for n, c in costs.items()),
                "by_lines": str(model.encoder.by_lines),
                "size_mb": f"{model.bytes / 1e6:.1f}",
            },
        )
        return self.info

    def generate(self, request: GenerateRequest, emit: Emit, cancel: CancelFlag) -> GenerateResult:
        """Answer one request; see `Backend.generate`."""
        assert self._model is not None and self._context is not None and self._cache is not None
        if request.measure:
            encoder = self._model.encoder
            counts = tuple(len(encoder.infill(s.text)) for s in measured_segments(request))
            return measurement(counts, request.layout)
        started = time.perf_counter()
        evaluated, busy_s = self._spent()
        at_text: list[tuple[int, float]] = []

        def note_text(index: int, text: str) -> None:
            if not at_text:
                at_text.append(self._spent())
            emit(index, text)

        prompt = self._affordable(request)
        # What is evaluated ahead must not make its document's answered prompt look left behind.
        owner = request.document if request.priority <= Priority.ASSIST else f"{request.document}+"
        room = len(prompt.ids) + request.max_tokens + 16
        resident, reuse = self._cache.take(prompt.ids, room, owner)
        # The last token's scores are needed, and they are not kept with the cells.
        reuse = min(reuse, len(prompt.ids) - 1)
        self._cache.truncate(resident, reuse)
        prepared = time.perf_counter()
        self._context.watch(cancel)
        self._context.set_threads(max(1, int(self._threads * cancel.share)))
        spent: list[Spent] = []
        try:
            step_tokens = self._step_tokens
            if request.priority > Priority.ASSIST:
                step_tokens = max(16, int(step_tokens * _UNASKED_BATCH_SECONDS / _BATCH_SECONDS))
            logits = self._prefill(resident, prompt.ids[reuse:], step_tokens, cancel)
            prefilled = time.perf_counter()
            fresh = len(resident.tokens) - reuse
            self._note_speed(fresh, prefilled - prepared)
            if logits is None:
                candidates = tuple(
                    Candidate("", Finish.CANCELLED) for _ in range(max(1, request.candidates))
                )
            else:
                candidates = ()
                if request.max_tokens:
                    found = self._candidates(
                        request, prompt, resident, logits, note_text, cancel, spent
                    )
                    candidates = tuple(found)
        finally:
            self._context.watch(None)
        ended = time.perf_counter()
        at_end = self._spent()
        first_evaluated, first_busy_s = at_text[0] if at_text else at_end
        ahead = self._count_ahead(request, at_end[0] - evaluated)
        return GenerateResult(
            candidates=candidates,
            tokens=TokenCounts(
                prompt=len(prompt.ids),
                reused=reuse,
                fresh=fresh,
                healed=prompt.healed,
                generated=sum(s.generated for s in spent),
                drafted=sum(s.drafted for s in spent),
                accepted=sum(s.accepted for s in spent),
                evaluated=at_end[0] - evaluated,
                before_text=first_evaluated - evaluated,
                ahead=ahead,
            ),
            ms=Timings(
                prepare=(prepared - started) * 1000,
                prefill=(prefilled - prepared) * 1000,
                decode=(ended - prefilled) * 1000,
                native=(at_end[1] - busy_s) * 1000,
                native_before_text=(first_busy_s - busy_s) * 1000,
            ),
            layout=prompt.layout,
        )

    def loaded(self) -> tuple[Model, Context, KvCache]:
        """What `load` made; for tools that look inside."""
        assert self._model is not None and self._context is not None and self._cache is not None
        return self._model, self._context, self._cache

    def close(self) -> None:
        """Free everything; keep on disk what should outlast it."""
        if self._cache is not None and self._settings.warm_cache_mb:
            self._keep_warm()
        if self._context is not None:
            self._context.close()
        if self._model is not None:
            self._model.close()
        self._model = self._context = self._cache = None

    def unfinished(self) -> GenerateRequest | None:
        """A prompt that was answered from smaller windows and is still to be evaluated in full.

        To be run (as WARM) when nobody waits; None when there is nothing to do.
        """
        if not self._later:
            return None
        return self._later.pop(next(reversed(self._later)))

    def clear(self) -> None:
        """Forget every prompt."""
        assert self._cache is not None
        self._cache.clear()
        self._later.clear()

    def _warm_directory(self) -> Path:
        """States only fit the file, and the settings, that they were made with."""
        status = self._settings.model_path.stat()
        facts = (
            str(self._settings.model_path.resolve()),
            status.st_size,
            status.st_mtime_ns,
            system_info(),
        )
        key = hashlib.sha256(repr(facts).encode()).hexdigest()[:16]
        return dirs.cache_dir() / "warm" / key

    def _keep_warm(self) -> None:
        assert self._cache is not None
        most_bytes = self._settings.warm_cache_mb * 2**20
        try:
            self._cache.park_all()
            dirs.make_private(dirs.cache_dir())
            store(self._warm_directory(), most_bytes, self._cache.lot.states())
        except OSError as error:
            log.warning("the warm cache could not be written (%s)", error.strerror)

    def _affordable(self, request: GenerateRequest) -> Prompt:
        """The prompt in full, or a smaller one where the user would wait too long for that."""
        assert self._cache is not None
        prompt = self.build(request)
        missing = len(prompt.ids) - self._cache.shared(prompt.ids)
        if request.priority is not Priority.VISIBLE:
            return prompt
        self._later.pop(request.document, None)
        budget_tokens = max(_LEAST_SMALL_TOKENS, int(self._prefill_speed * _PATIENCE_S))
        waits = missing > budget_tokens * 1.5
        # Once small windows answer, the full ones take over when they are there, not before: a
        # typed character would wait for what is still missing of them.
        if not waits and (missing <= _TAKE_OVER_TOKENS or not self._small.in_use(request)):
            self._small.forget(request.document)
            return prompt
        small = self._small.shrink(request, int(budget_tokens * self.info.chars_per_token))
        self._later[request.document] = attrs.evolve(
            request, max_tokens=0, priority=Priority.WARM, stop_at_newline=False
        )
        return self.build(small)

    def build(self, request: GenerateRequest) -> Prompt:
        """The prompt for a request, as token ids that fit the context."""
        assert self._builder is not None
        return self._builder.build(request)

    def _count_ahead(self, request: GenerateRequest, evaluated: int) -> int:
        """What was evaluated unasked until this request, if somebody waits for it."""
        if request.priority > Priority.ASSIST:
            self._ahead += evaluated
            return 0
        ahead, self._ahead = self._ahead, 0
        return ahead

    def _spent(self) -> tuple[int, float]:
        """Tokens evaluated and seconds spent in llama.cpp so far."""
        assert self._context is not None
        return self._context.evaluated, self._context.busy_s

    def _note_speed(self, tokens: int, seconds: float) -> None:
        """Follow the machine as it is now: under load, throttled, with a longer context."""
        if tokens >= 16 and seconds > 0:
            self._prefill_speed += 0.3 * (tokens / seconds - self._prefill_speed)

    def _prefill(
        self, resident: Resident, fresh: Ids, step_tokens: int, cancel: CancelFlag
    ) -> Logits | None:
        """Evaluate the rest of a prompt in steps; None where it was broken off."""
        assert self._context is not None and self._cache is not None
        for start in range(0, len(fresh), step_tokens):
            if cancel.is_set():
                return None
            step = fresh[start : start + step_tokens].tolist()
            began = time.perf_counter()
            try:
                self._context.evaluate(resident.sequence, len(resident.tokens), step)
            except Aborted:
                return None
            self._cache.extend(resident, step)
            cancel.rest(time.perf_counter() - began)
        return self._context.logits()

    def _candidates(
        self,
        request: GenerateRequest,
        prompt: Prompt,
        resident: Resident,
        logits: Logits,
        emit: Emit,
        cancel: CancelFlag,
        spent: list[Spent],
    ) -> list[Candidate]:
        """All candidates, as many at once as the cache has room for; the first on `resident`."""
        assert self._context is not None and self._cache is not None
        siblings = Siblings()
        done: list[Candidate] = []

        def run(indexes: Sequence[int], attempt: int) -> list[Candidate]:
            """Decode candidates, the first on the prompt's own sequence."""
            assert self._context is not None and self._cache is not None
            self._cache.truncate(resident, len(prompt.ids))
            places = [resident, *(self._copy_of(resident, i) for i in range(len(indexes) - 1))]
            decoders = [self._decoder(request, prompt, i, attempt, siblings) for i in indexes]
            try:
                return run_together(
                    self._context,
                    [
                        (
                            decoder.steps(place, logits, functools.partial(emit, index), cancel),
                            place,
                        )
                        for index, place, decoder in zip(indexes, places, decoders, strict=True)
                    ],
                )
            finally:
                spent.extend(decoder.spent for decoder in decoders)
                for place in places[1:]:
                    self._context.forget(place.sequence, 0)

        room = self._context.cells - len(prompt.ids)
        at_once = max(1, min(MOST_TOGETHER, room // (request.max_tokens + DRAFT_TOKENS + 1)))
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
        assert self._context is not None
        sequence = self._settings.sequences + number
        self._context.copy(resident.sequence, sequence, len(resident.tokens))
        return Resident(sequence, resident.tokens)

    def _decoder(
        self,
        request: GenerateRequest,
        prompt: Prompt,
        index: int,
        attempt: int,
        siblings: Siblings,
    ) -> Decoder:
        assert self._model is not None and self._context is not None and self._cache is not None
        # Candidates that should differ gain nothing from what is likeliest.
        copying = self._copy.weights is not None and request.copy is not False and index == 0
        drafting = request.draft is not False and index == 0 and request.temperature <= 0
        policy = DraftPolicy(_FREE_BATCHES) if request.draft else self._policy
        return Decoder(
            self._model,
            self._context,
            self._cache,
            request=request,
            required=prompt.required,
            healed=prompt.healed,
            copier=_copier(request) if copying or drafting else None,
            copy_settings=self._copy if copying else CopySettings(),
            policy=policy if drafting else None,
            chooser=new_chooser(self._model, request, index, attempt),
            siblings=siblings,
        )

    def _measure_batches(self, sample: list[int]) -> dict[int, float]:
        """Seconds of a batch by its size: the better of two, since the first one warms up."""
        assert self._context is not None
        costs: dict[int, float] = {}
        start = min(64, len(sample))
        self._context.evaluate(0, 0, sample[:start])
        for size in MEASURED_SIZES:
            tokens = (sample * 2)[:size]
            best = float("inf")
            for _ in range(2):
                began = time.perf_counter()
                self._context.evaluate(0, start, tokens, all_logits=True)
                self._context.logits(size - 1)
                best = min(best, time.perf_counter() - began)
                self._context.forget(0, start)
            costs[size] = best
        self._context.forget(0, 0)
        return costs

    def _measure_prefill(self, sample: list[int]) -> float:
        """Tokens per second of a batch, after a first one that warms the weights up."""
        assert self._context is not None and self._model is not None
        tokens = sample[: 64 if self._model.is_tiny else 16]
        self._context.evaluate(0, 0, tokens)
        self._context.forget(0, 0)
        started = time.perf_counter()
        self._context.evaluate(0, 0, tokens)
        self._context.logits()
        seconds = time.perf_counter() - started
        self._context.forget(0, 0)
        return len(tokens) / max(seconds, 1e-6)

    def _extra_buffers(self) -> ProbeAnswer:
        if self._settings.extra_buffers is not None:
            return ProbeAnswer(self._settings.extra_buffers, "set by the user")
        return extra_buffers(self._probe_model)


def _copier(request: GenerateRequest) -> Copier:
    far_before = request.far_before.text if request.far_before else ""
    far_after = request.far_after.text if request.far_after else ""
    before = [*(segment.text for segment in request.context), far_before + request.prefix.text]
    return Copier(before, [request.suffix.text + far_after])


def _copy_settings(model: Model) -> CopySettings:
    """Copying as the file says; off for a file that says nothing."""
    text = model.metadata.get(COPY_KEY)
    if not text:
        return CopySettings()
    try:
        bias, proposed, best, match, agreement = (float(part) for part in text.split(","))
    except ValueError:
        return CopySettings()
    return CopySettings((bias, proposed, best, match, agreement))
