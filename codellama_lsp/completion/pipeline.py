"""From a request to a completion: gates, windows, plan, generation, filters, outcome.

`Completer.complete` never raises but when it is cancelled, and every call is observed exactly once
with how it ended. One request per document at a time: a newer one takes the older one's place.
Must not know LSP, processes or which engine answers.
"""

from __future__ import annotations

import asyncio
import copy
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

import attrs

from codellama_lsp.completion.exclusion import reason_to_exclude
from codellama_lsp.completion.known import KnownSuggestions
from codellama_lsp.completion.moment import Moments
from codellama_lsp.completion.outcome import Outcome
from codellama_lsp.completion.prompts import EngineProvider, Prompts
from codellama_lsp.completion.stream import Stream
from codellama_lsp.completion.types import (
    Completion,
    CompletionRequest,
    DocumentSnapshot,
    Trigger,
)
from codellama_lsp.config.settings import Settings
from codellama_lsp.context.related import RelatedCode
from codellama_lsp.context.windows import WindowTracker
from codellama_lsp.engine.backend import Engine
from codellama_lsp.engine.protocol import (
    BadRequestError,
    EngineError,
    Priority,
)

log = logging.getLogger(__name__)


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


class _Turn:
    """The work of the calling task, which a newer request may end without cancelling its caller.

    In the caller's own task, as `asyncio.timeout` does it: waiting for another task would take a
    turn of the event loop before the work and one behind it.
    """

    def __init__(self) -> None:
        task = asyncio.current_task()
        assert task is not None, "called outside of a task"
        self._task = task
        self._ended = False

    def end(self) -> None:
        """Take its place; called from another task."""
        if not self._ended:
            self._ended = True
            self._task.cancel()

    def take_back(self) -> bool:
        """Undo what `end` did to the task, once it is over; whether nothing else cancelled it."""
        return self._ended and self._task.uncancel() == 0


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
        self.prompts = Prompts(provider, settings, related)
        self._settings = settings
        self._observer = observer
        self._sleep = sleep
        self._running: dict[str, _Turn] = {}
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
            older.end()
        self._leave_streams(request)
        turn = self._running[uri] = _Turn()
        completion = Completion(Outcome.CANCELLED)
        try:
            completion = await self._answer(request)
        except asyncio.CancelledError:
            if not turn.take_back():
                raise
            completion = Completion(Outcome.SUPERSEDED)
        else:
            turn.take_back()  # it was over all the same
        finally:
            if self._running.get(uri) is turn:
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
        self.prompts.forget(uri)
        if stream := self._streams.pop(uri, None):
            stream.stop()

    async def settled(self) -> None:
        """Wait until nothing is done unasked."""
        if self._ahead_task is not None:
            await asyncio.wait({self._ahead_task})

    async def close(self) -> None:
        """Stop everything that runs."""
        self.prompts.close()
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
            return await (await self._stream(request, self.prompts.tracker(request))).completion()
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
        stream = await self._stream(request, self.prompts.tracker(request))
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
        prompt = await self.prompts.prompt(request, tracker, priority)

        def done(completion: Completion) -> None:
            self.prompts.counted(request.document.uri, completion.tokens)
            if completion.items and not request.is_plain:
                several = request.candidates > 1
                # Another model or other rules might have said something else.
                self._known.remember(request, completion, settings, several=several)

        async def replacement() -> Engine:
            return (await self.prompts.ready())[0]

        ahead = priority is Priority.SPECULATIVE
        if self._observer:
            self._observer.asked(request, ahead=ahead)
        # What nobody asked for is not worth a second try.
        again = None if ahead else replacement
        return Stream(
            prompt.engine,
            prompt.wanted,
            request,
            prompt.plan,
            prompt.spot,
            prompt.model_name,
            done,
            again,
        )

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
        tracker = copy.copy(self.prompts.tracker(request))
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


def _timed(completion: Completion, total_ms: float) -> Completion:
    ms = completion.ms
    overhead = total_ms - ms.prefill - ms.decode
    return attrs.evolve(completion, ms=attrs.evolve(ms, total=total_ms, overhead=overhead))
