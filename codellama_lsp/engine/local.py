"""An engine without a process: any backend, run in a thread of this one.

For tests and in-process tools; an editor's server never uses it, since a crash of native code
would take the server along. Must not know sockets.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from codellama_lsp.engine.backend import Backend, Generation, SoFar
from codellama_lsp.engine.decode import DecodeLoop, Job
from codellama_lsp.engine.generation import PendingGeneration
from codellama_lsp.engine.protocol import (
    EngineError,
    EngineInfo,
    EngineStartError,
    GenerateRequest,
    GenerateResult,
)


class LocalEngine:
    """Implements `Engine` over a backend; belongs to the event loop that first uses it."""

    def __init__(self, backend: Backend) -> None:
        self._decode = DecodeLoop(backend, on_loaded=self._on_loaded)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._info: asyncio.Future[EngineInfo] | None = None

    async def info(self) -> EngineInfo:
        """Facts about the loaded model; waits for loading. Raises `EngineStartError`."""
        return await asyncio.shield(self._started())

    def generate(self, request: GenerateRequest) -> Generation:
        """Start a generation; must be called on the event loop."""
        self._started()
        jobs: list[Job] = []
        generation = PendingGeneration(on_stop=lambda: self._decode.cancel(jobs[0]))

        def on_done(outcome: GenerateResult | EngineError) -> None:
            if isinstance(outcome, EngineError):
                self._post(lambda: generation.fail(outcome))
            else:
                self._post(lambda: generation.finish(outcome))

        def on_piece(piece: str, so_far: SoFar) -> None:
            cost, progress = so_far.result(), so_far.progress()
            self._post(lambda: generation.costs(cost))
            self._post(lambda: generation.feed(piece, progress))

        jobs.append(self._decode.submit(request, on_piece, on_done))
        return generation

    def expect(self) -> None:
        """Nothing: in this process, making way waits for the request."""

    async def close(self) -> None:
        """End the thread and free the model."""
        await asyncio.to_thread(self._decode.close)

    def _started(self) -> asyncio.Future[EngineInfo]:
        if self._info is None:
            self._loop = asyncio.get_running_loop()
            self._info = self._loop.create_future()
            self._info.add_done_callback(lambda info: info.cancelled() or info.exception())
            self._decode.start()
        return self._info

    def _on_loaded(self, outcome: EngineInfo | EngineStartError) -> None:
        def settle() -> None:
            if self._info is None or self._info.done():
                return
            if isinstance(outcome, EngineStartError):
                self._info.set_exception(outcome)
            else:
                self._info.set_result(outcome)

        self._post(settle)

    def _post(self, call: Callable[[], None]) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(call)
