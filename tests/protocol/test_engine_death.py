"""The engine is killed while it works on a request: the request is answered all the same."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

from .client import PATIENCE_S, started, write_script


async def test_killed_in_the_middle(tmp_path: Path) -> None:
    """A killed engine plays its script anew: the second try gets the same item."""
    script = write_script(tmp_path, {"text": "compute(1)", "delay_ms": 700})
    async with started(script) as client, asyncio.timeout(PATIENCE_S):
        await client.initialize()
        await client.status("ready")
        client.open("x = \n")
        pid = (await client.command("codellama.stats"))["engine"]["pid"]
        number, answer = client.ask_inline(0, 4)
        await client.status("busy")
        os.kill(pid, signal.SIGKILL)
        (item,) = (await answer)["items"]
        assert item["insertText"] == "compute(1)"
        stats = await client.command("codellama.stats")
        assert stats["engine"]["pid"] not in (None, pid)
        assert stats["outcomes"]["offered"] == 1
        assert (stats["requests"], stats["open"]) == (1, 0)
        assert client.answers_seen[number] == 1


async def test_a_prompt_that_crashes_it_is_refused_in_the_end(tmp_path: Path) -> None:
    """Two crashes and one more alone, all in the first request, and then never again."""
    script = write_script(tmp_path, {"text": "a", "crash": "boom = "}, "fine")
    async with started(script) as client:
        await client.initialize()
        client.open("boom = \n")
        outcomes = []
        pids = set()
        for _ in range(3):
            assert await client.inline(0, 7) == []
            outcomes.append((await client.command("codellama.why"))[0])
            pids.add((await client.command("codellama.stats"))["engine"]["pid"])
        assert [told["outcome"] for told in outcomes] == ["failed"] * 3
        assert all("crashed 3 times on this very text" in told["detail"] for told in outcomes)
        assert len(pids) == 1  # which no longer dies of it
        client.change({"text": "calm = \n"})
        assert len(await client.inline(0, 7)) == 1
