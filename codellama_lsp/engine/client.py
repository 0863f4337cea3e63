"""An engine process as its clients see it: the other end of `host.py`'s socket.

Must stay light (no numpy, no pygls, no llama.cpp): the editor waits for its import.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs

from codellama_lsp.engine import convert, placing, wire
from codellama_lsp.engine.backend import Generation, Report
from codellama_lsp.engine.bell import Bell, bell_of
from codellama_lsp.engine.channel import Channel
from codellama_lsp.engine.generation import PendingGeneration
from codellama_lsp.engine.protocol import (
    PROTOCOL_VERSION,
    EngineGoneError,
    EngineInfo,
    EngineStartError,
    GenerateRequest,
    Priority,
)
from codellama_lsp.engine.segments import SegmentSender
from codellama_lsp.engine.wishes import Wishes, to_json

log = logging.getLogger(__name__)

_HELLO_TIMEOUT_S = 10.0
_GONE = "the engine ended in the middle of its work"
_UNREADABLE = "the engine gave an answer that cannot be read"


@attrs.define(eq=False)
class _Asked:
    """A request that was sent, and what has come of it."""

    generation: PendingGeneration
    request: GenerateRequest

    def take(self, params: dict[str, Any]) -> None:
        """A piece came; raises `WireError` where it is none."""
        progress = convert.progress_from_json(params.get("progress"))
        self.generation.feed(str(params.get("text", "")), progress)
        if "cost" in params:
            self.generation.costs(convert.result_from_json(params["cost"]))


class SocketEngine:
    """Implements `Engine` over one connection; of no use any more once that is gone."""

    def __init__(self, channel: Channel, on_loading: Report, bell: Bell | None = None) -> None:
        self._channel = channel
        self._bell = bell
        self._on_loading = on_loading
        self._sender = SegmentSender()
        self._numbers = itertools.count(1)
        self.on_loaded: Callable[[], None] = lambda: None
        """Called when a model that was freed is there again."""
        self._generations: dict[int, _Asked] = {}
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._info: asyncio.Future[Any] | None = None
        self._known_info: EngineInfo | None = None
        self._gone: asyncio.Event = asyncio.Event()
        channel.listen(self._read, self._on_end)

    @classmethod
    async def connect(
        cls,
        path: Path,
        token: str,
        *,
        on_loading: Report = lambda share: None,
        protocol: int = PROTOCOL_VERSION,
        wishes: Wishes | None = None,
    ) -> SocketEngine:
        """Connect and shake hands.

        Raises `OSError` when nobody listens at `path` or the connection ends before an answer,
        `EngineStartError` when it refuses.
        """
        loop = asyncio.get_running_loop()
        _, channel = await loop.create_unix_connection(Channel, str(path))
        try:
            async with asyncio.timeout(_HELLO_TIMEOUT_S):
                hello = {"protocol": protocol, "token": token}
                wished = to_json(wishes or Wishes())
                channel.send(wire.request(0, "hello", {**hello, "wishes": wished}))
                line = await channel.line()
            if line is None:
                raise ConnectionResetError("the engine closed the connection")
            answer = wire.decode(line)
            if "error" in answer:
                raise wire.to_exception(answer["error"])
        except (TimeoutError, wire.WireError) as error:
            channel.close()
            raise EngineStartError("the engine did not answer as an engine does") from error
        except BaseException:
            channel.close()
            raise
        return cls(channel, on_loading, Bell.find(bell_of(path)))

    @property
    def alive(self) -> bool:
        """Whether requests can still be sent."""
        return not self._gone.is_set()

    @property
    def loaded(self) -> bool:
        """Whether the engine has said that its model is loaded; somebody has to have asked."""
        info = self._info
        return info is not None and info.done() and info.exception() is None

    async def wait_gone(self) -> None:
        """Return once the connection has ended, for whatever reason."""
        await self._gone.wait()

    async def info(self) -> EngineInfo:
        """Facts about the loaded model; waits for loading. Raises `EngineStartError`."""
        if self._known_info is None:
            if self._info is None:
                self._info = self._ask("info")
            self._known_info = convert.info_from_json(await asyncio.shield(self._info))
        return self._known_info

    async def ping(self) -> float:
        """For how many seconds a job has ignored that it was cancelled; 0 when all is well."""
        answer = await self._ask("ping")
        return float(answer["overdue_s"])

    def wish(self, wishes: Wishes) -> None:
        """Wish something else from now on."""
        self._channel.send(wire.notification("wishes", to_json(wishes)))

    def generate(self, request: GenerateRequest) -> Generation:
        """Start a generation; must be called on the event loop."""
        number = next(self._numbers)
        generation = PendingGeneration(on_stop=lambda: self._send_cancel(number))
        if self._gone.is_set():
            generation.fail(EngineGoneError(_GONE))
            return generation
        self._generations[number] = _Asked(generation, request)
        self._send_generate(number, request)
        if request.priority is Priority.VISIBLE:
            placing.stay(self)
        return generation

    def expect(self) -> None:
        """Let what nobody awaits make way for a request that is about to be made."""
        if self._bell is not None:
            self._bell.ring()

    async def close(self) -> None:
        """Leave; the engine ends when this was its last client."""
        self._end()

    def _send_generate(self, number: int, request: GenerateRequest) -> None:
        params = convert.request_to_json(request, self._sender)
        if (core := placing.core()) is not None:
            params["core"] = core
        self._channel.send(wire.request(number, "generate", params))

    def _send_cancel(self, number: int) -> None:
        if number in self._generations:
            self._channel.send(wire.notification("cancel", {"id": number}))

    def _ask(self, method: str) -> asyncio.Future[Any]:
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        answer.add_done_callback(lambda answer: answer.cancelled() or answer.exception())
        if self._gone.is_set():
            answer.set_exception(EngineGoneError(_GONE))
            return answer
        number = next(self._numbers)
        self._answers[number] = answer
        self._channel.send(wire.request(number, method, {}))
        return answer

    def _read(self, line: bytes) -> None:
        if self._gone.is_set():
            return
        try:
            self._dispatch(wire.decode(line))
        except wire.WireError as error:
            self._on_end(error)

    def _on_end(self, error: wire.WireError | None) -> None:
        if error is not None:
            log.error("the engine broke the protocol: %s", error.message)
        self._end()

    def _end(self) -> None:
        """Nothing more will come: fail whatever is waited for."""
        self._gone.set()
        self._channel.close()
        generations, self._generations = self._generations, {}
        placing.leave(self)
        answers, self._answers = self._answers, {}
        for asked in generations.values():
            asked.generation.fail(EngineGoneError(_GONE))
        for answer in answers.values():
            if not answer.done():
                answer.set_exception(EngineGoneError(_GONE))

    def _dispatch(self, message: dict[str, Any]) -> None:
        params = message.get("params")
        match message.get("method"):
            case "piece" if isinstance(params, dict):
                if found := self._generations.get(params.get("id", -1)):
                    found.take(params)
            case "loading" if isinstance(params, dict):
                self._on_loading(float(params.get("share", 0.0)))
            case "loaded":
                self.on_loaded()
            case None:
                self._on_answer(message)
            case _:
                pass  # A newer engine may say more than this client understands.

    def _on_answer(self, message: dict[str, Any]) -> None:
        number = message.get("id")
        if not isinstance(number, int):
            return
        error = wire.to_exception(message["error"]) if "error" in message else None
        if (answer := self._answers.pop(number, None)) is not None:
            if not answer.done():
                _settle(answer, error, message.get("result"))
        elif isinstance(error, wire.UnknownSegmentError):
            self._resend(number)
        elif found := self._generations.pop(number, None):
            self._stay_or_go()
            if error is not None:
                found.generation.fail(error)
                return
            try:
                result = convert.result_from_json(message.get("result"))
            except Exception as failure:
                # Whoever waits must not wait for ever, whatever the answer looked like.
                found.generation.fail(EngineGoneError(_UNREADABLE))
                raise wire.WireError(wire.INVALID_PARAMS, "unreadable answer") from failure
            found.generation.finish(result)

    def _stay_or_go(self) -> None:
        """Stay on this core only as long as somebody waits."""
        asked = self._generations.values()
        if not any(one.request.priority is Priority.VISIBLE for one in asked):
            placing.leave(self)

    def _resend(self, number: int) -> None:
        """The engine lacks what a delta builds on: say everything in full, under a new number."""
        found = self._generations.pop(number, None)
        if found is None:
            return
        generation = found.generation
        self._sender.forget()
        again = next(self._numbers)
        generation.on_stop = lambda: self._send_cancel(again)
        self._generations[again] = found
        self._send_generate(again, found.request)
        if generation.stopping:
            self._send_cancel(again)


def _settle(answer: asyncio.Future[Any], error: Exception | None, result: object) -> None:
    if error is not None:
        answer.set_exception(error)
    else:
        answer.set_result(result)
