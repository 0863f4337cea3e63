"""From a request to a completion: gates, windows, plan, generation, filters, outcome.

`Completer.complete` never raises but when it is cancelled, and every call is observed exactly once
with how it ended. One request per document at a time: a newer one takes the older one's place.
Must not know LSP, processes or which engine answers.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

import attrs

from codellama_lsp.completion.budget import window_budget, workspace_budget
from codellama_lsp.completion.exclusion import reason_to_exclude
from codellama_lsp.completion.filters import run_filters
from codellama_lsp.completion.outcome import Outcome
from codellama_lsp.completion.plan import Plan, PlanKind, choose_plan
from codellama_lsp.completion.spot import Spot
from codellama_lsp.completion.stop import first_cut, stop_rules
from codellama_lsp.completion.types import (
    Completion,
    CompletionRequest,
    CompletionTimings,
    DocumentSnapshot,
    Suggestion,
    Trigger,
)
from codellama_lsp.config.settings import Settings
from codellama_lsp.context.related import Asked, Placer, RelatedCode
from codellama_lsp.context.secrets import spells_placeholder
from codellama_lsp.context.shield import Shield
from codellama_lsp.context.windows import WindowTracker, normalised
from codellama_lsp.engine.backend import Engine
from codellama_lsp.engine.protocol import (
    BadRequestError,
    EngineError,
    Finish,
    GenerateRequest,
    GenerateResult,
    Segment,
)

log = logging.getLogger(__name__)

_MOST_TRACKERS = 64


class EngineProvider(Protocol):
    """Where an engine comes from; it may be another one each time."""

    async def engine(self) -> Engine:
        """A working engine. Raises `EngineStartError`."""
        ...


class Observer(Protocol):
    """Told about every request."""

    def began(self, request: CompletionRequest) -> None:
        """A request came in."""
        ...

    def ended(self, request: CompletionRequest, completion: Completion) -> None:
        """It ended; called exactly once for each `began`."""
        ...


class Completer:
    """The completion pipeline of one process."""

    def __init__(
        self,
        provider: EngineProvider,
        settings: Callable[[], Settings] = Settings,
        observer: Observer | None = None,
        related: RelatedCode | None = None,
    ) -> None:
        self._provider = provider
        self._settings = settings
        self._observer = observer
        self._versions = itertools.count(1)
        self._shield = Shield(self._versions)
        self._related = related
        self._placer = Placer(self._versions)
        self._trackers: OrderedDict[str, WindowTracker] = OrderedDict()
        self._running: dict[str, asyncio.Task[Completion]] = {}

    async def complete(self, request: CompletionRequest) -> Completion:
        """The answer to `request`. Raises `CancelledError` alone, when the caller is cancelled."""
        started = time.perf_counter()
        uri = request.document.uri
        if self._observer:
            self._observer.began(request)
        if older := self._running.get(uri):
            older.cancel()
        work = asyncio.create_task(self._answer(request))
        self._running[uri] = work
        completion = Completion(Outcome.CANCELLED)
        try:
            # Unlike awaiting the task, waiting for it tells apart who was cancelled: it or we.
            await asyncio.wait({work})
            completion = Completion(Outcome.SUPERSEDED) if work.cancelled() else work.result()
        finally:
            work.cancel()
            if self._running.get(uri) is work:
                del self._running[uri]
            completion = _timed(completion, (time.perf_counter() - started) * 1000)
            if self._observer:
                self._observer.ended(request, completion)
        return completion

    def refuse(self, uri: str, detail: str) -> Completion:
        """Observe a request that nothing can be done for: there is no document `uri`."""
        request = CompletionRequest(DocumentSnapshot(uri, "", 0, ""), 0)
        completion = Completion(Outcome.INVALID, detail=detail)
        if self._observer:
            self._observer.began(request)
            self._observer.ended(request, completion)
        return completion

    def forget(self, uri: str) -> None:
        """The document was closed."""
        self._trackers.pop(uri, None)
        if self._related is not None:
            self._related.forget(uri)

    async def _answer(self, request: CompletionRequest) -> Completion:
        try:
            return self._gate(request) or await self._generate(request)
        except BadRequestError as error:
            return Completion(Outcome.FAILED, detail=str(error))
        except EngineError as error:
            return Completion(Outcome.ENGINE_DOWN, detail=str(error))
        except Exception as error:
            log.exception("a completion failed")
            return Completion(Outcome.FAILED, detail=type(error).__name__)

    def _gate(self, request: CompletionRequest) -> Completion | None:
        """The end of requests that need no model."""
        settings, document = self._settings(), request.document
        if not settings.enabled:
            return Completion(Outcome.DISABLED, detail="suggestions are switched off")
        if document.language_id in settings.languages_off:
            return Completion(Outcome.DISABLED, detail=f"off for {document.language_id}")
        if not 0 <= request.offset <= len(document.text):
            return Completion(Outcome.INVALID, detail="no such position")
        if reason := reason_to_exclude(document.uri, document.text, settings.exclude):
            return Completion(Outcome.EXCLUDED, detail=reason)
        return None

    async def _generate(self, request: CompletionRequest) -> Completion:
        settings = self._settings()
        if settings.debounce_ms and request.trigger is Trigger.AUTOMATIC:
            await asyncio.sleep(settings.debounce_ms / 1000)
        engine = await self._provider.engine()
        info = await engine.info()
        document = request.document
        related = self._related if settings.workspace else None
        shared = related is not None and related.knows(document.uri)
        budget = window_budget(info, settings.context_tokens, shared=shared)
        windows = self._tracker(document.uri).windows(document.text, request.offset, budget)
        windows = self._shield.windows(windows)
        spot = Spot(
            before=windows.prefix.text,
            after=windows.left_out + windows.suffix.text,
            left_out=windows.left_out,
            to_end=windows.to_end,
            from_start=not windows.far_before.text,
            language_id=request.document.language_id,
        )
        plan = choose_plan(spot, settings.multi_line, request.plan)
        context: tuple[Segment, ...] = ()
        if related is not None and shared:
            room = workspace_budget(info, budget, settings.max_tokens, settings.workspace_tokens)
            context = related.chosen(
                Asked(document.uri, document.language_id, document.text, request.offset,
                      windows, room, info.chars_per_token, info.prefill_tokens_per_s)
            )  # fmt: skip
        before, prefix = self._placer.place(context, windows.prefix, settings.workspace_placement)
        wanted = GenerateRequest(
            document=document.uri,
            context=before,
            prefix=prefix,
            suffix=windows.suffix,
            far_before=windows.far_before,
            far_after=windows.far_after,
            typed_chars=windows.typed_chars,
            layout=request.layout or settings.layout,
            heal=settings.heal if request.heal is None else request.heal,
            copy=settings.copy if request.copy is None else request.copy,
            stop_at_newline=plan.one_line and (plan.strict or plan.kind is PlanKind.SPAN),
            max_tokens=settings.max_tokens,
            time_budget_ms=settings.time_budget_ms,
        )
        text, cut_by, result = await _stream(engine, wanted, plan, spot)
        completion = _shaped(text, cut_by, result, spot, plan, request)
        return attrs.evolve(
            completion,
            tokens=result.tokens,
            ms=CompletionTimings(prefill=result.ms.prefill, decode=result.ms.decode),
            model=info.model_name,
            layout=result.layout,
        )

    def _tracker(self, uri: str) -> WindowTracker:
        tracker = self._trackers.get(uri)
        if tracker is None:
            tracker = self._trackers[uri] = WindowTracker(uri, self._versions)
        self._trackers.move_to_end(uri)
        while len(self._trackers) > _MOST_TRACKERS:
            self._trackers.popitem(last=False)
        return tracker


async def _stream(
    engine: Engine, request: GenerateRequest, plan: Plan, spot: Spot
) -> tuple[str, str, GenerateResult]:
    """What was generated until a rule cut it, that rule's name, and the engine's answer."""
    rules = stop_rules(plan, spot)
    generation = engine.generate(request)
    text = ""
    cut: tuple[int, str] | None = None
    try:
        async for piece in generation:
            text = normalised(text + piece)
            cut = first_cut(rules, text)
            if cut:
                generation.stop()
                break
        result = await generation.result()
    except BaseException:
        generation.stop()
        raise
    if cut is None:
        text = result.candidates[0].text if result.candidates else ""
        text = normalised(text)
        # Nothing more comes: its last line is whole.
        cut = first_cut(rules, text + "\n")
    if cut is None or cut[0] >= len(text):
        return text, "", result
    return text[: cut[0]], cut[1], result


def _shaped(
    text: str,
    cut_by: str,
    result: GenerateResult,
    spot: Spot,
    plan: Plan,
    request: CompletionRequest,
) -> Completion:
    """The suggestion that comes of a generated `text`, or why there is none."""
    finish = result.candidates[0].finish if result.candidates else Finish.EOT
    if not cut_by and finish in (Finish.LENGTH, Finish.TIME) and not plan.one_line:
        whole = text.rpartition("\n")[0]
        text = whole if whole.strip() else text
    if not text.strip():
        if cut_by:
            return Completion(Outcome.FILTERED, detail=cut_by)
        if finish is Finish.TIME:
            return Completion(Outcome.TIMED_OUT, detail="the time budget ran out")
        return Completion(Outcome.EMPTY)
    if spells_placeholder(text):
        return Completion(Outcome.FILTERED, detail="it spells what stands for a secret")
    draft, emptied_by = run_filters(text, spot)
    if emptied_by:
        return Completion(Outcome.FILTERED, detail=emptied_by)
    shown = draft.text.replace("\n", line_ending(request.document.text))
    start = request.offset
    return Completion(
        Outcome.OFFERED, items=(Suggestion(shown, start, start + draft.replaced_chars),)
    )


def line_ending(text: str) -> str:
    """The line ending that `text` uses first; ``\\n`` where it has none."""
    newline = text.find("\n")
    if newline < 0:
        return "\r" if "\r" in text else "\n"
    return "\r\n" if text[newline - 1 : newline] == "\r" else "\n"


def _timed(completion: Completion, total_ms: float) -> Completion:
    ms = completion.ms
    overhead = total_ms - ms.prefill - ms.decode
    return attrs.evolve(completion, ms=attrs.evolve(ms, total=total_ms, overhead=overhead))
