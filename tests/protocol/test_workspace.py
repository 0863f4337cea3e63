"""Code of the workspace, through a real server and its real index process."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from .client import PATIENCE_S, Client, Message, started, write_script
from .test_lifecycle import ended

SHAPES = "def scale_shape(shape, by):\n    '''Makes it larger.'''\n    return shape\n"
MAIN = "from pkg.shapes import scale_shape\n\n\ndef f(shape):\n    return "
CURSOR = {"line": 4, "character": 11}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    (folder / "pkg").mkdir(parents=True)
    (folder / "pkg" / "shapes.py").write_text(SHAPES)
    (folder / "main.py").write_text(MAIN)
    return folder


async def begin(client: Client, root: Path, *, watches: bool = False) -> str:
    workspace: Message = {"configuration": False}
    if watches:
        workspace["didChangeWatchedFiles"] = {"dynamicRegistration": True}
    capabilities = {"general": {"positionEncodings": ["utf-16"]}, "workspace": workspace}
    await client.initialize(
        capabilities=capabilities,
        workspaceFolders=[{"uri": root.as_uri(), "name": "w"}],
        rootUri=root.as_uri(),
    )
    uri = (root / "main.py").as_uri()
    client.open(MAIN, uri)
    return uri


async def until(client: Client, uri: str, wanted: Any) -> Message:
    """What would be sent, once `wanted` holds for it."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            found = await client.command("codellama.context", uri, CURSOR)
            if found is not None and wanted(found):
                return found  # type: ignore[no-any-return]
            await asyncio.sleep(0.05)


def shows(text: str) -> Any:
    return lambda found: any(text in chunk["text"] for chunk in found["chunks"])


def lacks(text: str) -> Any:
    return lambda found: not shows(text)(found)


async def test_it_can_be_looked_at(root: Path, tmp_path: Path) -> None:
    async with started(write_script(tmp_path, "scale_shape(shape, 2)")) as client:
        uri = await begin(client, root)
        found = await until(client, uri, shows("def scale_shape(shape, by)"))
        (piece,) = [p for c in found["chunks"] for p in c["pieces"] if p["name"] == "scale_shape"]
        assert "imported" in piece["reasons"]
        items = await client.inline(4, 11, uri=uri)
        assert [item["insertText"] for item in items] == ["scale_shape(shape, 2)"]
        assert await client.shutdown() == 0


@pytest.mark.parametrize("watches", [False, True])
async def test_changes_on_disk_are_noticed(root: Path, tmp_path: Path, watches: bool) -> None:
    async with started(write_script(tmp_path)) as client:
        uri = await begin(client, root, watches=watches)
        await until(client, uri, shows("def scale_shape(shape, by)"))
        shapes = root / "pkg" / "shapes.py"
        shapes.write_text(SHAPES.replace("by", "factor"))
        if watches:
            change = {"uri": shapes.as_uri(), "type": 2}
            client.notify("workspace/didChangeWatchedFiles", {"changes": [change]})
        await until(client, uri, shows("def scale_shape(shape, factor)"))
        shapes.unlink()
        if watches:
            change = {"uri": shapes.as_uri(), "type": 3}
            client.notify("workspace/didChangeWatchedFiles", {"changes": [change]})
        await until(client, uri, lacks("def scale_shape"))


async def test_unsaved_buffers_count(root: Path, tmp_path: Path) -> None:
    async with started(write_script(tmp_path)) as client:
        uri = await begin(client, root)
        await until(client, uri, shows("def scale_shape(shape, by)"))
        shapes = (root / "pkg" / "shapes.py").as_uri()
        client.open(SHAPES, shapes)
        edit = {"text": SHAPES.replace("by", "unsaved")}
        client.change(edit, uri=shapes)
        await until(client, uri, shows("def scale_shape(shape, unsaved)"))
        client.notify("textDocument/didClose", {"textDocument": {"uri": shapes}})
        await until(client, uri, shows("def scale_shape(shape, by)"))


async def test_a_killed_index_process_comes_back(root: Path, tmp_path: Path) -> None:
    async with started(write_script(tmp_path, "one", "two")) as client:
        uri = await begin(client, root)
        await until(client, uri, shows("def scale_shape"))
        (pid,) = children(client.process.pid, "index")
        os.kill(pid, signal.SIGKILL)
        assert [item["insertText"] for item in await client.inline(4, 11, uri=uri)] == ["one"]
        await until(client, uri, shows("def scale_shape"))


async def test_the_index_process_ends_with_its_server(root: Path, tmp_path: Path) -> None:
    async with started(write_script(tmp_path)) as client:
        uri = await begin(client, root)
        await until(client, uri, shows("def scale_shape"))
        (pid,) = children(client.process.pid, "index")
        client.process.kill()
        await ended(pid)


async def test_it_can_be_switched_off(root: Path, tmp_path: Path) -> None:
    async with started(write_script(tmp_path, "one")) as client:
        await client.initialize(
            options={"workspace": False}, rootUri=root.as_uri(), workspaceFolders=None
        )
        uri = (root / "main.py").as_uri()
        client.open(MAIN, uri)
        assert [item["insertText"] for item in await client.inline(4, 11, uri=uri)] == ["one"]
        assert await client.command("codellama.context", uri, CURSOR) is None
        assert children(client.process.pid, "index") == []


async def test_messages_of_clients_that_tell_more(root: Path, tmp_path: Path) -> None:
    async with started(write_script(tmp_path)) as client:
        uri = await begin(client, root)
        await until(client, uri, shows("def scale_shape"))
        client.notify("textDocument/didFocus", {"textDocument": {"uri": uri}})
        client.notify("codellama/didYank", {"text": "scale_shape(shape, 3)"})
        client.notify("textDocument/didSave", {"textDocument": {"uri": uri}})
        for nonsense in ({}, {"textDocument": 3}, None):
            client.notify("textDocument/didFocus", nonsense)
            client.notify("codellama/didYank", nonsense)
        await until(client, uri, shows("def scale_shape"))


def children(parent: int, verb: str) -> list[int]:
    """Process ids of a server's children that run `verb`."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                command = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if int(fields[1]) == parent and verb.encode() in command and fields[0] != "Z":
                found.append(int(entry.name))
    return found
