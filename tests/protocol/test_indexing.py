"""The index while it is built, refused, broken or slow: what the client sees, and what goes on."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from codellama_lsp.context.index.location import folder_of

from .client import PATIENCE_S, Client, Message, started, write_script
from .test_workspace import CURSOR, MAIN, SHAPES, begin, children, lacks, root, shows, until

__all__ = ["root"]


def tool(folder: Path, name: str, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a program of ours before the real one of that name."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture
def slow_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Listing files takes until the returned function is called."""
    released = tmp_path / "released"
    real = shutil.which("git") or "false"
    waiting = f'while [ ! -e "{released}" ]; do sleep 0.05; done; exec "{real}" "$@"'
    tool(tmp_path / "bin", "git", waiting, monkeypatch)
    return released.touch


async def begin_with_bars(client: Client, root: Path) -> str:
    capabilities = {"window": {"workDoneProgress": True}, "workspace": {"workspaceFolders": True}}
    folders = [{"uri": root.as_uri(), "name": "w"}]
    await client.initialize(capabilities=capabilities, workspaceFolders=folders)
    uri = (root / "main.py").as_uri()
    client.open(MAIN, uri)
    return uri


def kind(name: str) -> Callable[[Message], bool]:
    """A progress notification of that kind about the index."""
    return lambda m: m["method"] == "$/progress" and m["params"]["value"]["kind"] == name


def index_is(state: str) -> Callable[[Message], bool]:
    return lambda m: (
        m["method"] == "codellama/status" and m["params"].get("index", {}).get("state") == state
    )


