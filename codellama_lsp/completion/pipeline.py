"""From a request to a completion: gates, windows, plan, generation, filters, outcome.

`Completer.complete` never raises but when it is cancelled, and every call is observed exactly once
with how it ended. One request per document at a time: a newer one takes the older one's place.
Must not know LSP, processes or which engine answers.
"""

from __future__ import annotations

import asyncio
import copy
import itertools
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Protocol

import attrs

from codellama_lsp.completion.budget import window_budget, workspace_budget
from codellama_lsp.completion.exclusion import reason_to_exclude
from codellama_lsp.completion.kinds import is_prose
from codellama_lsp.completion.known import KnownSuggestions
from codellama_lsp.completion.moment import Moments
from codellama_lsp.completion.outcome import Outcome
from codellama_lsp.completion.plan import Plan, choose_plan, ends_at_newline
from codellama_lsp.completion.spot import Spot
from codellama_lsp.completion.stream import Stream
from codellama_lsp.completion.types import (
    Completion,
    CompletionRequest,
    DocumentSnapshot,
    Trigger,
)
from codellama_lsp.config.settings import Settings
from codellama_lsp.context.related import Asked, RelatedCode
from codellama_lsp.context.shield import Shield
from codellama_lsp.context.windows import WindowTracker
from codellama_lsp.engine.backend import Engine
from codellama_lsp.engine.protocol import (
    BadRequestError,
    EngineError,
    EngineGoneError,
    EngineInfo,
    GenerateRequest,
    Priority,
    Segment,
)

log = logging.getLogger(__name__)

_MOST_TRACKERS = 64

#: What was chosen is read again where the cursor has gone elsewhere meanwhile.
_MOST_READINGS = 3
_HEAD_CHARS = 120

#: Engines that may die while they load, for one request.
_LOADS = 3

#: What is prepared unasked is short: most of it is never seen.
_AHEAD_TOKENS = 48


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

    def asked(self, request: CompletionRequest, *, ahead: bool) -> None:
        """The model is asked: for `request`, or `ahead` of one that may come."""
        ...

    def ended(self, request: CompletionRequest, completion: Completion) -> None:
        """It ended; called exactly once for each `began`."""
        ...


