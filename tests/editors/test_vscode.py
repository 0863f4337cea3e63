"""Suggestions in a real VS Code, from a clean profile: the packaged extension, a person's keys."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.editors.vscode import VsCode
from tests.editors.vscode_window import ANSWER, Window
from tests.editors.waiting import until


@pytest.fixture(scope="module")
def window(extension: Path) -> Iterator[Window]:
    found = Window(extension)
    try:
        found.scripted([ANSWER] * 500)
        found.start()
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
    code.menu("Doctor")
    until(lambda: "codellama-lsp" in code.page(), "the page")
    code.menu("Switch suggestions off")
    window.until_status("off")
    assert "Suggestions are switched off." in code.status_details()
    code.command("Code Llama: Switch Suggestions Off or On")
    until(code.ready, "on again")


def test_a_setting_changed_while_it_runs(window: Window) -> None:
    code = window.fresh("settings.py")
    (pid,) = window.servers()
    code.command("Code Llama: Switch Suggestions Off or On for This Language")
    until(lambda: "python" in _user_settings(code).get("codellama.languagesOff", []), "the setting")
    window.until_status("off")
    until(lambda: "python" in code.status_details(), "why it is off")
    code.do("type", "total")
    code.until_text("settings.py", "values = [1]\ntotal")
    code.command("Code Llama: Why Was There No Suggestion?")
    until(lambda: "switched off here" in code.page(), "the page")
    code.open("settings.py")
    code.command("Code Llama: Switch Suggestions Off or On for This Language")
    until(lambda: _user_settings(code).get("codellama.languagesOff") == [], "the setting")
    until(code.ready, "on again")
    code.do("type", " = ")
    code.until_ghost(ANSWER)
    assert window.servers() == [pid]


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
    (pid,) = window.servers()
    os.kill(pid, signal.SIGKILL)
    code.do("type", "total = ")
    code.until_ghost(ANSWER)
    assert pid not in window.servers()


def test_whoever_typed_while_the_server_started_is_answered(window: Window) -> None:
    window.scripted([ANSWER] * 50)
    gate = window.home / "gate"
    wait = f'until [ -e "{gate}" ]; do sleep 0.05; done; exec "$@"'
    window.command = ["/bin/sh", "-c", wait, "sh", *window.command]
    window.set()
    until(window.servers, "a server that starts")
    code = window.code
    (code.folder / "early.py").write_text("values = [1]\n", encoding="utf-8")
    code.open("early.py")
    code.do("type", "total = ")
    code.until_text("early.py", "values = [1]\ntotal = ")
    assert (code.ghost(), code.ready()) == ("", False)
    gate.touch()
    code.until_ghost(ANSWER)
    code.do("press", "Tab")
    code.until_text("early.py", f"values = [1]\ntotal = {ANSWER}")


def test_several_lines(window: Window) -> None:
    window.scripted(["for value in values:\n        total += value\n    return total"] * 50)
    code = window.fresh("lines.py", "def add(values):\n    total = 0\n")
    code.do("type", "    ")
    until(lambda: "for value in values:" in code.ghost(), "the first line")
    assert "return total" in code.ghost()
    code.do("press", "Control+Alt+ArrowRight")
    first = "def add(values):\n    total = 0\n    for value in values:"
    until(lambda: code.text("lines.py").rstrip() == first, "one line of it")
    until(lambda: "return total" in code.ghost(), "the rest is still there")
    # At the start of a line, VS Code's Tab indents, along the suggestion.
    code.do("press", "Tab")
    until(lambda: code.text("lines.py").endswith(":\n        "), "the indentation")
    until(lambda: "return total" in code.ghost(), "the rest is still there")
    code.do("press", "Tab")
    code.until_text("lines.py", f"{first}\n        total += value\n    return total")


def test_cycling(window: Window) -> None:
    window.scripted(["min(values)", "max(values)", "len(values)"] * 50)
    code = window.fresh("cycle.py")
    code.do("type", "total = ")
    seen = [until(code.ghost, "a suggestion")]
    for _ in range(2):
        code.do("press", "Alt+]")
        seen.append(until(lambda: code.ghost() not in ("", *seen) and code.ghost(), "another one"))
    code.do("press", "Alt+[")
    code.until_ghost(seen[1])
    code.do("press", "Tab")
    code.until_text("cycle.py", f"values = [1]\ntotal = {seen[1]}")
