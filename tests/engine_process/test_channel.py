"""Both ends of a channel on one loop, over a real socket."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from codellama_lsp.engine import channel as channels
from codellama_lsp.engine import wire
from codellama_lsp.engine.channel import Channel

_BIG = "x" * 200_000
"""More than a socket takes at once."""


class Heard:
    """What one end was handed over."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.ended = asyncio.Event()
        self.error: wire.WireError | None = None

    def line(self, line: bytes) -> None:
        """As `Channel.listen` wants it."""
        self.texts.append(wire.decode(line)["params"])

    def end(self, error: wire.WireError | None) -> None:
        """Likewise."""
        assert not self.ended.is_set()
        self.error = error
        self.ended.set()


@contextlib.asynccontextmanager
async def pair(path: Path) -> AsyncIterator[tuple[Channel, Channel]]:
    loop = asyncio.get_running_loop()
    accepted: asyncio.Future[Channel] = loop.create_future()
    server = await loop.create_unix_server(lambda: Channel(accepted.set_result), str(path))
    _, one = await loop.create_unix_connection(Channel, str(path))
    other = await accepted
    try:
        yield one, other
    finally:
        one.close()
        other.close()
        server.close()


def say(text: str) -> wire.Message:
    return wire.notification("say", text)


@pytest.fixture
def path(state_dir: Path) -> Path:
    return state_dir / "c.sock"


async def test_threads_send_in_their_order(path: Path) -> None:
    heard = Heard()
    async with pair(path) as (one, other):

        def send(name: str) -> None:
            for number in range(60):
                one.send(say(f"{name} {number} {_BIG if number % 20 == 3 else ''}"))

        threads = [threading.Thread(target=send, args=(name,)) for name in "abc"]
        for thread in threads:
            thread.start()
        other.listen(heard.line, heard.end)
        await asyncio.to_thread(lambda: [thread.join() for thread in threads])
        one.close()
        await asyncio.wait_for(heard.ended.wait(), 20)
    for name in "abc":
        numbers = [int(text.split()[1]) for text in heard.texts if text.startswith(name)]
        assert numbers == list(range(60))
    assert sum(_BIG in text for text in heard.texts) == 9
    assert heard.error is None


async def test_closing_sends_what_is_queued(path: Path) -> None:
    heard = Heard()
    async with pair(path) as (one, other):
        for _ in range(10):
            one.send(say(_BIG))
        one.close()
        one.send(say("too late"))
        other.listen(heard.line, heard.end)
        await asyncio.wait_for(heard.ended.wait(), 20)
    assert heard.texts == [_BIG] * 10


async def test_lines_wait_for_whoever_listens(path: Path) -> None:
    heard = Heard()
    async with pair(path) as (one, other):
        for text in ("first", "second", "third"):
            one.send(say(text))
        line = await other.line()
        assert line is not None
        assert wire.decode(line)["params"] == "first"
        one.close()
        await asyncio.sleep(0.05)
        other.listen(heard.line, heard.end)
        assert heard.texts == ["second", "third"]
        await asyncio.wait_for(heard.ended.wait(), 20)
        assert await other.line() is None


@pytest.mark.parametrize("ended", [True, False])
async def test_a_stranger_may_not_say_much(path: Path, ended: bool) -> None:
    async with pair(path) as (one, other):
        one._transport.write(b"y" * (wire.MAX_HELLO_BYTES + 1) + b"\n" * ended)
        with pytest.raises(wire.WireError):
            await asyncio.wait_for(other.line(), 20)


async def test_who_reads_nothing_is_dropped(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels, "_MAX_UNSENT_BYTES", 1_000_000)
    heard, silent = Heard(), Heard()
    async with pair(path) as (one, other):
        one.listen(heard.line, heard.end)
        other.listen(silent.line, silent.end)
        other._transport.pause_reading()
        for _ in range(20):
            one.send(say(_BIG))
        await asyncio.wait_for(heard.ended.wait(), 20)
        one.send(say("nobody is there"))
    assert heard.error is None
    assert silent.texts == []
