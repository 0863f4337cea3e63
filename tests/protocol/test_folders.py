"""Several folders in one editor: one refers to code of another, and they come and go."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .client import Client, Message, started, write_script
from .test_workspace import children, lacks, shows, until

LIBRARY = "def scale_shape(shape, by):\n    '''Makes it larger.'''\n    return shape\n"
APP = "from shapes.scaling import scale_shape\n\n\ndef f(shape):\n    return "
FROM_APP = {"line": 4, "character": 11}


@pytest.fixture
def roots(tmp_path: Path) -> list[Path]:
    """An application, and a library beside it that it imports."""
    app, library = tmp_path / "w" / "app", tmp_path / "w" / "library"
    (library / "shapes").mkdir(parents=True)
    app.mkdir()
    (library / "shapes" / "scaling.py").write_text(LIBRARY)
    (app / "main.py").write_text(APP)
    return [app, library]


def named(*roots: Path) -> list[Message]:
    return [{"uri": root.as_uri(), "name": root.name} for root in roots]


async def begin(client: Client, *roots: Path, watches: bool = False) -> str:
    """Open these folders and the application's file; its URI."""
    workspace: Message = {"configuration": False, "workspaceFolders": True}
    if watches:
        workspace["didChangeWatchedFiles"] = {"dynamicRegistration": True}
    await client.initialize(
        capabilities={"workspace": workspace}, workspaceFolders=named(*roots), rootUri=None
    )
    uri = (roots[0] / "main.py").as_uri()
    client.open(APP, uri)
    return uri


def move(client: Client, added: list[Path], removed: list[Path]) -> None:
    event = {"added": named(*added), "removed": named(*removed)}
    client.notify("workspace/didChangeWorkspaceFolders", {"event": event})


async def shown(client: Client, uri: str, wanted: Any) -> Message:
    return await until(client, uri, wanted)


def paths(found: Message) -> list[str]:
    return [chunk["path"] for chunk in found["chunks"]]


async def test_a_definition_in_another_folder(roots: list[Path], tmp_path: Path) -> None:
    async with started(write_script(tmp_path, "scale_shape(shape, 2)")) as client:
        uri = await begin(client, *roots)
        found = await shown(client, uri, shows("def scale_shape(shape, by)"))
        assert "../library/shapes/scaling.py" in paths(found)
        (piece,) = [p for c in found["chunks"] for p in c["pieces"] if p["name"] == "scale_shape"]
        assert "imported" in piece["reasons"]
        assert await client.shutdown() == 0


@pytest.mark.parametrize("watches", [False, True])
async def test_edits_there_reach_here(roots: list[Path], tmp_path: Path, watches: bool) -> None:
    async with started(write_script(tmp_path)) as client:
        uri = await begin(client, *roots, watches=watches)
        await shown(client, uri, shows("def scale_shape(shape, by)"))
        scaling = roots[1] / "shapes" / "scaling.py"
        client.open(LIBRARY, scaling.as_uri())
        client.change({"text": LIBRARY.replace("by", "unsaved")}, uri=scaling.as_uri())
        await shown(client, uri, shows("def scale_shape(shape, unsaved)"))
        client.notify("textDocument/didClose", {"textDocument": {"uri": scaling.as_uri()}})
        await shown(client, uri, shows("def scale_shape(shape, by)"))
        scaling.write_text(LIBRARY.replace("by", "on_disk"))
        if watches:
            change = {"uri": scaling.as_uri(), "type": 2}
            client.notify("workspace/didChangeWatchedFiles", {"changes": [change]})
        await shown(client, uri, shows("def scale_shape(shape, on_disk)"))


async def test_folders_come_and_go(roots: list[Path], tmp_path: Path) -> None:
    app, library = roots
    async with started(write_script(tmp_path)) as client:
        uri = await begin(client, app)
        await shown(client, uri, lacks("def scale_shape"))
        move(client, [library], [])
        await shown(client, uri, shows("def scale_shape(shape, by)"))
        assert len(children(client.process.pid, "index")) == 2
        move(client, [], [library])
        await shown(client, uri, lacks("def scale_shape"))
        renamed = library.with_name("renamed")
        library.rename(renamed)
        move(client, [renamed], [])
        found = await shown(client, uri, shows("def scale_shape(shape, by)"))
        assert "../renamed/shapes/scaling.py" in paths(found)


async def test_documents_follow_their_folder(roots: list[Path], tmp_path: Path) -> None:
    """A document of a folder that is opened later, and of one that is closed before it."""
    app, library = roots
    async with started(write_script(tmp_path)) as client:
        await begin(client, app)
        uri = (library / "use.py").as_uri()
        client.open(APP, uri)
        assert await client.command("codellama.context", uri, FROM_APP) is None
        move(client, [library], [])
        await shown(client, uri, shows("def scale_shape(shape, by)"))
        move(client, [], [library])
        assert await client.command("codellama.context", uri, FROM_APP) is None


async def test_a_folder_inside_another(tmp_path: Path) -> None:
    """The inner one's own index knows its files; nothing is shown twice."""
    outer, inner = tmp_path / "w", tmp_path / "w" / "inner"
    (inner / "shapes").mkdir(parents=True)
    (inner / "shapes" / "scaling.py").write_text(LIBRARY)
    (inner / ".codellamaignore").write_text("private.py\n")
    (inner / "private.py").write_text("def scale_shape_privately(shape): ...\n")
    (outer / "main.py").write_text(APP)
    async with started(write_script(tmp_path)) as client:
        uri = await begin(client, outer, inner)
        found = await shown(client, uri, shows("def scale_shape(shape, by)"))
        texts = "".join(chunk["text"] for chunk in found["chunks"])
        assert texts.count("def scale_shape(") == 1 and "privately" not in texts
        within = (inner / "main.py").as_uri()
        client.open(APP, within)
        found = await shown(client, within, shows("def scale_shape(shape, by)"))
        assert {path for path in paths(found) if "scaling" in path} == {"shapes/scaling.py"}


async def test_what_another_folder_ignores_stays_out(roots: list[Path], tmp_path: Path) -> None:
    app, library = roots
    (library / ".codellamaignore").write_text("hidden.py\n")
    (library / "hidden.py").write_text("def canary(): ...\n")
    async with started(write_script(tmp_path)) as client:
        uri = await begin(client, app, library)
        hidden = (library / "hidden.py").as_uri()
        client.open("def canary(): ...\ndef canary_unsaved(): ...\n", hidden)
        text = APP.replace("return ", "return canary")
        client.change({"text": text}, uri=uri)
        await shown(client, uri, shows("def scale_shape"))
        found = await client.command("codellama.context", uri, {"line": 4, "character": 17})
        assert not any("canary" in chunk["text"] for chunk in found["chunks"])


async def test_a_folder_named_by_a_link(roots: list[Path], tmp_path: Path) -> None:
    """The editor may name the same file through the link or not."""
    link = tmp_path / "link"
    link.symlink_to(roots[1])
    async with started(write_script(tmp_path)) as client:
        await begin(client, link)
        for root in (link, roots[1]):
            uri = (root / "other.py").as_uri()
            client.open(APP, uri)
            await shown(client, uri, shows("def scale_shape(shape, by)"))
