"""The llama.cpp backend: a request becomes a prompt on token ids, the cache, a decode loop."""

from __future__ import annotations

import gc
import os
import time
from pathlib import Path

import attrs

from codellama_lsp.engine.backend import CancelFlag, Emit, Report
from codellama_lsp.engine.protocol import (
    PROTOCOL_VERSION,
    Candidate,
    EngineInfo,
    Finish,
    GenerateRequest,
    GenerateResult,
    Priority,
    measured_segments,
    measurement,
)
from codellama_lsp.engine.worker import memory
from codellama_lsp.engine.worker.cache import Ids, KvCache, Resident
from codellama_lsp.engine.worker.candidates import MOST_TOGETHER, Candidates
from codellama_lsp.engine.worker.context import Aborted, Context, Logits
from codellama_lsp.engine.worker.copying import CopySettings
from codellama_lsp.engine.worker.cost import Cost
from codellama_lsp.engine.worker.drafting import LEAST_TOKEN_S, DraftPolicy, TablePolicy
from codellama_lsp.engine.worker.growing import SmallWindows
from codellama_lsp.engine.worker.habits import Habits
from codellama_lsp.engine.worker.library import library_offloads, quiet, system_info
from codellama_lsp.engine.worker.machine import ProbeAnswer, extra_buffers, physical_cores
from codellama_lsp.engine.worker.model import Model
from codellama_lsp.engine.worker.prompting import Prompt, PromptBuilder
from codellama_lsp.engine.worker.settings import WorkerSettings
from codellama_lsp.engine.worker.speed import (
    Speed,
    batch_costs,
    comfortable_cells,
    measure_batches,
    measure_prefill,
)
from codellama_lsp.engine.worker.warmth import Warmth
from codellama_lsp.models.catalogue import known_models
from codellama_lsp.prompt.special import InfillIds, NoInfill

#: After a jump, the prefill that a user waits for; the rest follows behind.
_PATIENCE_S = 1.0
_LEAST_SMALL_TOKENS = 32
#: Full windows take over from small ones when no more than this is missing of them.
_TAKE_OVER_TOKENS = 16
SAMPLE = (
    "class Reader:\n    def __init__(self, path: str, limit: int = 100) -> None:\n"
    "        self.path = path\n        self.limit = limit\n\n"
    "    def lines(self) -> list[str]:\n        with open(self.path) as file:\n"
    "            return [line.strip() for line in file][: self.limit]\n"
)


