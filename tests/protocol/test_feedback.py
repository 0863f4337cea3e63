"""What clients say of suggestions is counted and kept, and `stats` shows it."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from codellama_lsp.telemetry.report import EVENTS, IN_WORDS

from .client import PATIENCE_S, URI, Client, started, write_script


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
    assert "accepted, of suggestions offered" in drawn


Item = dict[str, Any]


def show(client: Client, item: Item) -> None:
    client.notify("textDocument/didShowCompletion", {"item": item})


def take_part(client: Client, item: Item) -> None:
    params = {"item": item, "acceptedLength": 3}
    client.notify("textDocument/didPartiallyAcceptCompletion", params)


def taking(client: Client, item: Item) -> asyncio.Future[Any]:
    params = {name: item["command"][name] for name in ("command", "arguments")}
    return client.ask("workspace/executeCommand", params)[1]


async def take(client: Client, item: Item) -> None:
    async with asyncio.timeout(PATIENCE_S):
        await taking(client, item)


async def ignored(client: Client, item: Item) -> None:
    """A client that says nothing."""


async def shown(client: Client, item: Item) -> None:
    show(client, item)
    show(client, item)  # Drawn again: the same suggestion.


async def rejected(client: Client, item: Item) -> None:
    show(client, item)
    client.change({"text": "y = \n"})
    await client.inline(0, 4)


async def closed(client: Client, item: Item) -> None:
    show(client, item)
    client.notify("textDocument/didClose", {"textDocument": {"uri": URI}})


async def typed_by_hand(client: Client, item: Item) -> None:
    show(client, item)
    client.change({"text": "x = compute(1)\ny = \n"})
    await client.inline(1, 4)


async def typed_along(client: Client, item: Item) -> None:
    """What is left of a suggestion is the same suggestion."""
    show(client, item)
    for typed in range(1, 4):
        client.change({"text": f"x = {'compute'[:typed]}\n"}, version=typed + 1)
        (item,) = await client.inline(0, 4 + typed)
        show(client, item)
    await take(client, item)


async def partly(client: Client, item: Item) -> None:
    show(client, item)
    take_part(client, item)
    take_part(client, item)
    client.change({"text": "y = \n"})
    await client.inline(0, 4)


async def cycled(client: Client, item: Item) -> None:
    """Candidates are one suggestion, whichever was looked at and taken."""
    client.open("z = \n", "file:///other.py")
    items = await client.inline(0, 4, uri="file:///other.py", trigger=1)
    assert len(items) == 2
    show(client, items[0])
    show(client, items[1])
    await take(client, items[1])


async def kept(client: Client, item: Item) -> None:
    client.change({"text": "x = compute(1)\n"})
    await take(client, item)
    await looked_after()


async def changed(client: Client, item: Item) -> None:
    # Without waiting for the answer: the server looks soon.
    answer = taking(client, item)
    client.change({"text": "x = calculate(1)\n"})
    await answer
    await looked_after()


async def closed_before(client: Client, item: Item) -> None:
    answer = taking(client, item)
    client.notify("textDocument/didClose", {"textDocument": {"uri": URI}})
    await answer
    await looked_after()


async def looked_after() -> None:
    """Longer than the server waits before it looks."""
    await asyncio.sleep(3 * KEPT_AFTER_S)


KEPT_AFTER_S = 0.3

#: What a client does with a suggestion, and what is counted of it.
FATES: dict[Any, dict[str, int]] = {
    ignored: {"offered": 1},
    shown: {"offered": 1, "shown": 1},
    rejected: {"offered": 2, "shown": 1, "rejected": 1},
    closed: {"offered": 1, "shown": 1, "rejected": 1},
    typed_by_hand: {"offered": 2, "shown": 1, "typed": 1},
    typed_along: {"offered": 1, "shown": 1, "accepted": 1},
    partly: {"offered": 2, "shown": 1, "partially": 1},
    cycled: {"offered": 2, "shown": 1, "accepted": 1},
    kept: {"offered": 1, "accepted": 1, "kept": 1},
    changed: {"offered": 1, "accepted": 1, "changed": 1},
    closed_before: {"offered": 1, "accepted": 1},
}


async def live(fate: Any, script: Path, name: str, language: str) -> None:
    """One suggestion's life in an editor called `name`."""
    async with started(script, "--kept-after-s", str(KEPT_AFTER_S)) as client:
        await client.initialize(clientInfo={"name": name})
        client.open("x = \n", language=language)
        (item,) = await client.inline(0, 4)
        await fate(client, item)
        assert await client.shutdown() == 0


@pytest.mark.parametrize("fate", FATES, ids=lambda fate: fate.__name__)
async def test_fates(fate: Any, tmp_path: Path) -> None:
    script = write_script(tmp_path, "compute(1)", "other", "another")
    await live(fate, script, "an editor", "python")
    told = json.loads(await stats("--json"))
    expected = dict.fromkeys(EVENTS, 0) | FATES[fate]
    assert told["events"] == expected
    for name, group in {"client": "an editor", "language": "python", "plan": "line"}.items():
        counts = dict(told["by"][name][group])
        del counts["rates"]
        assert counts == expected


async def test_every_event_has_a_fate() -> None:
    assert {event for events in FATES.values() for event in events} == set(EVENTS)


async def test_rates_and_drawing(tmp_path: Path) -> None:
    """Two editors: one says what it shows, one doesn't; only the first counts for what is shown."""
    script = write_script(tmp_path, "compute(1)", "other")
    for fate in (shown, rejected, typed_along, partly):
        await live(fate, script, "telling", "python")
    for fate in (ignored, kept, changed, kept):
        await live(fate, script, "silent", "go")
    told = json.loads(await stats("--json"))
    assert (
        told["rates"]
        | {
            "accepted_of_offered": 0.4,
            "partially_of_offered": 0.1,
            "accepted_of_shown": 0.25,
            "partially_of_shown": 0.25,
            "rejected_of_shown": 0.25,
            "kept_of_looked_at": round(2 / 3, 4),
        }
        == told["rates"]
    )
    assert told["by"]["client"]["silent"]["rates"]["accepted_of_shown"] is None
    assert told["by"]["client"]["silent"]["rates"]["accepted_of_offered"] == 0.75
    assert told["by"]["language"]["python"]["rates"]["accepted_of_shown"] == 0.25
    assert told["asked"]["visible"] == 10
    drawn = await stats()
    there = {*EVENTS.values(), *IN_WORDS.values(), "telling", "silent", "by plan"}
    for words in there - {EVENTS["typed"]}:  # nobody did
        assert words in drawn, words
    assert "25.0% accepted, of suggestions shown" in drawn


async def test_nothing_counted_yet(tmp_path: Path) -> None:
    assert "Nothing was counted yet" in await stats()
