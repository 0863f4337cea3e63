"""What Neovim's users see of the server: answers, commands, states, its end and its return."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import signal
import subprocess

import pytest

from tests.editors.conftest import LINE, SUGGESTS, Open
from tests.editors.waiting import until

pytestmark = pytest.mark.parametrize("neovim_kind", ["0.12", "0.11", "0.10"], indirect=True)

ANSWERS: list[object] = ["sum(values)"] * 200


def test_suggestion_of_the_real_server(open_neovim: Open) -> None:
    session = open_neovim("values = [1]\n\n", answers=ANSWERS)
    vim = session.neovim
    vim.type("jitotal = ")
    vim.until_ghost("sum(values)")
    vim.type("sum")
    vim.until_ghost("(values)")
    vim.type("<Tab>")
    vim.until_text(LINE + "sum(values)")
    vim.command_line("CodeLlama stats")
    until(lambda: "accepted       1" in vim.window(), "the acceptance is counted")
    vim.type("q")
    assert vim.messages() == ""


def test_commands(open_neovim: Open) -> None:
    session = open_neovim("values = [1]\n\n", answers=ANSWERS)
    vim = session.neovim
    vim.type("jitotal = ")
    vim.until_ghost("sum(values)")
    vim.type("<Esc>")
    assert vim.lua("return require('codellama').statusline()").startswith("CodeLlama ready")
    for command, expected in {
        "status": "state    ready",
        "why": "a suggestion was offered",
        "stats": "requests",
        "doctor": "codellama-lsp",
    }.items():
        vim.command_line(f"CodeLlama {command}")
        until(lambda expected=expected: expected in vim.window(), f"window of {command}")
        vim.type("q")
        until(lambda: vim.window() == "", "the window is gone")
    vim.command_line("CodeLlama nonsense")
    until(lambda: "there is no :CodeLlama nonsense" in vim.messages(), "a message")


def test_toggle(open_neovim: Open) -> None:
    session = open_neovim("values = [1]\n\n", answers=ANSWERS)
    vim = session.neovim
    vim.command_line("CodeLlama toggle")
    until(lambda: vim.lua("return require('codellama').status().state") == "off", "off")
    vim.type("jitotal = ")
    session.until_ended("disabled")
    assert vim.ghost() == ""
    vim.type("<Esc>")
    vim.command_line("CodeLlama toggle")
    until(lambda: vim.lua("return require('codellama').status().state") == "ready", "ready")
    vim.type("a ")
    vim.until_ghost("sum(values)")


def test_a_language_switched_off_while_it_runs(open_neovim: Open) -> None:
    session = open_neovim("values = [1]\n\n", answers=ANSWERS)
    vim = session.neovim
    vim.command_line("CodeLlama language")
    vim.type("jitotal = ")
    session.until_ended("disabled")
    assert vim.ghost() == ""
    vim.type("<Esc>")
    vim.command_line("CodeLlama why")
    until(lambda: "switched off" in vim.window(), "the reason")
    vim.type("q")
    vim.command_line("CodeLlama language")
    vim.type("a ")
    vim.until_ghost("sum(values)")


def test_a_wrong_setting_is_named(open_neovim: Open) -> None:
    vim = open_neovim("\n", answers=ANSWERS, options="settings = { max_tokns = 3 },").neovim
    until(lambda: "max_tokens" in vim.messages(), "the right name")


def test_killed_and_back(open_neovim: Open) -> None:
    session = open_neovim("values = [1]\n\n", answers=ANSWERS, options="restart_delay_ms = 100,")
    vim = session.neovim
    pid = _server_pid(vim.process.pid)
    os.kill(pid, signal.SIGKILL)
    until(lambda: _server_pid(vim.process.pid) not in (0, pid), "another server")
    session.until_attached()
    vim.type("jitotal = ")
    vim.until_ghost("sum(values)")


def test_restart(open_neovim: Open) -> None:
    session = open_neovim("values = [1]\n\n", answers=ANSWERS)
    vim = session.neovim
    pid = _server_pid(vim.process.pid)
    vim.command_line("CodeLlama restart")
    until(lambda: _server_pid(vim.process.pid) not in (0, pid), "another server")
    session.until_attached()
    vim.type("jitotal = ")
    vim.until_ghost("sum(values)")
    assert vim.messages() == ""


def _server_pid(editor: int) -> int:
    """The language server among an editor's children; 0 for none."""
    found = subprocess.run(
        ["ps", "-ww", "-o", "pid=,args=", "--ppid", str(editor)], capture_output=True
    )
    for line in found.stdout.decode().splitlines():
        pid, _, command = line.strip().partition(" ")
        if "codellama_lsp" in command:
            return int(pid)
    return 0


