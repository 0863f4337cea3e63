"""What a foreign folder may decide in VS Code: nothing that runs; untrusted, less is read of it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.editors.vscode_window import Stub, Window
from tests.editors.waiting import until


@pytest.fixture(scope="module")
def foreign(extension: Path) -> Iterator[tuple[Window, Stub]]:
    """A folder with settings of its own, in a VS Code that asks whether to trust it."""
    window = Window(extension, asks_for_trust=True)
    try:
        stub = window.stub({"asks": True})
        folder = window.code.folder
        (folder / ".vscode").mkdir()
        settings = {
            "codellama.server.command": [
                sys.executable,
                "-c",
                f"open({str(_trap(window))!r}, 'w')",
            ],
            "codellama.server.environment": {"FROM_THE_FOLDER": "1"},
            "codellama.model": "/from/the/folder.gguf",
            "codellama.engineThreads": 3,
            "codellama.maxTokens": 7,
            "codellama.exclude": ["*.secret"],
        }
        (folder / ".vscode" / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
        (folder / "a.py").write_text("x = 1\n", encoding="utf-8")
        window.code.start()
        yield window, stub
    finally:
        window.close()


@pytest.fixture(autouse=True)
def state_dir() -> None:
    """The window's own holds for a whole module."""


def _trap(window: Window) -> Path:
    return window.home / "the folder's program ran"


def _settings(stub: Stub) -> list[Any]:
    """What the server was told when it asked for settings, oldest first."""
    return [sent["result"][0] for sent in stub.told() if sent.get("id") == "settings"]


def test_without_trust(foreign: tuple[Window, Stub]) -> None:
    window, stub = foreign
    bar = ".statusbar-item"
    until(lambda: "Restricted Mode" in "".join(window.code.do("content", bar)), "restricted mode")
    until(lambda: _settings(stub), "the server asked for settings")
    (begun,) = [sent["params"] for sent in stub.told() if sent.get("method") == "initialize"]
    # No model, no threads of the folder's; and its other files are left alone.
    assert begun["initializationOptions"] == {"trusted": False}
    assert _settings(stub)[-1] == {"maxTokens": 7, "exclude": ["*.secret"]}
    window.until_ready()
    (pid,) = window.servers()
    environment = Path(f"/proc/{pid}/environ")
    if environment.exists():
        assert b"FROM_THE_FOLDER" not in environment.read_bytes()


def test_trust_lets_the_workspace_be_read_and_nothing_more(foreign: tuple[Window, Stub]) -> None:
    window, stub = foreign
    window.code.command("Workspaces: Manage Workspace Trust")
    window.code.do("click", '.workspace-trust-editor .monaco-button:has-text("Trust")')
    told = {"jsonrpc": "2.0", "method": "codellama/didChangeTrust", "params": {"trusted": True}}
    until(lambda: told in stub.told(), "the server was told")
    assert not _trap(window).exists()
    assert len(window.servers()) == 1
