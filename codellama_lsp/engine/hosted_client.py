"""One client of an engine that has shown the token: its messages and its jobs.

Must not know how long the engine lives, nor which backend answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from codellama_lsp.engine import convert, wire
from codellama_lsp.engine.backend import SoFar
from codellama_lsp.engine.channel import Channel
from codellama_lsp.engine.decode import DecodeLoop, Job
from codellama_lsp.engine.protocol import EngineError, EngineInfo, GenerateResult
from codellama_lsp.engine.segments import SegmentStore
from codellama_lsp.engine.wishes import Wishes, from_json


class _Pieces:
    """A generation's text on its way to the client, each piece with what it has cost."""

    def __init__(self, number: int, channel: Channel) -> None:
        self._number = number
        self._channel = channel
        self._sent = 0

    def add(self, piece: str, so_far: SoFar) -> None:
        """From the decode thread, straight to the client: it may be all that it waits for."""
        params: dict[str, Any] = {
            "id": self._number,
            "text": piece,
            "progress": convert.progress_to_json(so_far.progress()),
        }
        self._sent += 1
        if self._sent == 2:  # not with the first one, for which somebody waits
            params["cost"] = convert.result_to_json(so_far.result())
        self._channel.send(wire.notification("piece", params))


class HostedClient:
    """One connection that has shown the token."""

    def __init__(
        self,
        channel: Channel,
        decode: DecodeLoop,
        loaded: asyncio.Future[EngineInfo],
        post: Callable[[Callable[[], None]], None],
        number: int,
        wishes: Wishes,
        on_core: Callable[[int], None] = lambda core: None,
    ) -> None:
        """`on_core`: told on which core the client waits, where that matters."""
        self.channel = channel
        self.wishes = wishes
        self.on_wishes: Callable[[], None] = lambda: None
        self._number = number
        self._on_core = on_core
        self._decode = decode
        self._loaded = loaded
        self._post = post
        self._store = SegmentStore(owner=f"{number}/")
        self._jobs: dict[int, Job] = {}

    async def run(self) -> None:
        """Answer messages until the connection ends."""
        ended = asyncio.Event()

        def on_end(error: wire.WireError | None) -> None:
            if error is not None:
                self.channel.send(wire.failure(None, error))
            ended.set()

        self.channel.listen(self._answer, on_end)
        await ended.wait()

    def end(self) -> None:
        """The client has gone: nobody wants its answers."""
        for job in list(self._jobs.values()):
            self._decode.cancel(job)

    def _answer(self, line: bytes) -> None:
        number: object = None
        try:
            message = wire.decode(line)
            number = message.get("id")
            self._dispatch(message, number)
        except (wire.WireError, EngineError) as error:
            self.channel.send(wire.failure(number, error))

    def _dispatch(self, message: dict[str, Any], number: object) -> None:
        method, params = message.get("method"), message.get("params")
        if method == "cancel":
            target = params.get("id") if isinstance(params, dict) else None
            if isinstance(target, int) and (job := self._jobs.get(target)):
                self._decode.cancel(job)
            return
        if method == "wishes":
            self.wishes = from_json(params)
            self.on_wishes()
            return
        if isinstance(number, bool) or not isinstance(number, int):
            raise wire.WireError(wire.INVALID_REQUEST, "a request without a number")
        if method == "generate":
            self._generate(number, params)
        elif method == "info":
            self._loaded.add_done_callback(lambda loaded: self._answer_info(number, loaded))
        elif method == "ping":
            overdue_s = self._decode.overdue_s()
            self.channel.send(wire.response(number, {"overdue_s": overdue_s}))
        else:
            raise wire.WireError(wire.METHOD_NOT_FOUND, "no such method")

    def _answer_info(self, number: int, loaded: asyncio.Future[EngineInfo]) -> None:
        if loaded.cancelled():
            return
        if error := loaded.exception():
            assert isinstance(error, Exception)
            self.channel.send(wire.failure(number, error))
        else:
            self.channel.send(wire.response(number, convert.info_to_json(loaded.result())))

    def _generate(self, number: int, params: object) -> None:
        if number in self._jobs:
            raise wire.WireError(wire.INVALID_REQUEST, "a number that is in use")
        request = convert.request_from_json(params, self._store)
        core = params.get("core") if isinstance(params, dict) else None
        core = core if isinstance(core, int) else None
        if core is not None:
            self._on_core(core)
        pieces = _Pieces(number, self.channel)

        def on_done(outcome: GenerateResult | EngineError) -> None:
            if isinstance(outcome, EngineError):
                self.channel.send(wire.failure(number, outcome))
            else:
                self.channel.send(wire.response(number, convert.result_to_json(outcome)))
            # On this loop, where the entry is made: it may have ended before that.
            self._post(lambda: self._forget(number))

        self._jobs[number] = self._decode.submit(
            request,
            pieces.add,
            on_done,
            client=self._number,
            background=self.wishes.background,
            core=core,
        )

    def _forget(self, number: int) -> None:
        self._jobs.pop(number, None)
