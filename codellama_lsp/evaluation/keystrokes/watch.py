"""An engine that is watched: when text came, and what every generation cost, asked for or not.

Stands between the pipeline and the real engine and changes nothing. Must not know which it is.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import attrs

from codellama_lsp.completion.prompts import EngineProvider
from codellama_lsp.engine.backend import Engine, Generation
from codellama_lsp.engine.protocol import (
    EngineInfo,
    GenerateRequest,
    GenerateResult,
    Priority,
)


@attrs.define(eq=False)
class Watched:
    """One generation under way."""

    request: GenerateRequest
    generation: Generation
    first_text_s: float | None = None
    """`time.perf_counter` when its first text arrived."""
    _left: bool = False
    _pieces: AsyncIterator[str] = attrs.field(init=False)

    @property
    def asked_for(self) -> bool:
        """Whether somebody waits for it."""
        return self.request.priority <= Priority.ASSIST

    def __aiter__(self) -> AsyncIterator[str]:
        """The pieces, as they come."""
        self._pieces = aiter(self.generation)
        return self

    async def __anext__(self) -> str:
        """The next one."""
        piece = await anext(self._pieces)
        if self.first_text_s is None and piece:
            self.first_text_s = time.perf_counter()
        return piece

    async def result(self) -> GenerateResult:
        """The whole answer."""
        return await self.generation.result()

    async def native_ms(self) -> float:
        """Time in llama.cpp until its reader had all that it wanted."""
        result = await (self.generation.so_far() if self._left else self.result())
        return result.ms.native

    async def so_far(self) -> GenerateResult:
        """What it had cost when its reader had enough."""
        self._left = True
        return await self.generation.so_far()

    def stop(self) -> None:
        """End it soon."""
        self.generation.stop()


class WatchedProvider:
    """Implements `EngineProvider`: notes all generations since `begin`."""

    def __init__(self, provider: EngineProvider) -> None:
        self._provider = provider
        self._seen: list[Watched] = []

    async def engine(self) -> Engine:
        """The real provider's engine, watched."""
        return _WatchedEngine(await self._provider.engine(), self._seen)

    def begin(self) -> None:
        """A keystroke: what was noted belongs to earlier ones."""
        self._seen.clear()

    async def settle(self, rest_s: float) -> list[Watched]:
        """What was noted; work that nobody asked for gets `rest_s` to end by itself.

        Reading ahead goes on, as it does in an editor: the engine makes way by itself.
        """
        unasked = [seen for seen in self._seen if seen.request.priority is Priority.SPECULATIVE]
        if unasked:
            waits = [asyncio.create_task(seen.result()) for seen in unasked]
            await asyncio.wait(waits, timeout=rest_s)
            for seen in unasked:
                seen.stop()
            await asyncio.gather(*waits, return_exceptions=True)
        return list(self._seen)


class _WatchedEngine:
    def __init__(self, engine: Engine, seen: list[Watched]) -> None:
        self._engine = engine
        self._seen = seen

    async def info(self) -> EngineInfo:
        return await self._engine.info()

    def generate(self, request: GenerateRequest) -> Generation:
        watched = Watched(request, self._engine.generate(request))
        self._seen.append(watched)
        return watched

    def expect(self) -> None:
        self._engine.expect()

    async def close(self) -> None:
        await self._engine.close()
