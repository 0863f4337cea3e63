"""The first minutes with the extension: the walkthrough, and a server in a private environment."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.editors.vscode_window import WALKTHROUGH, Window, until_said
from tests.editors.waiting import until

#: This run's own: others may be at it on the same machine.
FOR_EVER = str(1_000_000 + os.getpid())

#: Plays a Python whose pip fails, or goes on for ever, as the file `mode` says.
PRETENDER = """#!/bin/sh
here=$(dirname "$0")
case "$*" in
-c*) exit 0 ;;
*venv*)
    for last; do :; done
    mkdir -p "$last/bin"
    cp "$0" "$last/bin/python"
    cp "$here/mode" "$last/bin" ;;
*pip*)
    echo "Collecting pygls"
    if [ "$(cat "$here/mode")" = fail ]; then
        echo "ERROR: No matching distribution found for pygls" >&2
        exit 1
    fi
    echo "  Building wheel for llama-cpp-python (pyproject.toml): started"
    sleep SECONDS & wait ;;
esac
""".replace("SECONDS", FOR_EVER)


class First:
    """A window that finds no server, and the Python that it finds."""

    def __init__(self, extension: Path) -> None:
        self.window = Window(extension, environment={"SHELL": "/bin/bash"})
        self.programs = self.window.home / "bin"
        self.programs.mkdir()
        # VS Code asks a login shell what the user's PATH is.
        path = f"export PATH={self.programs}:/usr/bin:/bin\n"
        for profile in (".bash_profile", ".bashrc"):
            (self.window.home / profile).write_text(path, encoding="utf-8")

    def python(self, mode: str) -> None:
        """Which Python is on PATH: "fail", "hang", or the real one."""
        python = self.programs / "python3"
        python.unlink(missing_ok=True)
        if mode == "real":
            # A link would be taken for this environment's own Python.
            python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', encoding="utf-8")
        else:
            python.write_text(PRETENDER, encoding="utf-8")
            (self.programs / "mode").write_text(mode, encoding="utf-8")
        python.chmod(0o755)

    def environments(self) -> list[Path]:
        """What lies in the extension's storage, whole or not."""
        return list(self.window.code.data.glob("User/globalStorage/codellama-lsp.*/servers/*"))


@pytest.fixture(scope="module")
def first(extension: Path) -> Iterator[First]:
    if not (Path(__file__).parents[2] / "editors" / "vscode" / "server").exists():
        pytest.skip("the extension was packaged without a server; make test-vscode puts it in")
    found = First(extension)
    try:
        found.python("fail")
        found.window.code.start()
        yield found
    finally:
        found.window.close()


@pytest.fixture(autouse=True)
def state_dir() -> None:
    """The window's own holds for a whole module."""


def test_nothing_is_installed_unasked(first: First) -> None:
    code = first.window.code
    until(lambda: "not found. Install it" in code.notifications(), "the question")
    first.window.until_status("not installed")
    code.answer("not found. Install it", "Not Now")
    until(lambda: "Install it" not in code.notifications(), "no question")
    first.window.until_status("not installed")
    assert first.environments() == []


def test_the_walkthrough_comes_by_itself_and_leads_on(first: First) -> None:
    code = first.window.code
    steps = " ".join(until(lambda: code.do("content", WALKTHROUGH), "the walkthrough"))
    assert [
        word for word in ("Get the server", "Type", "Choose a model") if word not in steps
    ] == []
    code.do("click", f'{WALKTHROUGH} .monaco-button:has-text("Install the server")')
    reason = "the server could not be installed: No matching distribution found for pygls"
    until_said(lambda: reason in code.notifications(), "why", code.notifications)
    assert first.environments() == []
    code.answer(reason, "Show the Log")
    until(
        lambda: "Collecting pygls" in " ".join(code.do("content", ".output-view, .view-lines")),
        "log",
    )
    code.command("View: Hide Panel")


def test_an_installation_can_be_cancelled(first: First) -> None:
    code = first.window.code
    first.python("hang")
    code.menu("Install or update")
    building = "building llama-cpp-python, which can take minutes"
    until_said(lambda: building in code.notifications(), "progress", code.notifications)
    until(lambda: _running(f"sleep {FOR_EVER}"), "pip runs")
    code.answer("installing the server", "Cancel")
    until(lambda: not _running(f"sleep {FOR_EVER}"), "nothing runs any more")
    until(lambda: first.environments() == [], "nothing is left")
    until(lambda: "installing" not in code.notifications(), "no progress")
    first.window.until_status("not installed")


def _running(command: str) -> bool:
    found = subprocess.run(["ps", "-ww", "-eo", "args="], capture_output=True, text=True).stdout
    return command in found.splitlines()


def test_the_server_that_came_along_is_installed(first: First) -> None:
    code = first.window.code
    first.python("real")
    first.window.set(**{"server.environment": _pip_of_this_machine()})
    code.menu("Install or update")
    patiently = 20 * 60  # llama.cpp may have to be compiled
    until(lambda: "is installed" in code.notifications(), "the server is installed", patiently)
    (made,) = first.environments()
    first.window.command = [str(made / "bin" / "python")]
    until(code.ready, "the server is ready", 120)
    code = first.window.code
    (code.folder / "a.py").write_text("class Stack:\n    def __init__(", encoding="utf-8")
    code.open("a.py")
    code.do("type", "self, ")
    until(code.ghost, "a suggestion")
    code.do("press", "Tab")
    code.command("Welcome: Open Walkthrough...")
    done = ".getting-started-step .codicon-getting-started-step-checked"
    row = '.quick-input-list .monaco-list-row:has-text("your first suggestion")'
    until(lambda: code.do("visible", row), "the walkthrough in the list")
    code.do("click", row)
    until_said(
        lambda: len(code.do("content", done)) >= 2,
        "two steps are done",
        lambda: code.do("content", WALKTHROUGH),
    )


def _pip_of_this_machine() -> dict[str, str]:
    """Where pip gets packages from here; the window's own home says nothing of that."""
    ask = [sys.executable, "-m", "pip", "cache", "dir"]
    cache = subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip()
    found = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    config = Path.home() / ".config" / "pip" / "pip.conf"
    if config.exists():
        found.setdefault("PIP_CONFIG_FILE", str(config))
    return {**found, "PIP_CACHE_DIR": cache}


def test_an_update_is_offered_and_made_beside_what_is_there(first: First) -> None:
    code = first.window.code
    if not (old := first.environments()):
        pytest.skip("nothing is installed")
    # As another version of the extension would have left it.
    record = old[0] / "installed.json"
    source = json.loads(record.read_text(encoding="utf-8"))
    record.write_text(json.dumps({**source, "hash": "0" * 64}), encoding="utf-8")
    code.load()
    until(lambda: "comes with another server" in code.notifications(), "the question", 120)
    code.answer("comes with another server", "Update")
    until(lambda: "is installed" in code.notifications(), "the server is installed", 20 * 60)
    until(code.ready, "the server is ready", 120)
    new = [one for one in first.environments() if one not in old]
    assert len(new) == 1
    # What was replaced goes when the extension starts the next time.
    code.load()
    until(code.ready, "the server is ready", 120)
    until(lambda: first.environments() == new, "the old one is gone")
    # It came by itself once, when the extension ran here for the first time.
    assert code.do("content", WALKTHROUGH) == []
    assert shutil.which("codellama-lsp", path=str(new[0] / "bin"))
