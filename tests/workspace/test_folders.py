"""A server's side of the workspace: what it asks of the disk (nothing) and of processes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from codellama_lsp.context.related import Asked
from codellama_lsp.context.windows import WindowBudget, WindowTracker
from codellama_lsp.workspace.client import IndexClient
from codellama_lsp.workspace.context import WorkspaceContext
from codellama_lsp.workspace.folders import path_of_file


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, dict[str, Any]]]:
    """What index processes are told: folder, method, parameters. None of them exists."""
    told: list[tuple[str, str, dict[str, Any]]] = []

    async def start(client: IndexClient) -> None:
        client.on_start()

    def tell(client: IndexClient, method: str, params: dict[str, Any]) -> bool:
        told.append((client.root.name, method, params))
        return True

    async def ask(client: IndexClient, method: str, params: dict[str, Any]) -> None:
        told.append((client.root.name, method, params))

    monkeypatch.setattr(IndexClient, "start", start)
    monkeypatch.setattr(IndexClient, "tell", tell)
    monkeypatch.setattr(IndexClient, "ask", ask)
    monkeypatch.setattr(IndexClient, "pid", 1)
    return told


@pytest.fixture
def no_disk() -> Iterator[None]:
    """A disk that never answers: whoever looks at it fails the test."""

    def looked(*_: object, **__: object) -> None:
        pytest.fail("the disk was looked at")

    with pytest.MonkeyPatch.context() as patch:
        for name in ("stat", "lstat", "scandir", "listdir", "readlink", "open"):
            patch.setattr(os, name, looked)
        yield


def _asked(uri: str, text: str) -> Asked:
    windows = WindowTracker(uri).windows(text, len(text), WindowBudget(400, 200))
    return Asked(uri, "python", text, len(text), windows, 500, 3.0, 100.0)


@pytest.mark.usefixtures("no_disk")
async def test_nothing_between_two_keystrokes_looks_at_the_disk(
    sent: list[tuple[str, str, dict[str, Any]]],
) -> None:
    context = WorkspaceContext()
    context.set_folders([Path("/net/app"), Path("/net/lib")], watch=False)
    uri, other = "file:///net/app/a.py", "file:///net/lib/b.py"
    for name in (uri, other, "file:///elsewhere/c.py", "untitled:Untitled-1"):
        context.opened(name, "python", lambda: "x = 1\n")
        context.changed(name)
        context.focused(name)
        context.saved(name)
        await context.prepare(_asked(name, "x = 1\n"))
        context.chosen(_asked(name, "x = 1\n"))
    context.copied("y = 2")
    context.files_changed([uri, other, "file:///elsewhere/c.py"])
    await context.preview(_asked(uri, "x = 1\n"))
    context.set_folders([Path("/net/app")], watch=False)
    context.forget(uri)
    assert {folder for folder, _, _ in sent} == {"app", "lib"}


async def test_thousands_of_changes_are_one_message(
    sent: list[tuple[str, str, dict[str, Any]]],
) -> None:
    context = WorkspaceContext()
    context.set_folders([Path("/w/app"), Path("/w/lib")], watch=False)
    sent.clear()
    uris = [f"file:///w/{root}/f{i}.py" for i in range(5000) for root in ("app", "lib")]
    context.files_changed([*uris, "file:///w/elsewhere.py"])
    assert [(folder, method) for folder, method, _ in sent] == [
        ("app", "changed"),
        ("lib", "changed"),
    ]
    assert all(len(params["paths"]) == 5000 for _, _, params in sent)


async def test_every_process_knows_the_other_folders_and_their_buffers(
    sent: list[tuple[str, str, dict[str, Any]]],
) -> None:
    context = WorkspaceContext()
    context.set_folders([Path("/w/app"), Path("/w/sub/lib")], watch=False)
    context.opened("file:///w/sub/lib/b.py", "python", lambda: "x = 1\n")
    introduced = [
        (folder, [(f["root"], f["prefix"]) for f in params["folders"]])
        for folder, method, params in sent
        if method == "folders"
    ]
    assert ("app", [("/w/sub/lib", "../sub/lib/")]) in introduced
    assert ("lib", [("/w/app", "../../app/")]) in introduced
    opened = {(folder, params["path"]) for folder, method, params in sent if method == "open"}
    assert opened == {("app", "../sub/lib/b.py"), ("lib", "b.py")}


async def test_secrets_are_told_to_nobody(sent: list[tuple[str, str, dict[str, Any]]]) -> None:
    context = WorkspaceContext()
    context.set_folders([Path("/w/app")], watch=False)
    sent.clear()
    context.opened("file:///w/app/.env", "shellscript", lambda: "KEY=1\n")
    context.changed("file:///w/app/.env")
    assert sent == [] and not context.knows("file:///w/app/.env")


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("file:///w/a%20b.py", "/w/a b.py"),
        ("file://localhost/w/a.py", "/w/a.py"),
        ("file:///c%3A/w/a.py", "c:/w/a.py"),
        ("file://host/w/a.py", None),
        ("untitled:Untitled-1", None),
        ("vscode-notebook-cell:/w/a.ipynb#X", None),
        ("file://[x", None),
    ],
)
def test_paths_of_uris(uri: str, path: str | None) -> None:
    found = path_of_file(uri)
    assert (None if found is None else found.as_posix()) == path
