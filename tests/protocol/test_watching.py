"""Changes on disk, by whichever way they are noticed: the editor, the index process, or neither."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from .client import Client, Message, started, write_script
from .test_workspace import CURSOR, MAIN, SHAPES, begin, lacks, root, shows, until

__all__ = ["root"]

MANY = 1500
needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def tell(client: Client, *paths: Path, kind: int = 2) -> None:
    changes = [{"uri": path.as_uri(), "type": kind} for path in paths]
    client.notify("workspace/didChangeWatchedFiles", {"changes": changes})


def git(root: Path, *arguments: str) -> None:
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *who, "-C", str(root), *arguments], check=True, capture_output=True)


def repository(root: Path) -> None:
    """Two branches that differ in very many files; `main` is checked out."""
    git(root, "init", "-q", "-b", "main")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "one")
    git(root, "checkout", "-qb", "other")
    (root / "pkg" / "shapes.py").write_text(SHAPES.replace("by", "factor"))
    many = root / "many"
    many.mkdir()
    for number in range(MANY):
        (many / f"m{number}.py").write_text(f"def one_of_many_{number}(a): ...\n")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "two")
    git(root, "checkout", "-q", "main")


@needs_git
@pytest.mark.parametrize("watches", [False, True])
async def test_another_branch(root: Path, tmp_path: Path, watches: bool) -> None:
    repository(root)
    names = [root / "many" / f"m{number}.py" for number in range(MANY)]
    async with started(write_script(tmp_path, "one", "two")) as client:
        uri = await begin(client, root, watches=watches)
        await until(client, uri, shows("def scale_shape(shape, by)"))
        git(root, "checkout", "-q", "other")
        if watches:
            tell(client, *names, root / "pkg" / "shapes.py", root / ".git" / "HEAD")
        assert [i["insertText"] for i in await client.inline(4, 11, uri=uri)] == ["one"]
        await until(client, uri, shows("def scale_shape(shape, factor)"))
        last = f"one_of_many_{MANY - 1}"
        client.change({"text": f"{MAIN}{last}("}, uri=uri)
        await until(client, uri, shows(f"def {last}(a)"))
        git(root, "checkout", "-q", "main")
        if watches:
            tell(client, *names, root / "pkg" / "shapes.py", root / ".git" / "HEAD", kind=3)
        await until(client, uri, lacks(f"def {last}(a)"))
        client.change({"text": MAIN}, uri=uri, version=3)
        await until(client, uri, shows("def scale_shape(shape, by)"))


@pytest.mark.parametrize("watches", [False, True])
async def test_a_folder_is_renamed_and_deleted(root: Path, tmp_path: Path, watches: bool) -> None:
    """The editor tells of the folder alone, not of what is in it."""
    async with started(write_script(tmp_path)) as client:
        uri = await begin(client, root, watches=watches)
        await until(client, uri, shows("def scale_shape(shape, by)"))
        old, new = root / "pkg", root / "renamed"
        old.rename(new)
        renamed = {"oldUri": old.as_uri(), "newUri": new.as_uri()}
        if watches:
            client.notify("workspace/didRenameFiles", {"files": [renamed]})
        text = MAIN.replace("pkg", "renamed")
        client.change({"text": text}, uri=uri)
        found = await until(client, uri, shows("def scale_shape(shape, by)"))
        assert all(not chunk["path"].startswith("pkg/") for chunk in found["chunks"])
        shutil.rmtree(new)
        if watches:
            client.notify("workspace/didDeleteFiles", {"files": [{"uri": new.as_uri()}]})
        await until(client, uri, lacks("def scale_shape"))


async def test_what_nobody_tells_is_no_stale_answer(root: Path, tmp_path: Path) -> None:
    """A client that promised to watch and says nothing: what is chosen is looked at again."""
    async with started(write_script(tmp_path)) as client:
        uri = await begin(client, root, watches=True)
        await until(client, uri, shows("def scale_shape(shape, by)"))
        shapes = root / "pkg" / "shapes.py"
        shapes.write_text(SHAPES.replace("by", "factor"))
        found = await client.command("codellama.context", uri, CURSOR)
        assert shows("def scale_shape(shape, factor)")(found)
        shapes.unlink()
        found = await client.command("codellama.context", uri, CURSOR)
        assert lacks("def scale_shape")(found)


async def test_links_that_lead_around_or_out(root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "far.py").write_text("def scale_shape(shape, far): ...\n")
    (root / "pkg" / "around").symlink_to(root)
    (root / "out").symlink_to(outside)
    (root / "far.py").symlink_to(outside / "far.py")
    async with started(write_script(tmp_path)) as client:
        uri = await begin(client, root)
        await until(client, uri, shows("def scale_shape(shape, by)"))
        (root / "pkg" / "shapes.py").write_text(SHAPES.replace("by", "factor"))
        found = await until(client, uri, shows("def scale_shape(shape, factor)"))
        assert {chunk["path"] for chunk in found["chunks"]} == {"pkg/shapes.py"}
        assert lacks("far)")(found)


@pytest.mark.parametrize("watches", [False, True])
async def test_a_file_that_becomes_ignored(root: Path, tmp_path: Path, watches: bool) -> None:
    async with started(write_script(tmp_path)) as client:
        uri = await begin(client, root, watches=watches)
        await until(client, uri, shows("def scale_shape(shape, by)"))
        (root / ".codellamaignore").write_text("shapes.py\n")
        if watches:
            tell(client, root / ".codellamaignore", kind=1)
        await until(client, uri, lacks("def scale_shape"))


async def test_what_a_client_is_asked_to_watch(root: Path, tmp_path: Path) -> None:
    async with started(write_script(tmp_path)) as client:
        await begin(client, root, watches=True)
        asked: Message = await client.told(lambda m: m["method"] == "client/registerCapability")
        (registration,) = asked["params"]["registrations"]
        assert registration["method"] == "workspace/didChangeWatchedFiles"
        globs = " ".join(w["globPattern"] for w in registration["registerOptions"]["watchers"])
        for part in ("py,", "rs,", ".gitignore", ".codellamaignore", ".git/{HEAD"):
            assert part in globs
