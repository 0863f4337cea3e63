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


def _chosen(context: WorkspaceContext) -> list[str]:
    windows = WindowTracker(_URI).windows(_TEXT, len(_TEXT), WindowBudget(400, 200))
    asked = Asked(_URI, "python", _TEXT, len(_TEXT), windows, 500, 3.0, 100.0)
    return [segment.text for segment in context.chosen(asked)]


async def _open(context: WorkspaceContext) -> None:
    context.set_folders([Path("/w/app")], watch=False)
    context.opened(_URI, "python", lambda: _TEXT)
    assert _chosen(context) == []
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
    await reading.wait()
    assert read == [(_URI, ["# b.py\ndef f(): ...\n"])]
    assert _chosen(context) == []
    done.set()
    for _ in range(10):
        await asyncio.sleep(0)
    assert _chosen(context) == ["# b.py\ndef f(): ...\n"]


async def test_where_nobody_reads_ahead_they_hold_it_at_once(context: WorkspaceContext) -> None:
    await _open(context)
    assert _chosen(context) == ["# b.py\ndef f(): ...\n"]
