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

from codellama_lsp.engine import wire
from codellama_lsp.engine.backend import Backend
from codellama_lsp.engine.bell import Bell
from codellama_lsp.engine.channel import Channel
from codellama_lsp.engine.decode import DecodeLoop
from codellama_lsp.engine.hosted_client import HostedClient
from codellama_lsp.engine.protocol import (
    PROTOCOL_VERSION,
    EngineInfo,
    EngineStartError,
)
from codellama_lsp.engine.quiet import Quiet
from codellama_lsp.engine.wishes import Wishes, from_json

log = logging.getLogger(__name__)

_HELLO_TIMEOUT_S = 5.0
_LOADING_STEP = 0.05
_LOOK_S = 1.0


class EngineHost:
    """Serves one backend until its last client has gone.

    `linger_s`: how long to wait for another client then, at least; clients may wish for more.
    `first_client_s`: how long to wait for the first one. `token`: what a client has to know.
    `on_core`: told the core that somebody waits on, where that matters.
    """

    def __init__(
        self,
        backend: Backend,
        token: str,
        *,
        linger_s: float = 0.0,
        first_client_s: float = 30.0,
        quiet: Quiet | None = None,
        bell: Bell | None = None,
        on_core: Callable[[int], None] = lambda core: None,
    ) -> None:
        self._on_core = on_core
        self._token = token
        self._linger_s = linger_s
        self._first_client_s = first_client_s
        self._decode = DecodeLoop(
            backend,
            on_loading=self._report,
            on_loaded=lambda outcome: self._post(lambda: self._on_loaded(outcome)),
            quiet=quiet,
            bell=bell,
        )
        self._stay_until_s = 0.0
        self._path: Path
        self._loop: asyncio.AbstractEventLoop | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._clients: set[HostedClient] = set()
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
        self._path = path
        self._loaded = self._loop.create_future()
        self._loaded.add_done_callback(lambda loaded: loaded.cancelled() or loaded.exception())
        self._end = asyncio.Event()
        self._leaving = self._loop.call_later(self._first_client_s, self._end.set)
        # A socket gets its mode from the umask at bind; there must be no moment without it.
        umask = os.umask(0o177)
        try:
            server = await self._loop.create_unix_server(
                lambda: Channel(self._on_connection), str(path)
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
        if share < self._reported:
            self._reported = 0.0  # it loads again, after it had been freed
        if share >= min(1.0, self._reported + _LOADING_STEP) > self._reported:
            self._reported = share
            self._post(lambda: self._on_loading(share))

    def _on_loading(self, share: float) -> None:
        self._share = share
        for client in self._clients:
            client.channel.send(wire.notification("loading", {"share": share}))

    def _on_loaded(self, outcome: EngineInfo | EngineStartError) -> None:
        if self._loaded.done():
            if isinstance(outcome, EngineInfo):
                for client in self._clients:
                    client.channel.send(wire.notification("loaded", {}))
        elif isinstance(outcome, EngineStartError):
            self._loaded.set_exception(outcome)
        else:
            self._loaded.set_result(outcome)

    def _on_connection(self, channel: Channel) -> None:
        task = asyncio.create_task(self._serve(channel))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _serve(self, channel: Channel) -> None:
        try:
            wishes = await self._shake_hands(channel)
            if wishes is not None:
                await self._talk(channel, wishes)
        except (ConnectionError, OSError):
            pass
        finally:
            channel.close()

    async def _shake_hands(self, channel: Channel) -> Wishes | None:
        """What the client wishes; None: it may not stay. A stranger learns nothing but that."""
        number: object = None
        try:
            async with asyncio.timeout(_HELLO_TIMEOUT_S):
                line = await channel.line()
            if line is None or self._end.is_set():
                return None
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
            return None
        except (wire.WireError, wire.RefusedError) as error:
            log.warning("a connection was refused: %s", error.message)
            channel.send(wire.failure(number, error))
            return None
        channel.send(wire.response(number, {"protocol": PROTOCOL_VERSION, "pid": os.getpid()}))
        return from_json(params.get("wishes"))

    async def _talk(self, channel: Channel, wishes: Wishes) -> None:
        self._leaving.cancel()
        self._clients_seen += 1
        client = HostedClient(
            channel,
            self._decode,
            self._loaded,
            self._post,
            self._clients_seen,
            wishes,
            self._on_core,
        )
        client.on_wishes = self._take_wishes
        self._clients.add(client)
        self._take_wishes()
        channel.send(wire.notification("loading", {"share": self._share}))
        try:
            await client.run()
        finally:
            self._clients.discard(client)
            client.end()
            self._leave(client.wishes)

    def _leave(self, wishes: Wishes) -> None:
        """A client has gone; the engine stays as long as any of them wished."""
        assert self._loop is not None
        linger_s = max(self._linger_s, wishes.linger_s)
        self._stay_until_s = max(self._stay_until_s, self._loop.time() + linger_s)
        if not self._clients:
            self._linger()

    def _linger(self) -> None:
        """End in time, or when nobody could find this engine any more."""
        assert self._loop is not None
        left_s = self._stay_until_s - self._loop.time()
        if left_s <= 0 or not self._path.exists():
            self._end.set()
        else:
            self._leaving = self._loop.call_later(min(left_s, _LOOK_S), self._linger)

    def _take_wishes(self) -> None:
        """Free an idle model only as early as everyone here wants it."""
        wished = [client.wishes.idle_free_s for client in self._clients]
        self._decode.free_after(max(wished) if wished and all(wished) else 0.0)


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
