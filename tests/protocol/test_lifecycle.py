"""Starting, ending, and what survives what: processes, not messages."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .client import PATIENCE_S, Client, started, write_script

FOREVER_MS = 3_600_000


async def engine_pid(client: Client) -> int:
    await client.status("ready")
    pid = (await client.command("codellama.stats"))["engine"]["pid"]
    assert isinstance(pid, int)
    return pid


async def ended(pid: int) -> None:
    """Wait until process `pid` is no more, or only waits to be collected."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
            except (FileNotFoundError, ProcessLookupError):
                return
            if state == "Z":
                return
            await asyncio.sleep(0.01)


async def ready(client: Client, **initialize: Any) -> int:
    """Initialize, begin a request that takes an hour, and say which process works on it."""
    await client.initialize(**initialize)
    client.open("x = ")
    pid = await engine_pid(client)
    client.ask_inline(0, 4)
    return pid


@pytest.fixture
def script(tmp_path: Path) -> Path:
    return write_script(tmp_path, {"text": "a", "delay_ms": FOREVER_MS}, "b", "c")


async def test_shutdown_and_exit(script: Path) -> None:
    async with started(script) as client:
        pid = await ready(client)
        assert await client.shutdown() == 0
        await ended(pid)
        assert set(client.answers_seen.values()) == {1}


async def test_exit_without_shutdown(script: Path) -> None:
    async with started(script) as client:
        pid = await ready(client)
        client.notify("exit")
        assert await client.wait() == 1
        await ended(pid)


async def test_end_of_input(script: Path) -> None:
    async with started(script) as client:
        pid = await ready(client)
        assert client.process.stdin is not None
        client.process.stdin.close()
        assert await client.wait() == 0
        await ended(pid)


async def test_end_before_initialize(script: Path) -> None:
    async with started(script) as client:
        client.notify("exit")
        assert await client.wait() == 1


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
async def test_killed_server_leaves_no_engine(script: Path) -> None:
    async with started(script) as client:
        pid = await ready(client)
        client.process.kill()
        await ended(pid)


async def test_parent_vanishes(script: Path) -> None:
    """Our input stays open, as if another process held the other end."""
    parent = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    async with started(script) as client:
        pid = await ready(client, processId=parent.pid)
        parent.kill()  # Not collected: a zombie, as under an editor that crashed.
        assert await client.wait() == 1
        await ended(pid)
    parent.wait()


async def test_a_parent_that_cannot_be_seen_is_none(script: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    async with started(script) as client:
        await client.initialize(processId=gone.pid)
        await engine_pid(client)
        assert await client.shutdown() == 0


async def test_killed_engine(script: Path) -> None:
    async with started(script) as client, asyncio.timeout(PATIENCE_S):
        await client.initialize()
        client.open("x = ")
        os.kill(await engine_pid(client), signal.SIGKILL)
        # A new engine plays its script from the start. Kill it in the middle of the hour.
        answer = client.ask_inline(0, 4)[1]
        while not await client.patient(answer):
            pid = (await client.command("codellama.stats"))["engine"]["pid"]
            if pid is not None:
                os.kill(pid, signal.SIGKILL)
        assert answer.result()["items"] == []
        assert await client.why() == "engine_down"
        write_script(script.parent, "b")
        client.notifications.clear()
        answer = client.ask_inline(0, 4)[1]
        if not await client.patient(answer):  # The engine that read the old script came first.
            await client.command("codellama.restartEngine")  # It is tried again on the new one.
        items = (await answer)["items"]
        assert items, await client.command("codellama.why")
        assert items[0]["insertText"] == "b"


async def test_restart_command(script: Path) -> None:
    async with started(script) as client:
        pid = await ready(client)
        assert (await client.command("codellama.restartEngine"))["ok"] is True
        await ended(pid)
        again = (await client.command("codellama.stats"))["engine"]["pid"]
        assert again not in (None, pid)


async def test_an_engine_that_cannot_start(tmp_path: Path) -> None:
    script = tmp_path / "script.json"
    script.write_text("no json")
    async with started(script) as client:
        await client.initialize()
        status = await client.status("error")
        assert "script" in status["message"]
        assert status["remedy"]
        client.open("x = ")
        assert await client.inline(0, 4) == []
        assert await client.why() == "engine_down"
        write_script(tmp_path, "b")
        assert (await client.command("codellama.restartEngine"))["ok"] is True
        assert len(await client.inline(0, 4)) == 1


async def test_tcp(tmp_path: Path) -> None:
    script = write_script(tmp_path, "1")
    async with started(script, "--tcp", "127.0.0.1:0") as client:
        async with asyncio.timeout(PATIENCE_S):
            while b"listening on" not in client.stderr:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        host, port = client.stderr.split()[-1].decode().split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        body = b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"capabilities":{}}}'
        writer.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        header = await reader.readuntil(b"\r\n\r\n")
        assert b"Content-Length" in header
        writer.close()
        assert await client.wait() == 0


async def test_settings(tmp_path: Path) -> None:
    async with started(write_script(tmp_path, "a\n    b", "a\n    b", "c")) as client:
        client.settings = {"multiLine": "never", "model": "/evil.gguf", "bogus": 1}
        await client.initialize(options={"maxTokens": "many"})
        client.open("def f():\n    ")
        async with asyncio.timeout(PATIENCE_S):
            while sum(m["method"] == "window/showMessage" for m in client.notifications) < 3:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        shown = " ".join(
            m["params"]["message"]
            for m in client.notifications
            if m["method"] == "window/showMessage"
        )
        assert '"model"' in shown
        assert "bogus" in shown
        assert "maxTokens" in shown
        (item,) = await client.inline(1, 4)
        assert item["insertText"] == "a"
        client.notify("workspace/didChangeConfiguration", {"settings": {"codellama": {}}})
        (item,) = await client.inline(1, 4)
        assert item["insertText"] == "a\n    b"
        client.settings = {"enabled": False}
        client.notify("workspace/didChangeConfiguration", {"settings": None})
        await client.status("off")
        assert await client.inline(1, 4) == []