class LlamaBackend:
    """A GGUF behind the engine's protocol. Everything runs on the engine's one decode thread."""

    info: EngineInfo
    """Set by `load`, as what follows is."""
    _model: Model
    _context: Context
    _cache: KvCache
    _builder: PromptBuilder
    _candidates: Candidates
    _speed: Speed
    _warmth: Warmth | None
    _habits: Habits | None

    def __init__(self, settings: WorkerSettings, probe_model: Path | None = None) -> None:
        self._settings = settings
        self._probe_model = probe_model or settings.model_path
        self._loaded = False
        self._small = SmallWindows()
        self._ahead = 0
        self._later: dict[str, GenerateRequest] = {}
        self._threads = 1

    def load(self, report: Report) -> EngineInfo:
        """Load model and context, check the machine, measure it."""
        quiet()
        settings = self._settings
        others = (model.path for model in known_models())
        memory.check_weights(settings.model_path, memory.available_bytes(), others)
        probed = self._extra_buffers()
        model = Model(
            settings.model_path,
            gpu_layers=settings.gpu_layers,
            extra_buffers=probed.works,
            report=report,
        )
        threads = settings.threads or (1 if model.is_tiny else physical_cores())
        free = memory.available_bytes()
        context = self._make_context(model, threads, free)
        self._model, self._context, self._threads = model, context, threads
        self._cache = KvCache(
            context, settings.sequences, memory.parking_bytes(settings.park_mb, free)
        )
        self._warmth = None
        if settings.warm_cache_mb:
            most_bytes = settings.warm_cache_mb * 2**20
            self._warmth = Warmth(
                self._cache, context, settings.model_path, most_bytes, settings.kv_type
            )
        usable = min(context.cells, max(model.trained_tokens, 512))
        self._builder = PromptBuilder(
            model, most_tokens=usable, healing_tokens=settings.healing_tokens
        )
        sample = model.encoder.infill(SAMPLE)
        self._speed = Speed(
            measure_prefill(context, sample[: 64 if model.is_tiny else 16]),
            abortable=context.abortable and not library_offloads(),
        )
        costs = measure_batches(context, sample)
        if not library_offloads():
            shape = memory.shape_of(model.metadata, settings.kv_type)
            self._cache.comfortable_cells = comfortable_cells(shape, threads, costs[1])
        copying = CopySettings.of(model.metadata)
        policy = (
            TablePolicy(batch_costs(settings.batch_ms), LEAST_TOKEN_S)
            if settings.batch_ms
            else DraftPolicy(costs, LEAST_TOKEN_S)
        )
        self._candidates = Candidates(
            model,
            context,
            self._cache,
            copying,
            policy,
            settings.sequences,
        )
        self._habits = Habits(settings.model_path, policy) if settings.remember_drafts else None
        infill = model.infill
        self.info = EngineInfo(
            protocol=PROTOCOL_VERSION,
            model_name=model.name,
            model_path=str(settings.model_path),
            context_tokens=usable,
            can_infill=isinstance(infill, InfillIds),
            infill_reason=infill.reason if isinstance(infill, NoInfill) else "",
            chars_per_token=len(SAMPLE) / max(1, len(sample)),
            prefill_tokens_per_s=round(self._speed.prefill_tokens_per_s, 1),
            pid=os.getpid(),
            suffix_first=isinstance(infill, InfillIds) and infill.suffix_first,
            details={
                "backend": "llama.cpp",
                "system": system_info(),
                "threads": str(threads),
                "extra_buffers": f"{'on' if probed.works else 'off'} ({probed.how})",
                "copying": "on" if copying.weights else "off",
                "batch_ms": " ".join(f"{n}:{1000 * c:.1f}" for n, c in costs.items()),
                "encoding": "line by line" if model.encoder.by_lines else "whole texts",
                "size_mb": f"{model.bytes / 1e6:.1f}",
                "cells": f"{context.cells} ({settings.kv_type})",
            },
        )
        self._loaded = True
        # What is there now stays: no garbage collection looks at it in the middle of a token.
        gc.collect()
        gc.freeze()
        return self.info

    def generate(self, request: GenerateRequest, emit: Emit, cancel: CancelFlag) -> GenerateResult:
        """Answer one request; see `Backend.generate`."""
        if request.measure:
            encoder = self.loaded()[0].encoder
            counts = tuple(len(encoder.infill(s.text)) for s in measured_segments(request))
            return measurement(counts, request.layout)
        asked = request.priority <= Priority.ASSIST
        cost = Cost(self._context, self._take_ahead() if asked else 0)

        def show(index: int, text: str) -> None:
            cost.text_came()
            emit(index, text, cost)

        prompt = self._affordable(request)
        # What is evaluated ahead must not make its document's answered prompt look left behind.
        owner = request.document if asked else f"{request.document}+"
        room = len(prompt.ids) + request.max_tokens + 16
        resident, reuse = self._cache.take(prompt.ids, room, owner)
        # The last token's scores are needed, and they are not kept with the cells.
        reuse = min(reuse, len(prompt.ids) - 1)
        self._cache.truncate(resident, reuse)
        cost.prepared(prompt, reuse)
        self._context.watch(cancel)
        self._context.set_threads(max(1, int(self._threads * cancel.share)))
        try:
            step_tokens = self._speed.step_tokens(self._context.batch_tokens, asked=asked)
            logits = self._prefill(resident, prompt.ids[reuse:], step_tokens, cancel)
            fresh = len(resident) - reuse
            self._speed.note(fresh, cost.prefilled(fresh))
            candidates: tuple[Candidate, ...] = ()
            if logits is None:
                cancelled = Candidate("", Finish.CANCELLED)
                candidates = (cancelled,) * max(1, request.candidates)
            elif request.max_tokens:
                found = self._candidates.decode(
                    request, prompt, resident, logits, show, cancel, cost.decoding
                )
                candidates = tuple(found)
        finally:
            self._context.watch(None)
        result = cost.result()
        if not asked:
            self._ahead += result.tokens.evaluated
        return attrs.evolve(result, candidates=candidates)

    def loaded(self) -> tuple[Model, Context, KvCache]:
        """What `load` made; for tools that look inside."""
        return self._model, self._context, self._cache

    @property
    def policy(self) -> DraftPolicy:
        """How drafts fare here, and how long they should be."""
        return self._candidates.policy

    def close(self) -> None:
        """Free everything; keep on disk what should outlast it."""
        if not self._loaded:
            return
        self._loaded = False
        self._keep_habits()
        if self._warmth is not None:
            self._warmth.close()
        self._context.close()
        self._model.close()

    def rest(self) -> bool:
        """Nobody wants anything: one step of what can wait; whether there is more."""
        if not self._loaded:
            return False
        self._keep_habits()
        return self._cache.relax() or (self._warmth is not None and self._warmth.rest())

    def _keep_habits(self) -> None:
        if self._habits is not None:
            self._habits.keep()

    def unfinished(self) -> GenerateRequest | None:
        """A prompt that was answered from smaller windows and is still to be evaluated in full.

        To be run (as WARM) when nobody waits; None when there is nothing to do.
        """
        if not self._later:
            return None
        return self._later.pop(next(reversed(self._later)))

    def clear(self) -> None:
        """Forget every prompt."""
        self._cache.clear()
        self._later.clear()

    def _affordable(self, request: GenerateRequest) -> Prompt:
        """The prompt in full, or a smaller one where the user would wait too long for that."""
        prompt = self.build(request)
        missing = len(prompt.ids) - self._cache.shared(prompt.ids)
        if request.priority is not Priority.VISIBLE:
            return prompt
        self._later.pop(request.document, None)
        budget_tokens = max(
            _LEAST_SMALL_TOKENS, int(self._speed.prefill_tokens_per_s * _PATIENCE_S)
        )
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
        return self._builder.build(request)

    def _take_ahead(self) -> int:
        """Tokens that were evaluated unasked since somebody asked."""
        ahead, self._ahead = self._ahead, 0
        return ahead

    def _prefill(
        self, resident: Resident, fresh: Ids, step_tokens: int, cancel: CancelFlag
    ) -> Logits | None:
        """Evaluate the rest of a prompt in steps; None where it was broken off."""
        for start in range(0, len(fresh), step_tokens):
            if cancel.is_set():
                return None
            step = fresh[start : start + step_tokens]
            began = time.perf_counter()
            try:
                self._context.evaluate(resident.sequence, len(resident), step)
            except Aborted:
                return None
            self._cache.extend(resident, step)
            cancel.rest(time.perf_counter() - began)
        return self._context.logits()

    def _make_context(self, model: Model, threads: int, free: int | None) -> Context:
        """Raises `EngineStartError` where its cache does not fit `free` bytes of memory."""
        settings = self._settings
        shape = memory.shape_of(model.metadata, settings.kv_type)
        cells = settings.context_tokens or memory.cells_for(shape, model.trained_tokens, free)
        # Weights on a GPU leave main memory alone, and so does their cache.
        if not (library_offloads() and settings.gpu_layers):
            memory.check_cache(shape, cells, free)
        return Context(
            model,
            cells=cells,
            sequences=settings.sequences + MOST_TOGETHER - 1,
            threads=threads,
            batch_tokens=min(settings.batch_tokens, cells),
            micro_batch_tokens=settings.micro_batch_tokens,
            flash_attention=settings.flash_attention,
            kv_type=settings.kv_type,
        )

    def _extra_buffers(self) -> ProbeAnswer:
        if self._settings.extra_buffers is not None:
            return ProbeAnswer(self._settings.extra_buffers, "set by the user")
        return extra_buffers(self._probe_model)
