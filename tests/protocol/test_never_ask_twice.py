"""What was offered is not asked for again: typing along, erasing, undo, coming back, reopening.

The server counts how often it asked the model for a request, and how often ahead of one.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from .client import PATIENCE_S, URI, Client, accept, started, write_script

BLOCK = "".join(f"\n    step_{n} = compute({n}, 'é😀')" for n in range(8)).strip()
HEAD, TAIL = "def f(value):\n    ", "\n\nprint(f(1))\n"


class Typist:
    """A document, its versions and a cursor, by whole texts."""

    def __init__(self, client: Client, before: str, after: str) -> None:
        self.client, self.before, self.after, self.version = client, before, after, 1
        client.open(before + after)

    def position(self) -> tuple[int, int]:
        line = self.before.rpartition("\n")[2]
        return self.before.count("\n"), len(line.encode("utf-16-le")) // 2

    def now(self, before: str, after: str | None = None) -> None:
        """The editor's text and cursor change."""
        self.before = before
        self.after = self.after if after is None else after
        self.version += 1
        self.client.change({"text": self.before + self.after}, version=self.version)

    async def offered(self) -> str:
        """What is offered; empty for nothing."""
        items = await self.client.inline(*self.position())
        if not items:
            return ""
        accepted = accept(self.before + self.after, items[0])
        assert accepted.startswith(self.before)
        return accepted[len(self.before) : len(accepted) - len(self.after)]

    async def asked(self) -> tuple[int, int]:
        """Generations for a request, and ahead of one, since the start."""
        asked = (await self.client.command("codellama.stats"))["asked"]
        return asked["visible"], asked["ahead"]


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
async def test_typing_a_block(ends: str, tmp_path: Path) -> None:
    """200 characters over several lines, one at a time: the model is asked once."""
    head, tail, block = (text.replace("\n", ends) for text in (HEAD, TAIL, BLOCK))
    assert len(block) > 200
    async with started(write_script(tmp_path, BLOCK, *["wrong"] * 300)) as client:
        await client.initialize(options={"maxTokens": 300})
        typist = Typist(client, head, tail)
        typed, requests = "", 0
        while len(typed) < len(block):
            assert await typist.offered() == block[len(typed) :]
            requests += 1
            # A line break and its indentation are one keystroke.
            step = 1
            if block.startswith(ends, len(typed)):
                step = len(ends) + 4
            typed = block[: len(typed) + step]
            typist.now(head + typed)
        visible, ahead = await typist.asked()
        assert visible == 1
        assert ahead <= 2
        outcomes = (await client.command("codellama.stats"))["outcomes"]
        assert (outcomes["offered"], outcomes["cached"]) == (1, requests - 1)


async def test_erasing_brings_the_earlier_one_back(tmp_path: Path) -> None:
    async with started(write_script(tmp_path, "compute(1)", "sum(values)", "wrong")) as client:
        await client.initialize(options={"speculate": False})
        typist = Typist(client, "x = ", "\ny = 2\n")
        assert await typist.offered() == "compute(1)"
        typist.now("x = com")
        assert await typist.offered() == "pute(1)"
        typist.now("x = co")
        assert await typist.offered() == "mpute(1)"
        typist.now("x = cos")
        assert await typist.offered() == "sum(values)"
        typist.now("x = co")
        assert await typist.offered() == "mpute(1)"
        typist.now("x = ")
        assert await typist.offered() == "compute(1)"
        assert await typist.asked() == (2, 0)


async def test_undo_and_coming_back(tmp_path: Path) -> None:
    async with started(write_script(tmp_path, "compute(1)", "other()", "wrong")) as client:
        await client.initialize(options={"speculate": False})
        typist = Typist(client, "a = 0\nx = ", "\ny = \n")
        assert await typist.offered() == "compute(1)"
        # Accepted, and undone.
        typist.now("a = 0\nx = compute(1)")
        typist.now("a = 0\nx = ")
        assert await typist.offered() == "compute(1)"
        # Another place, and back.
        typist.before, typist.after = "a = 0\nx = \ny = ", "\n"
        assert await typist.offered() == "other()"
        typist.before, typist.after = "a = 0\nx = ", "\ny = \n"
        assert await typist.offered() == "compute(1)"
        # Lines that came in above move both.
        typist.now("import os\n\n" + typist.before)
        await typist.offered()
        typist.now("a = 0\nx = ")
        assert await typist.offered() == "compute(1)"
        visible, _ = await typist.asked()
        assert visible == 3


async def test_closing_and_reopening(tmp_path: Path) -> None:
    async with started(write_script(tmp_path, "compute(1)", "wrong")) as client:
        await client.initialize(options={"speculate": False})
        typist = Typist(client, "x = ", "\ny = 2\n")
        assert await typist.offered() == "compute(1)"
        client.notify("textDocument/didClose", {"textDocument": {"uri": URI}})
        assert await client.inline(0, 4) == []
        typist = Typist(client, "x = ", "\ny = 2\n")
        assert await typist.offered() == "compute(1)"
        assert await typist.asked() == (1, 0)


async def test_another_text_is_another_question(tmp_path: Path) -> None:
    """The cache goes by the text around the cursor, not by the position."""
    async with started(write_script(tmp_path, "compute(1)", "other()")) as client:
        await client.initialize(options={"speculate": False})
        typist = Typist(client, "x = ", "\ny = 2\n")
        assert await typist.offered() == "compute(1)"
        typist.now("z = ")
        assert await typist.offered() == "other()"


async def test_typing_along_what_is_being_generated(tmp_path: Path) -> None:
    """What is typed while the text comes agrees with it, and the stream goes on.

    Nothing tells when its first piece is there, so the wait before typing grows until it was.
    """
    script = write_script(tmp_path, *[{"text": "compute(value, 1)", "pace_ms": 150}] * 40)
    async with started(script) as client, asyncio.timeout(PATIENCE_S):
        await client.initialize(options={"speculate": False, "debounceMs": 0})
        await client.status("ready")
        for attempt in range(20):
            uri = f"file:///{attempt}.py"
            client.open("x = \ny = 2\n", uri)
            asked = (await client.command("codellama.stats"))["asked"]["visible"]
            first = client.ask_inline(0, 4, uri=uri)[1]
            await asyncio.sleep(0.05 * attempt)
            client.change({"text": "x = co\ny = 2\n"}, uri=uri)
            (item,) = await client.inline(0, 6, uri=uri)
            told = [ended["outcome"] for ended in await client.command("codellama.why", uri)]
            if (await first)["items"] or told != ["cached", "superseded"]:
                continue
            assert item["insertText"] == "mpute(value, 1)"
            assert (await client.command("codellama.stats"))["asked"]["visible"] == asked + 1
            return
    raise AssertionError("the stream was never followed")


async def test_what_follows_an_accept_is_prepared_once(tmp_path: Path) -> None:
    async with started(write_script(tmp_path, "compute(1)", "2")) as client:
        await client.initialize()
        typist = Typist(client, "x = ", "\ny = 2\n")
        for typed in range(5):
            typist.now("x = " + "compute(1)"[:typed])
            assert await typist.offered() == "compute(1)"[typed:]
        assert await typist.asked() == (1, 1)