def test_checkhealth(open_neovim: Open) -> None:
    vim = open_neovim("values = [1]\n", answers=ANSWERS).neovim
    vim.command_line("checkhealth codellama")
    until(lambda: "accept: <Tab>" in vim.text(), "the report")
    report = vim.text()
    assert "ERROR" not in report
    assert "WARNING" not in report
    assert "the server runs, for 1 buffer" in report


def test_settings_changed_while_it_runs(open_neovim: Open) -> None:
    session = open_neovim("values = [1]\n\n", answers=["sum(values)\nprint(total)"] * 200)
    vim = session.neovim
    vim.command_line("CodeLlama set enabled false")
    vim.type("jitotal = ")
    session.until_ended("disabled")
    assert vim.ghost() == ""
    vim.type("<Esc>")
    vim.command_line("CodeLlama set enabled true")
    vim.command_line("CodeLlama set multi_line always")
    vim.type("cctotal =  <BS>")
    vim.until_ghost("sum(values)\nprint(total)")
    vim.type("<Esc>")
    vim.command_line("CodeLlama set multi_line never")
    vim.type("cctotal =  <BS>")
    vim.until_ghost("sum(values)")
    assert vim.messages() == ""


@pytest.mark.parametrize(
    ("status", "line", "health"),
    [
        ({"state": "starting"}, "CodeLlama starting", "model: starting"),
        ({"state": "loading", "percent": 40}, "CodeLlama loading 40%", "model: loading"),
        ({"state": "ready", "model": "m", "last_ms": 48.2}, "CodeLlama ready 48 ms", "OK model m"),
        ({"state": "busy", "model": "m", "last_ms": 48.2}, "CodeLlama busy", "OK model m: busy"),
        (
            {"state": "slow", "model": "m", "last_ms": 900, "message": "Long.", "remedy": "Wait."},
            "CodeLlama slow 900 ms",
            "WARNING slow: Long.\n  - ADVICE:\n    - Wait.",
        ),
        ({"state": "off"}, "CodeLlama off", "switched off"),
        (
            {"state": "error", "message": "No model.", "remedy": "Get one."},
            "CodeLlama error",
            "ERROR No model.\n  - ADVICE:\n    - Get one.",
        ),
    ],
    ids=lambda value: value["state"] if isinstance(value, dict) else "",
)
def test_every_state_is_shown(
    open_neovim: Open, status: dict[str, object], line: str, health: str
) -> None:
    vim = open_neovim("\n", stub=SUGGESTS).neovim
    said = json.dumps(json.dumps(status))
    vim.lua(f"require('codellama').change_settings({{ say_status = vim.json.decode({said}) }})")
    until(lambda: vim.lua("return require('codellama').statusline()") == line, line)
    # Only an error is worth a message.
    told = "codellama: No model.\nGet one." if status["state"] == "error" else ""
    assert vim.messages() == told
    vim.command_line("CodeLlama status")
    for key, label in {"state": "state", "message": "problem", "remedy": "remedy"}.items():
        if key in status:
            assert f"{label:8} {status[key]}" in vim.window()
    vim.type("q")
    until(lambda: vim.window() == "", "the window is gone")
    vim.command_line("checkhealth codellama")
    until(lambda: "accept: <Tab>" in vim.text(), "the report")
    # 0.12 puts a sign before the words.
    assert health in re.sub("[✅⚠️❌] ?", "", vim.text())


needs_llama = pytest.mark.skipif(
    importlib.util.find_spec("llama_cpp") is None, reason="llama.cpp is not installed"
)

PYTHON = """class Point:
    def __init__(self, x, y):
        self.x = x
        self.y = y

    def add(self, other):
"""


@needs_llama
def test_the_embedded_model(open_neovim: Open) -> None:
    vim = open_neovim(PYTHON).neovim
    vim.type("Goreturn Point(self.x")
    until(lambda: vim.text().endswith("return Point(self.x"), "the text")
    typed = vim.text()
    ghost = until(vim.ghost, "a suggestion")
    # Typing along what it says keeps the rest.
    vim.type(f"<C-v>u{ord(ghost[0]):04x}")
    vim.until_ghost(ghost[1:])
    vim.type("<Tab>")
    vim.until_text(typed + ghost)
    assert vim.lua("return require('codellama').status().model")
    vim.type("<Esc>")
    ready = r"CodeLlama ready \d+ ms"
    line = "return require('codellama').statusline()"
    until(lambda: re.fullmatch(ready, vim.lua(line)), "a status line with a time")
    assert vim.messages() == ""
    vim.command_line("checkhealth codellama")
    until(lambda: "accept: <Tab>" in vim.text(), "the report")
    assert "OK model" in re.sub("[✅] ?", "", vim.text())
    assert "ERROR" not in vim.text()
    assert "WARNING" not in vim.text()
