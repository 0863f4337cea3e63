"""A generation as its client sees it, fed from wherever the pieces come from.

Belongs to one event loop. Must not know sockets, threads or models.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable

import attrs

from codellama_lsp.engine.protocol import EngineGoneError, GenerateResult, Progress


class PendingGeneration:
    """Implements `Generation`; its owner calls `feed`, then `finish` or `fail`, on the loop."""

    def __init__(self, on_stop: Callable[[], None]) -> None:
        self.on_stop = on_stop
        self._pieces: deque[tuple[str, Progress]] = deque()
        self._read: Progress | None = None
        """Of the piece that was read last."""
        self._cost: asyncio.Future[GenerateResult] = asyncio.get_running_loop().create_future()
        self._wake = asyncio.Event()
        self._answer: asyncio.Future[GenerateResult] = asyncio.get_running_loop().create_future()
        # Nobody has to look at a generation's end: an unseen failure is not worth a warning.
        for future in (self._answer, self._cost):
            future.add_done_callback(lambda one: one.cancelled() or one.exception())
        self.stopping = False

    def __aiter__(self) -> AsyncIterator[str]:
        """Pieces of candidate 0's text as they are decoded.

        No generator, which would have to be closed by a task of its own where its reader breaks
        off.
        """
        return self

    async def __anext__(self) -> str:
        """The next piece."""
        while not self._pieces:
            if self._answer.done():
                self._answer.result()
                raise StopAsyncIteration
            self._wake.clear()
            try:
                await self._wake.wait()
            except asyncio.CancelledError:
                self.stop()
                raise
        piece, self._read = self._pieces.popleft()
        return piece

    async def result(self) -> GenerateResult:
        """The whole answer. Cancelling the awaiting task stops the model."""
        try:
            return await asyncio.shield(self._answer)
        except asyncio.CancelledError:
            self.stop()
            raise

    async def so_far(self) -> GenerateResult:
        """What it had cost when the piece that was read last came; one has to be read."""
        if self._read is None:
            raise EngineGoneError("nothing was generated yet")
        if self._cost.done():
            return self._cost.result().at(self._read)
        return (await asyncio.shield(self._cost)).at(self._read)

    def stop(self) -> None:
        """End the generation soon and keep what there is."""
        if not self.stopping and not self._answer.done():
            self.stopping = True
            self.on_stop()

    def feed(self, piece: str, progress: Progress) -> None:
        """A piece of candidate 0 arrived."""
        self._pieces.append((piece, progress))
        self._wake.set()

    def costs(self, cost: GenerateResult) -> None:
        """What it costs is known, but for what `Progress` tells."""
        if not self._cost.done():
            self._cost.set_result(cost)

    def finish(self, result: GenerateResult) -> None:
        """The answer arrived."""
        if not self._answer.done():
            self._answer.set_result(result)
        self.costs(attrs.evolve(result, candidates=()))
        self._wake.set()

    def fail(self, error: Exception) -> None:
        """There will be no answer."""
        for future in (self._answer, self._cost):
            if not future.done():
                future.set_exception(error)
        self._wake.set()
