"""One client of an engine that has shown the token: its messages and its jobs.

Must not know how long the engine lives, nor which backend answers.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from codellama_lsp.engine import convert, wire
from codellama_lsp.engine.decode import DecodeLoop, Job
from codellama_lsp.engine.protocol import EngineError, EngineInfo, GenerateResult
from codellama_lsp.engine.segments import SegmentStore
from codellama_lsp.engine.wishes import Wishes, from_json

#: Pieces that follow another one within this time travel together: a small model makes several
#: in it, and each message costs both sides more than its text.
_TOGETHER_S = 0.004


class _Pieces:
    """A generation's text on its way to the client: the first piece at once, later ones bundled."""

    def __init__(
        self, number: int, channel: wire.Channel, post: Callable[[Callable[[], None]], None]
    ) -> None:
        self._number = number
        self._channel = channel
        self._post = post
        self._waiting: deque[str] = deque()
        self._coming = False  # somebody will come for what waits

    def add(self, piece: str) -> None:
        """From the decode thread."""
        self._waiting.append(piece)
        if not self._coming:
            self._coming = True
            self._post(self._send)

    def flush(self) -> None:
        """Send what waits; on the event loop, as everything below."""
        texts = []
        while self._waiting:
            texts.append(self._waiting.popleft())
        if texts:
            self._channel.send(wire.notification("pieces", {"id": self._number, "texts": texts}))

    def _send(self) -> None:
        self.flush()
        asyncio.get_running_loop().call_later(_TOGETHER_S, self._send_later)

    def _send_later(self) -> None:
        if self._waiting:
            self._send()
            return
        self._coming = False
        if self._waiting:  # added since it was looked at, when somebody still came
            self._coming = True
            self._send()


class HostedClient:
    """One connection that has shown the token."""

    def __init__(
        self,
        channel: wire.Channel,
        decode: DecodeLoop,
        loaded: asyncio.Future[EngineInfo],
        post: Callable[[Callable[[], None]], None],
        number: int,
        wishes: Wishes,
    ) -> None:
        self.channel = channel
        self.wishes = wishes
        self.on_wishes: Callable[[], None] = lambda: None
        self._number = number
        self._decode = decode
        self._loaded = loaded
        self._post = post
        self._store = SegmentStore(owner=f"{number}/")
        self._jobs: dict[int, Job] = {}

    async def run(self) -> None:
        """Answer messages until the connection ends."""
        while True:
            try:
                line = await self.channel.line()
            except wire.WireError as error:
                self.channel.send(wire.failure(None, error))
                return
            if line is None:
                return
            number: object = None
            try:
                message = wire.decode(line)
                number = message.get("id")
                self._dispatch(message, number)
            except (wire.WireError, EngineError) as error:
                self.channel.send(wire.failure(number, error))

    def end(self) -> None:
        """The client has gone: nobody wants its answers."""
        for job in list(self._jobs.values()):
            self._decode.cancel(job)

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

        pieces = _Pieces(number, self.channel, self._post)

        def on_done(outcome: GenerateResult | EngineError) -> None:
            self._post(lambda: self._answer_generate(number, outcome, pieces))

        # Both callbacks only post to this loop, so the entry is there before either runs.
        self._jobs[number] = self._decode.submit(
            request,
            pieces.add,
            on_done,
            client=self._number,
            background=self.wishes.background,
        )

    def _answer_generate(
        self, number: int, outcome: GenerateResult | EngineError, pieces: _Pieces
    ) -> None:
        self._jobs.pop(number, None)
        pieces.flush()
        if isinstance(outcome, EngineError):
            self.channel.send(wire.failure(number, outcome))
        else:
            self.channel.send(wire.response(number, convert.result_to_json(outcome)))
