"""What an engine is asked for a request: windows, code of the workspace, settings, its end.

Must not know what comes of it.
"""

from __future__ import annotations

import asyncio
import functools
import itertools
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

import attrs

from codellama_lsp.completion.budget import window_budget, workspace_budget
from codellama_lsp.completion.kinds import is_prose
from codellama_lsp.completion.plan import Plan, choose_plan, ends_at_newline
from codellama_lsp.completion.spot import Spot
from codellama_lsp.completion.types import CompletionRequest
from codellama_lsp.config.settings import Settings
from codellama_lsp.context.related import Asked, RelatedCode
from codellama_lsp.context.shield import Shield
from codellama_lsp.context.windows import WindowTracker
from codellama_lsp.engine.backend import Engine
from codellama_lsp.engine.protocol import (
    EngineError,
    EngineGoneError,
    EngineInfo,
    Finish,
    GenerateRequest,
    Layout,
    Priority,
    Segment,
    TokenCounts,
)

_MOST_TRACKERS = 64

#: What was chosen is read again where the cursor has gone elsewhere meanwhile.
_MOST_READINGS = 3
_HEAD_CHARS = 120

#: So much that was typed meanwhile is no reason to read once more.
_LITTLE_CHARS = 16

#: Characters per token: there are texts with fewer, but few of them are typed.
_LEAST_DENSITY = 1.0
#: Shorter windows say little about that.
_LEAST_COUNTED_TOKENS = 64

#: Engines that may die while they load, for one request.
_LOADS = 3

#: What is prepared unasked is short: most of it is never seen.
_AHEAD_TOKENS = 48


class EngineProvider(Protocol):
    """Where an engine comes from; it may be another one each time."""

    async def engine(self) -> Engine:
        """A working engine. Raises `EngineStartError`."""
        ...


@attrs.frozen
class Prompt:
    """What an engine is asked, and what is known of the place."""

    engine: Engine
    model_name: str
    wanted: GenerateRequest
    spot: Spot
    plan: Callable[[], Plan]
    """Takes a moment, in which the engine may be at work already."""


class Prompts:
    """Makes them for the documents of one process."""

    def __init__(
        self,
        provider: EngineProvider,
        settings: Callable[[str], Settings],
        related: RelatedCode | None,
    ) -> None:
        self._provider = provider
        self._settings = settings
        self._related = related
        self._versions = itertools.count(1)
        self._shield = Shield(self._versions)
        self._trackers: OrderedDict[str, WindowTracker] = OrderedDict()
        self._latest: dict[str, GenerateRequest] = {}
        self._moving: dict[str, asyncio.Task[None]] = {}
        self._density: OrderedDict[str, float] = OrderedDict()
        """Characters per token of documents, as their windows were counted last."""

    def forget(self, uri: str) -> None:
        """The document was closed."""
        self._trackers.pop(uri, None)
        self._latest.pop(uri, None)
        if moving := self._moving.pop(uri, None):
            moving.cancel()
        if self._related is not None:
            self._related.forget(uri)

    def close(self) -> None:
        """Stop what is done unasked."""
        for moving in self._moving.values():
            moving.cancel()

    def counted(self, uri: str, tokens: TokenCounts) -> None:
        """An engine says how long a document's windows are; the next ones fit better."""
        if tokens.window_tokens < _LEAST_COUNTED_TOKENS or not tokens.window_chars:
            return
        self._density[uri] = tokens.window_chars / tokens.window_tokens
        self._density.move_to_end(uri)
        while len(self._density) > _MOST_TRACKERS:
            self._density.popitem(last=False)

    def tracker(self, request: CompletionRequest) -> WindowTracker:
        """The windows of its document over time."""
        uri = request.document.uri
        tracker = self._trackers.get(uri)
        if tracker is None:
            tracker = self._trackers[uri] = WindowTracker(uri, self._versions)
        self._trackers.move_to_end(uri)
        while len(self._trackers) > _MOST_TRACKERS:
            self._trackers.popitem(last=False)
        return tracker

    async def prompt(
        self, request: CompletionRequest, tracker: WindowTracker, priority: Priority
    ) -> Prompt:
        """What to ask for `request`. Raises `EngineError`."""
        settings = self._settings(request.document.uri)
        engine, info = await self.ready()
        if priority is Priority.VISIBLE:
            engine.expect()
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
        if priority is Priority.VISIBLE:
            suffix_first = info.suffix_first and wanted.layout is Layout.SPM
            if tracker.outgrown(suffix_first=suffix_first) and document.uri not in self._moving:
                moving = asyncio.create_task(self._move(document.uri, tracker, suffix_first))
                self._moving[document.uri] = moving
        return Prompt(
            engine,
            info.model_name,
            wanted,
            spot,
            functools.partial(choose_plan, spot, multi_line, request.plan),
        )

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
                await self._read(attrs.evolve(asked, context=context))
                latest = self._latest.get(uri)
                if latest is None or _typed_on(asked, latest):
                    return  # else the cursor went elsewhere meanwhile
        except EngineError:
            pass  # Nobody asked.

    async def _move(self, uri: str, tracker: WindowTracker, suffix_first: bool) -> None:
        """Have an engine read a document's windows as they will be, then let them move there."""
        try:
            if self._settings(uri).background == "off":
                return  # then they move when they have to
            read_chars = 0
            for _ in range(_MOST_READINGS):
                if not tracker.outgrown(suffix_first=suffix_first):
                    return  # the cursor went up, or the text takes fewer tokens than it seemed
                windows, asked = tracker.moved(), self._latest.get(uri)
                if windows is None or asked is None:
                    return
                unread_chars = len(windows.prefix.text) - read_chars
                if read_chars and abs(unread_chars) <= _LITTLE_CHARS:
                    break
                read_chars = len(windows.prefix.text)
                clean = self._shield.windows(windows)
                if not await self._read(
                    attrs.evolve(asked, prefix=clean.prefix, suffix=clean.suffix, typed_chars=0)
                ):
                    return
            tracker.move()
        except EngineError:
            pass  # Nobody asked.
        finally:
            if self._moving.get(uri) is asyncio.current_task():
                del self._moving[uri]

    async def _read(self, prompt: GenerateRequest) -> bool:
        """Have an engine evaluate a prompt when nobody waits for anything; whether it did."""
        wanted = attrs.evolve(
            prompt, max_tokens=0, candidates=1, stop_at_newline=False, priority=Priority.WARM
        )
        result = await (await self.ready())[0].generate(wanted).result()
        return all(it.finish is not Finish.CANCELLED for it in result.candidates)

    async def ready(self) -> tuple[Engine, EngineInfo]:
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
        # Dense text has smaller windows than the model's usual one, sparse text no larger ones.
        usual = max(info.chars_per_token, _LEAST_DENSITY)
        density = min(max(self._density.get(document.uri, usual), _LEAST_DENSITY), usual)
        fitted = budget.scaled(density / usual)
        windows = self._shield.windows(tracker.windows(document.text, request.offset, fitted))
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


def _typed_on(before: GenerateRequest, after: GenerateRequest) -> bool:
    """Whether a prompt begins as an earlier one: the same windows, more typed."""
    head = before.prefix.text[:_HEAD_CHARS]
    same = before.suffix.version == after.suffix.version
    return same and after.prefix.text.startswith(head)
