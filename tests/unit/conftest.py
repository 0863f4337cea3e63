"""Shared by unit tests: a completer over the scripted engine, in this process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from codellama_lsp.completion.pipeline import Completer
from codellama_lsp.completion.types import Completion, CompletionRequest, DocumentSnapshot
from codellama_lsp.config.settings import Settings
from codellama_lsp.engine.backend import Engine, Generation
from codellama_lsp.engine.generation import PendingGeneration
from codellama_lsp.engine.local import LocalEngine
from codellama_lsp.engine.protocol import (
    Candidate,
    EngineInfo,
    Finish,
    GenerateRequest,
    GenerateResult,
    Priority,
    Timings,
    TokenCounts,
)
from codellama_lsp.engine.scripted import ScriptedBackend

Recorded = list[tuple[CompletionRequest, Completion]]


class OneEngine:
    """Provides the engine it is given."""

    def __init__(self, engine: Engine) -> None:
        self.it = engine

    async def engine(self) -> Engine:
        return self.it


class Recorder:
    """Remembers how requests ended."""

    def __init__(self) -> None:
        self.open = 0
        self.ended_ones: Recorded = []

    def began(self, request: CompletionRequest) -> None:
        self.open += 1

    def asked(self, request: CompletionRequest, *, ahead: bool) -> None:
        pass

    def ended(self, request: CompletionRequest, completion: Completion) -> None:
        self.open -= 1
        self.ended_ones.append((request, completion))


class Held:
    """A generation that can be held after some of its text."""

    def __init__(self, inner: Generation, bench: Bench) -> None:
        self._inner = inner
        self._bench = bench

    async def __aiter__(self) -> AsyncIterator[str]:
        chars = 0
        async for piece in self._inner:
            yield piece
            chars += len(piece)
            limit, self._bench.hold_chars = self._bench.hold_chars, None
            if limit is not None and chars >= limit:
                self._bench.reached.set()
                await self._bench.go_on.wait()
            else:
                self._bench.hold_chars = limit

    async def result(self) -> GenerateResult:
        return await self._inner.result()

    async def so_far(self) -> GenerateResult:
        return await self._inner.so_far()

    def stop(self) -> None:
        self._bench.stopped += 1
        self._inner.stop()


class Watched:
    """An engine whose requests are counted, and whose work ahead is scripted apart."""

    def __init__(self, inner: Engine, bench: Bench) -> None:
        self._inner = inner
        self._bench = bench

    async def info(self) -> EngineInfo:
        return await self._inner.info()

    def generate(self, request: GenerateRequest) -> Generation:
        self._bench.requests.append(request)
        if request.priority is Priority.SPECULATIVE and self._bench.ahead:
            generation = PendingGeneration(lambda: None)
            text = self._bench.ahead.pop(0)
            generation.finish(
                GenerateResult(
                    (Candidate(text, Finish.EOT),), TokenCounts(), Timings(), request.layout
                )
            )
            return generation
        return Held(self._inner.generate(request), self._bench)

    def expect(self) -> None:
        self._bench.announced.append(len(self._bench.requests))

    async def close(self) -> None:
        await self._inner.close()


class Bench:
    """A completer, and what it was told and tells. Its clock stands still."""

    def __init__(self, script: Path, ahead: list[str]) -> None:
        self.settings = Settings()
        self.recorder = Recorder()
        self.requests: list[GenerateRequest] = []
        self.announced: list[int] = []
        """How many requests there had been when one was announced."""
        self.ahead = ahead
        self.now_s = 0.0
        self.slept_s: list[float] = []
        self.hold_chars: int | None = None
        self.reached, self.go_on = asyncio.Event(), asyncio.Event()
        self.stopped = 0
        self.engine = LocalEngine(ScriptedBackend(script))
        self.provider = OneEngine(Watched(self.engine, self))
        self.completer = Completer(
            self.provider,
            lambda uri: self.settings,
            self.recorder,
            clock=lambda: self.now_s,
            sleep=self._sleep,
        )

    async def _sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)

    def hold_after(self, chars: int) -> None:
        """Let the next generation wait after so many characters."""
        self.hold_chars = chars

    async def held(self) -> None:
        await self.reached.wait()

    def release(self) -> None:
        self.go_on.set()

    async def settled(self) -> None:
        """Until the work ahead is done."""
        await self.completer.settled()

    async def ask(
        self, marked: str, uri: str = "file:///a.py", language: str = "python", **rest: object
    ) -> Completion:
        """Complete at the | in `marked`."""
        offset = marked.index("|")
        text = marked[:offset] + marked[offset + 1 :]
        snapshot = DocumentSnapshot(uri, language, 1, text)
        return await self.completer.complete(CompletionRequest(snapshot, offset, **rest))  # type: ignore[arg-type]


@pytest.fixture
def bench_of(tmp_path: Path) -> object:
    """Makes a `Bench` whose engine answers with the given items."""

    def make(*items: object, ahead: Sequence[str] = ()) -> Bench:
        script = tmp_path / "script.json"
        script.write_text(json.dumps(items), encoding="utf-8")
        return Bench(script, list(ahead))

    return make


BenchOf = Callable[..., Bench]
Ask = Callable[..., Awaitable[Completion]]