async def eventually(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            if holds():
                return
            await asyncio.sleep(0.05)


async def suggests(client: Client, uri: str, text: str) -> None:
    assert [item["insertText"] for item in await client.inline(4, 11, uri=uri)] == [text]


async def test_a_slow_disk_keeps_no_request_waiting(
    root: Path, tmp_path: Path, slow_disk: Callable[[], None]
) -> None:
    async with started(write_script(tmp_path, "one")) as client:
        uri = await begin_with_bars(client, root)
        begun = await client.told(kind("begin"))
        assert begun["params"]["value"]["title"] == "Reading the workspace"
        assert begun["params"]["value"]["cancellable"]
        await suggests(client, uri, "one")
        assert not any(kind("end")(m) for m in client.notifications)
        slow_disk()
        ended = await client.told(kind("end"))
        assert ended["params"]["token"] == begun["params"]["token"]
        await client.told(index_is("ready"))
        await until(client, uri, shows("def scale_shape(shape, by)"))


async def test_the_first_index_can_be_cancelled_and_asked_for(
    root: Path, tmp_path: Path, slow_disk: Callable[[], None]
) -> None:
    async with started(write_script(tmp_path, "one")) as client:
        uri = await begin_with_bars(client, root)
        begun = await client.told(kind("begin"))
        client.notify("window/workDoneProgress/cancel", {"token": begun["params"]["token"]})
        await suggests(client, uri, "one")  # by now the cancellation has been passed on
        slow_disk()
        ended = await client.told(kind("end"))
        assert "stopped" in ended["params"]["value"]["message"]
        await client.told(index_is("stopped"))
        await until(client, uri, lacks("def scale_shape"))
        await client.command("codellama.readWorkspace")
        await until(client, uri, shows("def scale_shape(shape, by)"))
        await client.told(index_is("ready"))


async def test_an_index_that_is_killed_while_it_is_built(
    root: Path, tmp_path: Path, slow_disk: Callable[[], None]
) -> None:
    async with started(write_script(tmp_path, "one")) as client:
        uri = await begin_with_bars(client, root)
        await client.told(index_is("building"))
        await eventually(lambda: children(client.process.pid, "index"))
        os.kill(children(client.process.pid, "index")[0], signal.SIGKILL)
        slow_disk()
        await until(client, uri, shows("def scale_shape(shape, by)"))


@pytest.mark.parametrize("damage", ["before", "while in use"])
async def test_a_corrupt_index_is_built_anew(root: Path, tmp_path: Path, damage: str) -> None:
    async with started(write_script(tmp_path)) as client:
        uri = await begin(client, root)
        await until(client, uri, shows("def scale_shape(shape, by)"))
        if damage == "before":
            assert await client.shutdown() == 0
        path = folder_of(root.resolve()) / "index.sqlite3"
        with path.open("r+b") as file:
            file.write(b"\xa5" * path.stat().st_size)
        if damage == "while in use":
            (root / "pkg" / "shapes.py").write_text(SHAPES.replace("by", "factor"))
            await until(client, uri, shows("def scale_shape(shape, factor)"))
            return
    async with started(write_script(tmp_path)) as client:
        uri = await begin(client, root)
        await until(client, uri, shows("def scale_shape(shape, by)"))


async def test_an_index_that_cannot_be_written_is_said_once(root: Path, tmp_path: Path) -> None:
    """Somebody else's lock on the database stands for whatever keeps us from writing."""
    async with started(write_script(tmp_path, "one")) as client:
        uri = await begin(client, root)
        await until(client, uri, shows("def scale_shape(shape, by)"))
        lock = sqlite3.connect(folder_of(root.resolve()) / "index.sqlite3", isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")
        shapes = root / "pkg" / "shapes.py"
        shapes.write_text(SHAPES.replace("by", "factor"))
        await client.told(index_is("failed"))
        message = await client.told(lambda m: m["method"] == "window/showMessage")
        assert "locked" in message["params"]["message"]
        await suggests(client, uri, "one")
        await until(client, uri, lacks("def scale_shape(shape, by)"))  # nothing stale either
        lock.execute("ROLLBACK")
        lock.close()
        await client.command("codellama.readWorkspace")
        await until(client, uri, shows("def scale_shape(shape, factor)"))
        shown = [m for m in client.notifications if m["method"] == "window/showMessage"]
        assert len(shown) == 1


async def test_a_workspace_is_read_when_it_is_trusted(root: Path, tmp_path: Path) -> None:
    async with started(write_script(tmp_path, "one", "two", "three")) as client:
        folders = [{"uri": root.as_uri(), "name": "w"}]
        await client.initialize(options={"trusted": False}, workspaceFolders=folders)
        uri = (root / "main.py").as_uri()
        client.open(MAIN, uri)
        await suggests(client, uri, "one")
        assert children(client.process.pid, "index") == []
        client.notify("codellama/didChangeTrust", {"trusted": True})
        await until(client, uri, shows("def scale_shape(shape, by)"))
        for nonsense in ({}, {"trusted": "no"}, None, {"trusted": 0}):
            client.notify("codellama/didChangeTrust", nonsense)
        await until(client, uri, shows("def scale_shape(shape, by)"))
        client.notify("codellama/didChangeTrust", {"trusted": False})
        client.change({"text": MAIN + "\n"}, uri=uri)  # "one" is known for the text as it was.
        await suggests(client, uri, "two")
        assert await client.command("codellama.context", uri, CURSOR) is None


async def test_what_a_repository_says_of_trust_does_not_count(root: Path, tmp_path: Path) -> None:
    async with started(write_script(tmp_path, "one")) as client:
        client.settings = {"trusted": True}
        folders = [{"uri": root.as_uri(), "name": "w"}]
        await client.initialize(options={"trusted": False}, workspaceFolders=folders)
        uri = (root / "main.py").as_uri()
        client.open(MAIN, uri)
        told = await client.told(lambda m: m["method"] == "window/showMessage")
        assert "trusted" in told["params"]["message"]
        await suggests(client, uri, "one")
        assert children(client.process.pid, "index") == []


async def test_settings_switch_it_while_it_runs(root: Path, tmp_path: Path) -> None:
    async with started(write_script(tmp_path)) as client:
        uri = await begin(client, root)
        await until(client, uri, shows("def scale_shape(shape, by)"))
        off = {"settings": {"codellama": {"workspace": False}}}
        client.notify("workspace/didChangeConfiguration", off)
        assert await client.command("codellama.context", uri, CURSOR) is None
        on = {"settings": {"codellama": {"workspace": True}}}
        client.notify("workspace/didChangeConfiguration", on)
        await until(client, uri, shows("def scale_shape(shape, by)"))


@pytest.mark.parametrize("which", ["home", "above", "root"])
async def test_the_home_directory_is_never_read(
    root: Path, tmp_path: Path, which: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = root if which == "home" else root / "home"
    home.mkdir(exist_ok=True)
    monkeypatch.setenv("HOME", str(home))
    folder = Path("/") if which == "root" else root
    async with started(write_script(tmp_path, "one")) as client:
        await client.initialize(workspaceFolders=[{"uri": folder.as_uri(), "name": "w"}])
        uri = (root / "main.py").as_uri()
        client.open(MAIN, uri)
        told = await client.told(index_is("off"))
        assert "home" in told["params"]["index"]["message"]
        await suggests(client, uri, "one")
        assert await client.command("codellama.context", uri, CURSOR) is None
        await eventually(lambda: not children(client.process.pid, "index"))
