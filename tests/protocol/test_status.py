"""Every state that a status bar can show, provoked through a real server, and progress."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from codellama_lsp.lsp.status import State

from .client import PATIENCE_S, URI, Client, Message, started, write_script

SECRETS = "file:///work/.env"


async def told(client: Client, state: State, words: str = "") -> Message:
    """Wait for a status in `state` with `words` in what it says; older ones count, too."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            for message in client.notifications:
                status: Message = message["params"]
                if (
                    message["method"] == "codellama/status"
                    and status["state"] == state
                    and words in status.get("message", "")
                ):
                    return status
            await client.command("codellama.why")


async def test_every_state(tmp_path: Path) -> None:
    # A busy machine answers well within the limit, and the slow answers are well above it.
    slow = {"text": "a", "delay_ms": 1200}
    script = write_script(tmp_path, {**slow, "load_ms": 300}, *[slow] * 3, *["b"] * 9)
    seen: set[str] = set()

    def forget() -> None:
        for message in client.notifications:
            if message["method"] == "codellama/status":
                seen.add(message["params"]["state"])
        client.notifications.clear()

    async with started(script) as client:
        await client.initialize(options={"slowMs": 1000, "speculate": False})
        await told(client, State.STARTING)
        loading = await told(client, State.LOADING)
        assert 0 <= loading["percent"] <= 100
        assert (await told(client, State.READY))["model"] == "scripted"
        for number in range(3):
            forget()
            client.open(f"x{number} = ", f"file:///{number}.py")
            await client.inline(0, 5, uri=f"file:///{number}.py")
            busy = await told(client, State.BUSY)
        assert "message" not in busy
        slowness = await told(client, State.SLOW, "suggestions take")
        assert "`model`" in slowness["remedy"]
        forget()
        # It stays what it is while the next one is answered.
        client.open("y = ", URI)
        await client.inline(0, 4)
        assert (await told(client, State.BUSY))["message"].startswith("suggestions take")
        assert State.READY not in {m["params"]["state"] for m in client.notifications}
        forget()
        # Looking at a file without suggestions, and back.
        client.open("KEY=", SECRETS, "dotenv")
        await told(client, State.OFF, "holds secrets")
        forget()
        client.notify("textDocument/didFocus", {"textDocument": {"uri": URI}})
        await told(client, State.SLOW)
        forget()
        client.notify("textDocument/didFocus", {"textDocument": {"uri": SECRETS}})
        await told(client, State.OFF, "holds secrets")
        client.notify("textDocument/didClose", {"textDocument": {"uri": SECRETS}})
        await told(client, State.SLOW)
        forget()
        # Fast again.
        for number in range(3, 9):
            client.open(f"x{number} = ", f"file:///{number}.py")
            await client.inline(0, 5, uri=f"file:///{number}.py")
        await told(client, State.READY)
        forget()
        await client.command("codellama.toggle")
        off = await told(client, State.OFF, "switched off")
        assert "codellama.toggle" in off["remedy"]
        await client.command("codellama.toggle")
        await told(client, State.READY)
        forget()
        script.write_text("no json")
        assert (await client.command("codellama.restartEngine"))["ok"] is True
        error = await told(client, State.ERROR, "script")
        assert error["remedy"]
        forget()
    assert seen == {state.value for state in State}


async def test_switched_on_later(tmp_path: Path) -> None:
    """Nothing was started while suggestions were off."""
    async with started(write_script(tmp_path, "a")) as client:
        await client.initialize(options={"enabled": False})
        await told(client, State.OFF)
        assert (await client.command("codellama.stats"))["engine"]["pid"] is None
        await client.command("codellama.toggle")
        await told(client, State.READY)


@pytest.mark.parametrize("supported", [True, False])
async def test_progress_while_loading(supported: bool, tmp_path: Path) -> None:
    script = write_script(tmp_path, {"text": "a", "load_ms": 2500})
    window: dict[str, Any] = {"workDoneProgress": supported}
    async with started(script) as client:
        await client.initialize(capabilities={"window": window, "textDocument": {}})
        await told(client, State.READY)
        steps = [
            message["params"]["value"]
            for message in client.notifications
            if message["method"] == "$/progress"
        ]
        if not supported:
            assert steps == []
            return
        assert steps[0]["kind"] == "begin"
        assert "scripted" in steps[0]["title"]
        reports = [step["percentage"] for step in steps[1:-1]]
        assert reports and reports == sorted(reports)
        assert steps[-1] == {"kind": "end"}
