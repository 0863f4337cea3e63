"""What an engine process runs behind its socket, and what a client sees of it.

`Backend` is called in the engine process from one decode thread; `Engine` is awaited by clients.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import AsyncIterator, Callable
from typing import Protocol

from codellama_lsp.engine.bell import Flag
from codellama_lsp.engine.protocol import EngineInfo, GenerateRequest, GenerateResult, Progress


class SoFar(Protocol):
    """What a request has cost by now; to be asked while it is evaluated."""

    def result(self) -> GenerateResult:
        """All of it, without texts."""
        ...

    def progress(self) -> Progress:
        """What has grown since the first piece; quickly told, since every token tells it."""
        ...


#: Called from the decode thread with the candidate's index and a piece of text as it is decoded.
Emit = Callable[[int, str, SoFar], None]

#: Called while a model loads, with the share done (0 to 1).
Report = Callable[[float], None]

_REST_POLL_S = 0.005


class CancelFlag:
    """A cancel switch that native code can read without Python.

    Two zero bytes mean "go on". Setting makes the first one non-zero, so that a C string function
    such as ``strlen`` over `address` answers non-zero: an abort callback that needs no GIL.
    """

    def __init__(self) -> None:
        self._bytes: Flag = ctypes.create_string_buffer(2)
        self.share = 1.0
        """Of the time, how much may be spent working; less than 1 for work that nobody awaits."""

    def rest(self, worked_s: float) -> None:
        """Pause as long as `share` wants it after `worked_s` of work; ends when set."""
        until = time.monotonic() + worked_s * (1 / self.share - 1)
        while not self.is_set() and (left_s := until - time.monotonic()) > 0:
            time.sleep(min(left_s, _REST_POLL_S))

    @property
    def address(self) -> int:
        """Address of the two bytes; valid as long as this object lives."""
        return ctypes.addressof(self._bytes)

    def listen(self, shared: Flag) -> None:
        """From now on be set by whoever sets the `shared` bytes, too; they are cleared."""
        shared[0] = self._bytes[0]
        self._bytes = shared

    def set(self) -> None:
        """Ask whatever runs under this flag to end; safe from any thread, any number of times."""
        self._bytes[0] = b"\x01"

    def is_set(self) -> bool:
        """Whether `set` was called."""
        return self._bytes[0] != b"\x00"


class Backend(Protocol):
    """A loaded model. Called one method at a time, from one thread and its helper."""

    def load(self, report: Report) -> EngineInfo:
        """Load the model, also again after `close`.

        Raises `EngineStartError` with a remedy in its text where it can't.
        """
        ...

    def generate(self, request: GenerateRequest, emit: Emit, cancel: CancelFlag) -> GenerateResult:
        """Generate until a stop rule holds or `cancel` is set.

        A cancelled call returns normally (finish CANCELLED) and keeps what it prefilled.
        """
        ...

    def unfinished(self) -> GenerateRequest | None:
        """Work of its own that should be done when nobody waits; None: nothing."""
        ...

    def rest(self) -> bool:
        """Nobody has wanted anything for a while: one short step of what can wait.

        Whether there is more of it.
        """
        ...

    def clear(self) -> None:
        """Forget every prompt, as if nothing had been asked yet."""
        ...

    def close(self) -> None:
        """Free the model."""
        ...


class Generation(Protocol):
    """A running generation as its client sees it: iterate the pieces, then ask for `result`."""

    def __aiter__(self) -> AsyncIterator[str]:
        """Pieces of candidate 0's text as they are decoded. Raises `EngineError` subclasses."""
        ...

    async def result(self) -> GenerateResult:
        """The whole answer; waits for the end (consuming pieces is not required)."""
        ...

    async def so_far(self) -> GenerateResult:
        """What the request had cost when the piece came that was read last; no candidates.

        For whoever has read enough: the end is not waited for. Raises `EngineError`.
        """
        ...

    def stop(self) -> None:
        """End the generation soon and keep what there is; the result's finish is CANCELLED."""
        ...


class Engine(Protocol):
    """An engine as its clients see it."""

    async def info(self) -> EngineInfo:
        """Facts about the loaded model; waits for loading. Raises `EngineStartError`."""
        ...

    def generate(self, request: GenerateRequest) -> Generation:
        """Start a generation. Cancelling the task that awaits it also stops the model."""
        ...

    def expect(self) -> None:
        """Somebody will ask for something at once: let what nobody awaits make way for it."""
        ...

    async def close(self) -> None:
        """Leave the engine; it ends when nobody uses it."""
        ...
