"""A real model behind the real server, as an editor uses them."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Any

import pytest

from codellama_lsp.models.catalogue import NoSuchModelError, resolve_model

from .client import PATIENCE_S, URI, Client, accept, started

pytestmark = pytest.mark.engine

BEFORE = (
    "import os\n\n\ndef read(path):\n    with open(path) as file:\n        return file.read()\n"
    "\n\ndef write(path, text):\n    with open(path, 'w') as file:\n        "
)
AFTER = "\n\n\ndef remove(path):\n    os.remove(path)\n"


@pytest.fixture(autouse=True)
def model() -> None:
    pytest.importorskip("llama_cpp", reason="llama-cpp-python is not installed")
    try:
        resolve_model(None)
    except NoSuchModelError:
        pytest.skip("the embedded model is not there")


async def last(client: Client) -> dict[str, Any]:
    told: dict[str, Any] = (await client.command("codellama.why", URI))[0]
    return told


async def test_typing() -> None:
    """Something real is offered, and after the first time a character costs next to nothing."""
    async with started(None) as client:
        await client.initialize(["utf-32"])
        client.open(BEFORE + AFTER)
        line, character = BEFORE.count("\n"), 8
        text, fresh, offered = BEFORE, [], 0
        for version, char in enumerate("file.write(text)", start=2):
            at = {"line": line, "character": character}
            client.change({"range": {"start": at, "end": at}, "text": char}, version=version)
            text, character = text + char, character + 1
            for item in await client.inline(line, character):
                offered += 1
                assert accept(text + AFTER, item).startswith(text + item["insertText"])
            told = await last(client)
            assert told["outcome"] in ("offered", "cached", "empty", "filtered", "skipped"), told
            if told["outcome"] == "offered":
                fresh.append(told["tokens"]["fresh"])
        assert offered
        # What is typed along an offered text costs nothing at all; the rest its own tokens.
        assert len(fresh) < 16
        assert sorted(fresh[1:])[len(fresh[1:]) // 2] <= 2
        assert await client.shutdown() == 0


async def test_killed_while_it_thinks() -> None:
    async with started(None) as client, asyncio.timeout(PATIENCE_S):
        await client.initialize()
        await client.status("ready")
        client.open(BEFORE + AFTER)
        line = BEFORE.count("\n")
        _, answer = client.ask_inline(line, 8)
        pid = (await client.command("codellama.stats"))["engine"]["pid"]
        os.kill(pid, signal.SIGKILL)
        assert isinstance((await answer)["items"], list)  # It may have been quicker than we.
        await client.inline(line, 8)
        assert (await last(client))["outcome"] in ("offered", "cached", "empty", "filtered")
        assert (await client.command("codellama.stats"))["engine"]["pid"] not in (None, pid)


async def test_same_text_same_answer() -> None:
    async with started(None) as client:
        await client.initialize()
        client.open(BEFORE + AFTER)
        line = BEFORE.count("\n")
        first = await client.inline(line, 8)
        again = await client.inline(line, 8)
        assert [item["insertText"] for item in again] == [item["insertText"] for item in first]
        assert (await last(client))["tokens"]["fresh"] <= 2