class Completer:
    """The completion pipeline of one process."""

    def __init__(
        self,
        provider: EngineProvider,
        settings: Callable[[str], Settings] = lambda uri: Settings(),
        observer: Observer | None = None,
        related: RelatedCode | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        configured: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        """`settings`: those that hold for a document, by its URI; `configured`: until all of them
        are known.
        """
        self._configured = configured
        self._provider = provider
        self._settings = settings
        self._observer = observer
        self._sleep = sleep
        self._versions = itertools.count(1)
        self._shield = Shield(self._versions)
        self._related = related
        self._trackers: OrderedDict[str, WindowTracker] = OrderedDict()
        self._latest: dict[str, GenerateRequest] = {}
        self._running: dict[str, asyncio.Task[Completion]] = {}
        self._streams: dict[str, Stream] = {}
        self._ahead: Stream | None = None
        self._ahead_task: asyncio.Task[None] | None = None
        self._known = KnownSuggestions()
        self._moments = Moments(clock)

    async def complete(self, request: CompletionRequest) -> Completion:
        """The answer to `request`. Raises `CancelledError` alone, when the caller is cancelled."""
        started = time.perf_counter()
        uri = request.document.uri
        if self._observer:
            self._observer.began(request)
        if older := self._running.get(uri):
            older.cancel()
        self._leave_streams(request)
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
        if completion.outcome.has_items and not request.is_plain:
            self._go_ahead(request, completion)
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
        """The document was closed. What is known of it stays: it may be opened again."""
        self._trackers.pop(uri, None)
        self._latest.pop(uri, None)
        if self._related is not None:
            self._related.forget(uri)
        if stream := self._streams.pop(uri, None):
            stream.stop()

    async def settled(self) -> None:
        """Wait until nothing is done unasked."""
        if self._ahead_task is not None:
            await asyncio.wait({self._ahead_task})

    async def close(self) -> None:
        """Stop everything that runs."""
        for stream in (*self._streams.values(), *([self._ahead] if self._ahead else [])):
            stream.stop()
        if self._ahead_task is not None:
            self._ahead_task.cancel()

    async def _answer(self, request: CompletionRequest) -> Completion:
        try:
            if self._configured is not None:
                await self._configured()
            return self._gate(request) or await self._judged(request)
        except BadRequestError as error:
            return Completion(Outcome.FAILED, detail=str(error))
        except EngineError as error:
            return Completion(Outcome.ENGINE_DOWN, detail=str(error))
        except Exception as error:
            log.exception("a completion failed")
            return Completion(Outcome.FAILED, detail=type(error).__name__)

    def _gate(self, request: CompletionRequest) -> Completion | None:
        """The end of requests that need no model."""
        settings, document = self._settings(request.document.uri), request.document
        if not settings.enabled:
            return Completion(Outcome.DISABLED, detail="suggestions are switched off")
        if document.language_id in settings.languages_off:
            return Completion(Outcome.DISABLED, detail=f"off for {document.language_id}")
        if not 0 <= request.offset <= len(document.text):
            return Completion(Outcome.INVALID, detail="no such position")
        if reason := reason_to_exclude(document.uri, document.text, settings.exclude):
            return Completion(Outcome.EXCLUDED, detail=reason)
        return None

    async def _judged(self, request: CompletionRequest) -> Completion:
        """What is known, what is on its way, nothing, or what the model says; in this order."""
        settings = self._settings(request.document.uri)
        if request.is_plain:
            return await (await self._stream(request, self._tracker(request))).completion()
        self._moments.seen(request)
        if known := self._find(request):
            return known
        for stream in (self._streams.get(request.document.uri), self._ahead):
            if stream and await stream.follow(request) and (known := self._find(request)):
                return known
        if reason := self._moments.reason_to_skip(request):
            return Completion(Outcome.SKIPPED, detail=reason)
        if request.trigger is Trigger.AUTOMATIC:
            wait_s = self._moments.wait_s(request)
            if settings.debounce_ms is not None:
                wait_s = settings.debounce_ms / 1000
            if wait_s > 0:
                await self._sleep(wait_s)
        self._stop_ahead()
        stream = await self._stream(request, self._tracker(request))
        self._streams[request.document.uri] = stream
        completion = await stream.completion()
        if completion.items:
            self._moments.answered((completion.ms.prefill + completion.ms.decode) / 1000)
        return completion

    def _find(self, request: CompletionRequest) -> Completion | None:
        settings = self._settings(request.document.uri)
        return self._known.find(request, settings, several=request.candidates > 1)

    def _leave_streams(self, request: CompletionRequest) -> None:
        """Stop what is being generated for the same document and will not answer `request`."""
        stream = self._streams.get(request.document.uri)
        if stream is not None and (request.is_plain or not stream.agrees_with(request)):
            stream.stop()

    async def _stream(
        self,
        request: CompletionRequest,
        tracker: WindowTracker,
        priority: Priority = Priority.VISIBLE,
    ) -> Stream:
        """Begin to generate for `request`."""
        settings = self._settings(request.document.uri)
        engine, info = await self._ready()
        document = request.document
        asked = self._asked(request, info, tracker)
        windows = asked.windows
        context: tuple[Segment, ...] = ()
        if self._related is not None and asked.budget_tokens:
            if priority is Priority.VISIBLE:
                await self._related.prepare(asked)
            context = self._related.chosen(asked)
        related = tuple(segment.text for segment in context)
        spot = Spot.of(windows, document.language_id, document.text, related)
        multi_line = "never" if is_prose(document) else settings.multi_line
        ahead = priority is Priority.SPECULATIVE
        wanted = GenerateRequest(
            document=document.uri,
            context=context,
            context_in_prefix=settings.workspace_placement == "prefix",
            most_context_tokens=asked.budget_tokens,
            most_window_tokens=settings.context_tokens,
            prefix=windows.prefix,
            suffix=windows.suffix,
            far_before=windows.far_before,
            far_after=windows.far_after,
            typed_chars=windows.typed_chars,
            layout=request.layout or settings.layout,
            heal=settings.heal if request.heal is None else request.heal,
            copy=settings.copy if request.copy is None else request.copy,
            stop_at_newline=ends_at_newline(spot, multi_line, request.plan),
            max_tokens=min(settings.max_tokens, _AHEAD_TOKENS) if ahead else settings.max_tokens,
            time_budget_ms=settings.time_budget_ms,
            candidates=request.candidates,
            least_probability=settings.least_probability,
            priority=priority,
        )

        if not ahead:
            self._latest[document.uri] = wanted

        def done(completion: Completion) -> None:
            if completion.items and not request.is_plain:
                several = request.candidates > 1
                # Another model or other rules might have said something else.
                self._known.remember(request, completion, settings, several=several)

        def plan() -> Plan:
            return choose_plan(spot, multi_line, request.plan)

        async def replacement() -> Engine:
            return (await self._ready())[0]

        if self._observer:
            self._observer.asked(request, ahead=ahead)
        # What nobody asked for is not worth a second try.
        again = None if ahead else replacement
        return Stream(engine, wanted, request, plan, spot, info.model_name, done, again)

    async def read_ahead(self, uri: str, context: tuple[Segment, ...]) -> None:
        """Have an engine read a document's latest prompt with `context` in it; nobody waits.

        Ends when that is done, or at once where nothing may be done unasked.
        """
        settings = self._settings(uri)
        if settings.background == "off":
            return
        try:
            for _ in range(_MOST_READINGS):
                asked = self._latest.get(uri)
                if asked is None:
                    return
                wanted = attrs.evolve(
                    asked,
                    context=context,
                    max_tokens=0,
                    candidates=1,
                    stop_at_newline=False,
                    priority=Priority.WARM,
                )
                await (await self._ready())[0].generate(wanted).result()
                latest = self._latest.get(uri)
                if latest is None or _typed_on(asked, latest):
                    return  # else the cursor went elsewhere meanwhile
        except EngineError:
            pass  # Nobody asked.

    async def _ready(self) -> tuple[Engine, EngineInfo]:
        """An engine that has loaded its model; others if the first ones die meanwhile.

        The provider gives up where that happens too often.
        """
        for _ in range(_LOADS - 1):
            try:
                engine = await self._provider.engine()
                return engine, await engine.info()
            except EngineGoneError:
                pass
        engine = await self._provider.engine()
        return engine, await engine.info()

    def _go_ahead(self, request: CompletionRequest, completion: Completion) -> None:
        """Prepare what follows if the first item is accepted as it is; one such job at a time."""
        settings = self._settings(request.document.uri)
        if not settings.speculate or settings.background == "off":
            return
        item, document = completion.items[0], request.document
        text = document.text[: item.start] + item.text + document.text[item.end :]
        accepted = attrs.evolve(
            request,
            # Typing along makes new versions of what leads to the same text.
            document=attrs.evolve(document, text=text, version=0),
            offset=item.start + len(item.text),
            candidates=1,
            trigger=Trigger.AUTOMATIC,
        )
        if self._ahead is not None and self._ahead.request == accepted:
            return
        if self._known.find(accepted, settings):
            return
        self._stop_ahead()
        self._ahead_task = asyncio.create_task(self._run_ahead(accepted))

    async def _run_ahead(self, request: CompletionRequest) -> None:
        # Windows of its own: the document is not what it would be.
        tracker = copy.copy(self._tracker(request))
        try:
            self._ahead = await self._stream(request, tracker, Priority.SPECULATIVE)
            await self._ahead.completion()
        except EngineError:
            pass  # Nobody asked.
        except Exception:
            log.exception("preparing a completion failed")

    def _stop_ahead(self) -> None:
        if self._ahead_task is not None:
            self._ahead_task.cancel()
            self._ahead_task = None
        if self._ahead is not None:
            self._ahead.stop()
            self._ahead = None

    async def asked(self, request: CompletionRequest) -> Asked:
        """What a completion would ask of the workspace. Raises `EngineError`."""
        info = await (await self._provider.engine()).info()
        return self._asked(request, info, WindowTracker(request.document.uri))

    def _asked(self, request: CompletionRequest, info: EngineInfo, tracker: WindowTracker) -> Asked:
        """The windows of a request, and the room that is left for code of the workspace."""
        settings, document = self._settings(request.document.uri), request.document
        shared = (
            self._related is not None and settings.workspace and self._related.knows(document.uri)
        )
        budget = window_budget(info, settings.context_tokens, shared=shared)
        windows = self._shield.windows(tracker.windows(document.text, request.offset, budget))
        room = 0
        if shared:
            room = workspace_budget(info, budget, settings.max_tokens, settings.workspace_tokens)
        return Asked(
            uri=document.uri,
            language=document.language_id,
            text=document.text,
            offset=request.offset,
            windows=windows,
            budget_tokens=room,
            chars_per_token=info.chars_per_token,
            prefill_tokens_per_s=info.prefill_tokens_per_s,
        )

    def _tracker(self, request: CompletionRequest) -> WindowTracker:
        uri = request.document.uri
        tracker = self._trackers.get(uri)
        if tracker is None:
            tracker = self._trackers[uri] = WindowTracker(uri, self._versions)
        self._trackers.move_to_end(uri)
        while len(self._trackers) > _MOST_TRACKERS:
            self._trackers.popitem(last=False)
        return tracker


def _typed_on(before: GenerateRequest, after: GenerateRequest) -> bool:
    """Whether a prompt begins as an earlier one: the same windows, more typed."""
    head = before.prefix.text[:_HEAD_CHARS]
    same = before.suffix.version == after.suffix.version
    return same and after.prefix.text.startswith(head)


def _timed(completion: Completion, total_ms: float) -> Completion:
    ms = completion.ms
    overhead = total_ms - ms.prefill - ms.decode
    return attrs.evolve(completion, ms=attrs.evolve(ms, total=total_ms, overhead=overhead))
