"""Suggestions in a real VS Code, from a clean profile: the packaged extension, a person's keys."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.editors.conftest import missing
from tests.editors.vscode import EXTENSION, VsCode, build_extension, find_vscode
from tests.editors.waiting import until

ANSWER = "sum(values)"
SERVER = [sys.executable, "-m", "codellama_lsp", "serve"]
EMBEDDED = Path(__file__).parents[2] / "codellama_lsp" / "data" / "tiny.gguf"


@pytest.fixture(scope="module")
def extension() -> Path:
    if find_vscode() is None:
        missing("vscode", "VS Code was not found; scripts/install-vscode installs it")
    required = "vscode" in os.environ.get("CODELLAMA_EDITORS_REQUIRED", "").split(",")
    if not required and not (EXTENSION / "node_modules").exists():
        # Fetching them is not for a test run that may have no network.
        pytest.skip("the extension's build tools are not there; make test-vscode fetches them")
    return build_extension()


class Window:
    """A window on a project, its server's answers, and a way to change settings."""

    def __init__(self, extension: Path, command: list[str]) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="cll-"))
        os.environ["CODELLAMA_LSP_STATE_DIR"] = str(self.home / "state")
        folder = self.home / "project"
        folder.mkdir()
        self.command = [part.replace("HOME", str(self.home)) for part in command]
        (self.home / "script.json").write_text(json.dumps([ANSWER] * 500), encoding="utf-8")
        self.code = VsCode(self.home, folder, extension)
        self.set()

    def set(self, **settings: object) -> None:
        named = {f"codellama.{name}": value for name, value in settings.items()}
        self.code.settings({"codellama.server.command": self.command, **named})

    def fresh(self, name: str, text: str = "values = [1]\n") -> VsCode:
        """A new file, open, the cursor at its end."""
        (self.code.folder / name).write_text(text, encoding="utf-8")
        self.code.open(name)
        until(self.code.ready, "the server is ready")
        return self.code

    def until_status(self, *words: str) -> None:
        seen = [""]

        def look() -> bool:
            seen[0] = self.code.status()
            return any(word in seen[0] for word in words)

        try:
            until(look, f"status {words}")
        except AssertionError as error:
            raise AssertionError(f"{error}; it is {seen[0]!r}") from None

    def close(self) -> None:
        self.code.stop()
        os.environ.pop("CODELLAMA_LSP_STATE_DIR", None)
        shutil.rmtree(self.home, ignore_errors=True)


@pytest.fixture(scope="module")
def window(extension: Path) -> Iterator[Window]:
    found = Window(extension, [*SERVER, "--engine", "scripted:HOME/script.json"])
    try:
        found.code.start()
        yield found
    finally:
        found.close()


@pytest.fixture(autouse=True)
def state_dir() -> None:
    """The window's own holds for a whole module."""


def test_shown_and_accepted_exactly(window: Window) -> None:
    code = window.fresh("accept.py")
    code.do("type", "total = ")
    code.until_ghost(ANSWER)
    code.until_text("accept.py", "values = [1]\ntotal = ")
    code.do("press", "Tab")
    code.until_text("accept.py", f"values = [1]\ntotal = {ANSWER}")
    window.until_status(" ms")


def test_typing_along_keeps_it(window: Window) -> None:
    code = window.fresh("along.py")
    code.do("type", "total = ")
    code.until_ghost(ANSWER)
    code.do("type", "sum")
    code.until_ghost("(values)")
    code.do("press", "Tab")
    code.until_text("along.py", f"values = [1]\ntotal = {ANSWER}")


def test_escape_hides_it(window: Window) -> None:
    code = window.fresh("escape.py")
    code.do("type", "total = ")
    code.until_ghost(ANSWER)
    code.do("press", "Escape")
    until(lambda: code.ghost() == "", "no ghost text")
    code.until_text("escape.py", "values = [1]\ntotal = ")


