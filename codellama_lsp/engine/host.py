"""The engine's server side: clients on a private socket in front of one decode thread.

Knows connections, the handshake and the engine's lifetime. Must not know which backend runs,
nor where the process came from.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from codellama_lsp.engine import convert, wire
from codellama_lsp.engine.backend import Backend
from codellama_lsp.engine.decode import DecodeLoop, Job
from codellama_lsp.engine.protocol import (
    PROTOCOL_VERSION,
    EngineError,
    EngineInfo,
    EngineStartError,
    GenerateResult,
)
from codellama_lsp.engine.segments import SegmentStore

log = logging.getLogger(__name__)

_HELLO_TIMEOUT_S = 5.0
_LOADING_STEP = 0.05


class EngineHost:
    """Serves one backend until its last client has gone.

    `linger_s`: how long to wait for another client then. `first_client_s`: how long to wait for
    the first one. `token`: what a client has to know.
    """

    def __init__(
        self, backend: Backend, token: str, *, linger_s: float = 0.0, first_client_s: float = 30.0
    ) -> None:
        self._token = token
        self._linger_s = linger_s
        self._first_client_s = first_client_s
        self._decode = DecodeLoop(
            backend,
            on_loading=self._report,
            on_loaded=lambda outcome: self._post(lambda: self._on_loaded(outcome)),
        )
        self._loop: asyncio.AbstractEventLoop | None = None
        self._clients: set[_Client] = set()
        self._clients_seen = 0
        self._share = self._reported = 0.0
        self._loaded: asyncio.Future[EngineInfo]
        self._end: asyncio.Event
        self._leaving: asyncio.TimerHandle

    async def serve(self, path: Path) -> bool:
        """Listen on the socket `path` until the end.

        False when the decode thread did not end, so that the process has to be ended the hard
        way. Raises `OSError` when the socket cannot be made.
        """
        self._loop = asyncio.get_running_loop()
        self._loaded = self._loop.create_future()
        self._loaded.add_done_callback(lambda loaded: loaded.cancelled() or loaded.exception())
        self._end = asyncio.Event()
        self._leaving = self._loop.call_later(self._first_client_s, self._end.set)
        # A socket gets its mode from the umask at bind; there must be no moment without it.
        umask = os.umask(0o177)
        try:
            server = await asyncio.start_unix_server(
                self._on_connection, path=path, limit=wire.MAX_MESSAGE_BYTES
            )
        finally:
            os.umask(umask)
        self._decode.start()
        try:
            await self._end.wait()
        finally:
            server.close()
            _remove(path)
            for client in list(self._clients):
                client.channel.close()
        return await asyncio.to_thread(self._decode.close)

    def stop(self) -> None:
        """End soon, whoever is connected."""
        self._end.set()

    def _post(self, call: Callable[[], None]) -> None:
        assert self._loop is not None
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(call)

    def _report(self, share: float) -> None:
        """From the decode thread, very often: pass on what a person could notice."""
        if share >= min(1.0, self._reported + _LOADING_STEP) > self._reported:
            self._reported = share
            self._post(lambda: self._on_loading(share))

    def _on_loading(self, share: float) -> None:
        self._share = share
        for client in self._clients:
            client.channel.send(wire.notification("loading", {"share": share}))

    def _on_loaded(self, outcome: EngineInfo | EngineStartError) -> None:
        if isinstance(outcome, EngineStartError):
            self._loaded.set_exception(outcome)
        else:
            self._loaded.set_result(outcome)

    async def _on_connection(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        channel = wire.Channel(reader, writer)
        try:
            if await self._shake_hands(channel):
                await self._talk(channel)
        except (ConnectionError, OSError):
            pass
        finally:
            channel.close()

    async def _shake_hands(self, channel: wire.Channel) -> bool:
        """Whether the client may stay; a stranger learns nothing but that it may not."""
        number: object = None
        try:
            async with asyncio.timeout(_HELLO_TIMEOUT_S):
                line = await channel.line(wire.MAX_HELLO_BYTES)
            if line is None:
                return False
            message = wire.decode(line)
            number, params = message.get("id"), message.get("params")
            if message.get("method") != "hello" or not isinstance(params, dict):
                raise wire.RefusedError("say hello first")
            token = str(params.get("token"))
            if not hmac.compare_digest(token.encode("utf-8", "replace"), self._token.encode()):
                raise wire.RefusedError("wrong token")
            if params.get("protocol") != PROTOCOL_VERSION:
                raise wire.RefusedError(
                    f"this engine speaks protocol {PROTOCOL_VERSION}, its client another one",
                    "Restart the editor, so that both come from the same installation.",
                )
        except TimeoutError:
            return False
        except (wire.WireError, wire.RefusedError) as error:
            log.warning("a connection was refused: %s", error.message)
            channel.send(wire.failure(number, error))
            return False
        channel.send(wire.response(number, {"protocol": PROTOCOL_VERSION, "pid": os.getpid()}))
        return True

    async def _talk(self, channel: wire.Channel) -> None:
        self._leaving.cancel()
        self._clients_seen += 1
        client = _Client(channel, self._decode, self._loaded, self._post, self._clients_seen)
        self._clients.add(client)
        channel.send(wire.notification("loading", {"share": self._share}))
        try:
            await client.run()
        finally:
            self._clients.discard(client)
            client.end()
            if not self._clients:
                assert self._loop is not None
                self._leaving = self._loop.call_later(self._linger_s, self._end.set)


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)


class _Client:
    """One connection that has shown the token."""

    def __init__(
        self,
        channel: wire.Channel,
        decode: DecodeLoop,
        loaded: asyncio.Future[EngineInfo],
        post: Callable[[Callable[[], None]], None],
        number: int,
    ) -> None:
        self.channel = channel
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

        def on_piece(piece: str) -> None:
            message = wire.notification("piece", {"id": number, "text": piece})
            self._post(lambda: self.channel.send(message))

        def on_done(outcome: GenerateResult | EngineError) -> None:
            self._post(lambda: self._answer_generate(number, outcome))

        # Both callbacks only post to this loop, so the entry is there before either runs.
        self._jobs[number] = self._decode.submit(request, on_piece, on_done)

    def _answer_generate(self, number: int, outcome: GenerateResult | EngineError) -> None:
        self._jobs.pop(number, None)
        if isinstance(outcome, EngineError):
            self.channel.send(wire.failure(number, outcome))
        else:
            self.channel.send(wire.response(number, convert.result_to_json(outcome)))
