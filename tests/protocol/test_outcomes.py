"""Every outcome of the closed set, provoked in one run of the server, and shown by `stats`."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from codellama_lsp.completion.outcome import Outcome

from .client import PATIENCE_S, Client, RpcError, started, write_script

LONG_MS = 10_000


@attrs.frozen
class Row:
    """How to bring about an outcome."""

    outcome: Outcome
    text: str = "x = |\n"
    item: object = None
    """What the model says; None where it is not asked."""
    name: str = "a.py"
    language: str = "python"
    settings: dict[str, Any] = attrs.field(factory=dict)
    act: Callable[[Client, str, int, int], Awaitable[object]] | None = None
    """Instead of one request."""
    detail: str = ""
    """Words that tell why."""


async def cancel(client: Client, uri: str, line: int, character: int) -> None:
    number, answer = client.ask_inline(line, character, uri=uri)
    client.notify("$/cancelRequest", {"id": number})
    with pytest.raises(RpcError):
        await answer


async def supersede(client: Client, uri: str, line: int, character: int) -> None:
    _, older = client.ask_inline(line, character, uri=uri)
    await cancel(client, uri, line, character)
    assert (await older)["items"] == []


async def twice(client: Client, uri: str, line: int, character: int) -> None:
    await client.inline(line, character, uri=uri)
    await client.inline(line, character, uri=uri)


async def close(client: Client, uri: str, line: int, character: int) -> None:
    client.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
    await client.inline(line, character, uri=uri)


ROWS = [
    Row(Outcome.OFFERED, item="compute(1)"),
    Row(Outcome.CACHED, item="compute(1)", act=twice),
    Row(Outcome.SUPERSEDED, settings={"debounceMs": LONG_MS}, act=supersede),
    Row(Outcome.CANCELLED, settings={"debounceMs": LONG_MS}, act=cancel),
    Row(
        Outcome.DISABLED,
        language="markdown",
        settings={"languagesOff": ["markdown"]},
        detail="off for markdown",
    ),
    Row(Outcome.EXCLUDED, name=".env", detail="holds secrets"),
    Row(Outcome.SKIPPED, "ab|cd\n", detail="in the middle of a word"),
    Row(Outcome.EMPTY, item=""),
    Row(Outcome.FILTERED, "f(|)\n", item=")"),
    Row(
        Outcome.TIMED_OUT,
        item={"text": "    a", "pace_ms": 50},
        settings={"timeBudgetMs": 10},
        detail="time budget",
    ),
    Row(Outcome.INVALID, act=close, detail="never opened"),
    # The engine is another one from here on, with the script from its start.
    Row(Outcome.FAILED, "boom = |\n", detail="crashed 3 times"),
    # It is killed, and none can be started any more.
    Row(Outcome.ENGINE_DOWN, detail="script"),
]


async def provoke(client: Client, number: int, row: Row) -> None:
    uri = f"file:///{number}/{row.name}"
    before, after = row.text.split("|")
    client.notify("workspace/didChangeConfiguration", {"settings": {"codellama": row.settings}})
    client.open(before + after, uri, row.language)
    if row.act is None:
        await client.inline(0, len(before), uri=uri)
    else:
        await row.act(client, uri, 0, len(before))
    told = await client.command("codellama.why", uri)
    found = {ended["outcome"]: ended["detail"] for ended in told}
    assert row.outcome.value in found, (row.outcome, told)
    assert row.detail in found[row.outcome.value]


async def test_every_outcome(tmp_path: Path) -> None:
    assert {row.outcome for row in ROWS} == set(Outcome)
    items = [row.item for row in ROWS if row.item is not None]
    script = write_script(tmp_path, *items, {"text": "", "crash": "boom = "})
    async with started(script) as client, asyncio.timeout(PATIENCE_S):
        await client.initialize(options={"speculate": False})
        for number, row in enumerate(ROWS):
            if row.outcome is Outcome.ENGINE_DOWN:
                script.write_text("no json")
                os.kill((await client.command("codellama.stats"))["engine"]["pid"], signal.SIGKILL)
            await provoke(client, number, row)
        stats = await client.command("codellama.stats")
        assert all(stats["outcomes"].values()), stats["outcomes"]
        assert stats["open"] == 0
        assert sum(stats["outcomes"].values()) == stats["requests"]
        assert await client.shutdown() == 0
    told = json.loads(await shown("--json"))
    assert told["outcomes"] == stats["outcomes"]
    assert told["requests"] == stats["requests"]
    drawn = await shown()
    for outcome in Outcome:
        assert f"\n  {outcome.value} " in drawn
        if not outcome.has_items:
            assert any(reason.startswith(outcome.value) for reason in told["nothing"])


async def shown(*arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "codellama_lsp", "stats", *arguments, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    return out.decode()
