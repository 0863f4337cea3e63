"""When what was chosen for a document gets into its prompts: once it has been read."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from codellama_lsp.context.assemble import Assembly, Chunk, Piece
from codellama_lsp.context.index.messages import assembly_to_json
from codellama_lsp.context.related import Asked
from codellama_lsp.context.windows import WindowBudget, WindowTracker
from codellama_lsp.engine.protocol import Segment
from codellama_lsp.workspace.client import IndexClient
from codellama_lsp.workspace.context import WorkspaceContext

_URI = "file:///w/app/a.py"
_TEXT = "x = 1\n"
_SLOW, _FAST = 100.0, 10_000.0


@pytest.fixture
def context(monkeypatch: pytest.MonkeyPatch) -> WorkspaceContext:
    """An index that chooses one chunk."""
    piece = Piece("f", 0, "def f(): ...", "signature", 1.0, ("imported",), True)
    assembly = Assembly((Chunk("b.py", "# b.py\ndef f(): ...\n", 10, (piece,)),), (), 500)

    async def start(client: IndexClient) -> None:
        client.on_start()

    async def ask(client: IndexClient, method: str, params: dict[str, Any]) -> Any:
        return assembly_to_json(assembly)

    monkeypatch.setattr(IndexClient, "start", start)
    monkeypatch.setattr(IndexClient, "tell", lambda *_: True)
    monkeypatch.setattr(IndexClient, "ask", ask)
    monkeypatch.setattr(IndexClient, "pid", 1)
    return WorkspaceContext()


def _asked(tracker: WindowTracker, tokens_per_s: float, text: str = _TEXT) -> Asked:
    windows = tracker.windows(text, len(text), WindowBudget(400, 200))
    return Asked(_URI, "python", text, len(text), windows, 500, 3.0, tokens_per_s)


def _chosen(context: WorkspaceContext) -> list[str]:
    segments = context.chosen(_asked(WindowTracker(_URI), _SLOW))
    return [segment.text for segment in segments]


async def _open(context: WorkspaceContext, tokens_per_s: float = _SLOW) -> None:
    context.set_folders([Path("/w/app")], watch=False)
    context.opened(_URI, "python", lambda: _TEXT)
    await context.prepare(_asked(WindowTracker(_URI), tokens_per_s))


async def _wait() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_prompts_hold_what_has_been_read(context: WorkspaceContext) -> None:
    reading, done = asyncio.Event(), asyncio.Event()
    read: list[tuple[str, list[str]]] = []

    async def read_ahead(uri: str, segments: tuple[Segment, ...]) -> None:
        read.append((uri, [segment.text for segment in segments]))
        reading.set()
        await done.wait()

    context.read_ahead = read_ahead
    await _open(context)
    assert _chosen(context) == []
    await reading.wait()
    assert read == [(_URI, ["# b.py\ndef f(): ...\n"])]
    assert _chosen(context) == []
    done.set()
    await _wait()
    assert _chosen(context) == ["# b.py\ndef f(): ...\n"]


async def test_where_nobody_reads_ahead_they_hold_it_at_once(context: WorkspaceContext) -> None:
    await _open(context)
    await _wait()
    assert _chosen(context) == ["# b.py\ndef f(): ...\n"]


async def test_where_it_is_not_felt_the_first_request_reads_it(context: WorkspaceContext) -> None:
    async def read_ahead(uri: str, segments: tuple[Segment, ...]) -> None:
        pytest.fail("it is read twice")

    context.read_ahead = read_ahead
    await _open(context, _FAST)
    assert _chosen(context) == ["# b.py\ndef f(): ...\n"]


async def test_no_request_waits_long_for_a_choice(
    context: WorkspaceContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    never = asyncio.Event()

    async def ask(client: IndexClient, method: str, params: dict[str, Any]) -> Any:
        await never.wait()

    monkeypatch.setattr(IndexClient, "ask", ask)
    async with asyncio.timeout(20):
        await _open(context, _FAST)
    assert _chosen(context) == []


async def test_typing_on_and_coming_back_ask_for_nothing(
    context: WorkspaceContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _open(context, _FAST)
    before = _chosen(context)
    asked: list[str] = []

    async def ask(client: IndexClient, method: str, params: dict[str, Any]) -> Any:
        asked.append(method)

    monkeypatch.setattr(IndexClient, "ask", ask)
    other = "file:///w/app/c.py"
    context.opened(other, "python", lambda: "")
    tracker = WindowTracker(_URI)
    for count in range(60):
        context.focused(_URI if count % 2 else other)
        await context.prepare(_asked(tracker, _FAST, _TEXT + "y" * count))
    await _wait()
    assert asked == []
    assert _chosen(context) == before


#: What is typed on the line that something was chosen for, and whether that asks again.
CALLS = [
    ("x = scale(", True),
    ("x = scale(1, ", False),
    ("x = f(", False),  # its signature is shown
    ("x = (", False),
    ("x = shape.scale(", True),
]


@pytest.mark.parametrize(("line", "asks"), CALLS)
async def test_a_call_that_is_begun_asks_for_its_signature(
    context: WorkspaceContext, monkeypatch: pytest.MonkeyPatch, line: str, asks: bool
) -> None:
    offsets: list[int] = []
    ask = IndexClient.ask

    async def counted(client: IndexClient, method: str, params: dict[str, Any]) -> Any:
        offsets.append(params["offset"])
        return await ask(client, method, params)

    monkeypatch.setattr(IndexClient, "ask", counted)
    await _open(context, _FAST)
    before = len(offsets)
    tracker = WindowTracker(_URI)
    start = "\n" * 500 + _TEXT + "\n"
    for count in range(700):  # as much typing as pays for reading the windows again
        await context.prepare(_asked(tracker, _FAST, start + "y" * count + "\n"))
        await _wait()
    offsets.clear()
    for _ in range(2):
        await context.prepare(_asked(tracker, _FAST, start + "y" * 699 + "\n" + line))
        await _wait()
    assert before and len(offsets) == int(asks)
