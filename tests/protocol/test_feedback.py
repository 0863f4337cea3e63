"""What clients say of suggestions is counted and kept, and `stats` shows it; the menu's item."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from .client import started, write_script

CAPABILITIES: dict[str, Any] = {"capabilities": {"textDocument": {}}}


async def stats(*arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "codellama_lsp", "stats", *arguments, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    return out.decode()


async def test_the_fate_of_a_suggestion(tmp_path: Path) -> None:
    async with started(write_script(tmp_path, "compute(1)", "")) as client:
        await client.initialize(clientInfo={"name": "an editor"})
        client.open("x = \ny = \n")
        (item,) = await client.inline(0, 4)
        client.notify("textDocument/didShowCompletion", {"item": item})
        client.notify(
            "textDocument/didPartiallyAcceptCompletion", {"item": item, "acceptedLength": 3}
        )
        await client.command(item["command"]["command"], *item["command"]["arguments"])
        assert await client.inline(1, 4) == []
        assert await client.shutdown() == 0
    told = json.loads(await stats("--json"))
    assert (told["outcomes"]["offered"], told["outcomes"]["empty"]) == (1, 1)
    assert told["events"] | {"shown": 1, "accepted": 1, "partially": 1} == told["events"]
    assert told["by"]["client"]["an editor"]["accepted"] == 1
    assert told["by"]["language"]["python"]["offered"] == 1
    assert told["by"]["plan"]["line"]["offered"] == 1
    assert told["rates"]["accepted_of_offered"] == 1.0
    drawn = await stats()
    assert "█" in drawn
    assert "accepted of offered" in drawn


async def test_nothing_counted_yet(tmp_path: Path) -> None:
    assert "Nothing was counted yet" in await stats()


async def test_one_item_in_the_menu(tmp_path: Path) -> None:
    async with started(write_script(tmp_path, "ute(1)\ny = 2")) as client:
        result = await client.initialize(**CAPABILITIES)
        assert result["capabilities"]["completionProvider"]["triggerCharacters"]
        client.open("é = comp\n")
        answer = await client.request(
            "textDocument/completion",
            {"textDocument": {"uri": "file:///work/a.py"}, "position": {"line": 0, "character": 8}},
        )
        (item,) = answer["items"]
        assert item["label"] == item["filterText"] == "compute(1)"
        assert item["textEdit"] == {
            "newText": "compute(1)",
            "range": {"start": {"line": 0, "character": 4}, "end": {"line": 0, "character": 8}},
        }


async def test_no_item_where_there_is_a_better_way(tmp_path: Path) -> None:
    async with started(write_script(tmp_path)) as client:
        assert "completionProvider" not in (await client.initialize())["capabilities"]