def test_accept_word(window: Window) -> None:
    code = window.fresh("word.py")
    code.do("type", "total = ")
    code.until_ghost(ANSWER)
    code.do("press", "Control+ArrowRight")
    code.until_text("word.py", "values = [1]\ntotal = sum")
    code.until_ghost("(values)")
    code.do("press", "Tab")
    code.until_text("word.py", f"values = [1]\ntotal = {ANSWER}")


def test_why_and_statistics_are_readable(window: Window) -> None:
    code = window.fresh("pages.py")
    code.do("type", "total = ")
    code.until_ghost(ANSWER)
    code.do("press", "Escape")
    code.command("Code Llama: Why Was There No Suggestion?")
    until(lambda: "a suggestion was offered" in code.page(), "the page")
    code.command("Code Llama: Statistics")
    until(lambda: "accepted" in code.page(), "the page")
    code.command("Code Llama: Doctor")
    until(lambda: "codellama-lsp" in code.page() and "python" in code.page(), "the page")
    code.command("View: Close All Editors")


def test_the_status_bar_opens_a_menu(window: Window) -> None:
    code = window.fresh("menu.py")
    code.do("click", '.statusbar-item[id*="codellama"] a')
    rows = ".quick-input-list .monaco-list-row"
    until(lambda: any("Doctor" in row for row in code.do("content", rows)), "the menu")
    code.do("type", "Switch suggestions off")
    code.do("press", "Enter")
    window.until_status("off")
    code.command("Code Llama: Switch Suggestions Off or On")
    until(code.ready, "on again")


def test_a_setting_changed_while_it_runs(window: Window) -> None:
    code = window.fresh("settings.py")
    (pid,) = _servers(window.home)
    code.command("Code Llama: Switch Suggestions Off or On for This Language")
    until(lambda: "python" in _user_settings(code).get("codellama.languagesOff", []), "the setting")
    # The script always answers, so that none after some typing means switched off.
    until(lambda: suggested(code, "x") == "", "no suggestion")
    code.command("Code Llama: Switch Suggestions Off or On for This Language")
    until(lambda: _user_settings(code).get("codellama.languagesOff") == [], "the setting")
    until(lambda: suggested(code, "y") == ANSWER, "a suggestion again")
    assert _servers(window.home) == [pid]


def _user_settings(code: VsCode) -> dict[str, list[str]]:
    path = code.data / "User" / "settings.json"
    try:
        settings: dict[str, list[str]] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        # VS Code is writing it.
        return {}
    return settings


def test_killed_and_back(window: Window) -> None:
    code = window.fresh("killed.py")
    (pid,) = _servers(window.home)
    os.kill(pid, signal.SIGKILL)
    until(lambda: [other for other in _servers(window.home) if other != pid], "another server")
    until(lambda: suggested(code, "z") == ANSWER, "a suggestion again")


def suggested(code: VsCode, typed: str) -> str:
    """What is suggested some time after `typed`."""
    code.do("type", typed)
    time.sleep(2)
    return code.ghost()


def _servers(home: Path) -> list[int]:
    """Language servers of this window: those whose script is in its home."""
    found = subprocess.run(
        ["ps", "-ww", "-eo", "pid=,args="], capture_output=True, text=True
    ).stdout
    lines = [line.split(maxsplit=1) for line in found.splitlines()]
    mine = [(int(pid), args) for pid, args in lines if f"scripted:{home}" in args]
    return [pid for pid, args in mine if "codellama_lsp serve" in args]


@pytest.mark.engine
def test_the_embedded_model(extension: Path) -> None:
    if not EMBEDDED.exists():
        pytest.skip("no embedded model in this copy")
    window = Window(extension, SERVER)
    try:
        window.code.start()
        code = window.fresh("stack.py", STACK)
        code.do("type", "        return len(")
        ghost = until(code.ghost, "a suggestion")
        code.do("press", "Tab")
        # VS Code put the closing bracket there itself; the suggestion is what stands before it.
        until(lambda: code.text("stack.py").startswith(f"{STACK}        return len({ghost}"), ghost)
    finally:
        window.close()


STACK = """class Stack:
    def __init__(self):
        self.items = []

    def push(self, item):
        self.items.append(item)

    def pop(self):
        return self.items.pop()

    def __len__(self):
"""
