"""Suggestions in a real Neovim: Neovim's own inline completion, and the plugin's ghost text."""

from __future__ import annotations

import os
import signal
import subprocess
import time

import pytest

from tests.editors.conftest import STUB as STUB_SERVER
from tests.editors.conftest import Open, Session
from tests.editors.neovim import until

STUB: dict[str, object] = {
    "anchor": "total = ",
    "texts": ["sum(values)\nprint(total)", "max(values)", "0"],
}
WHOLE = "sum(values)\nprint(total)"
LINE = "values = [1]\ntotal = "


def begin(open_neovim: Open, **more: object) -> Session:
    """A buffer with the cursor behind `LINE` and the stub's first suggestion on the screen."""
    session = open_neovim("values = [1]\n\n", stub={**STUB, **more})
    session.neovim.type("jitotal = ")
    session.neovim.until_ghost(WHOLE)
    return session


def test_accept_inserts_exactly_what_was_shown(open_neovim: Open) -> None:
    session = begin(open_neovim)
    vim = session.neovim
    assert vim.text() == LINE
    vim.type("<Tab>")
    vim.until_text(LINE + WHOLE)
    assert vim.cursor() == (3, len("print(total)"))
    until(lambda: vim.ghost() == "", "no ghost text")
    until(lambda: session.told("workspace/executeCommand"), "the server knows")
    (shown, *_) = session.told("textDocument/didShowCompletion")
    assert shown["item"]["insertText"] == WHOLE
    assert vim.messages() == ""


def test_undo_takes_back_the_suggestion_alone(open_neovim: Open) -> None:
    vim = begin(open_neovim).neovim
    vim.type("<Tab>")
    vim.until_text(LINE + WHOLE)
    vim.type("<Esc>u")
    vim.until_text(LINE)


def test_typing_along_keeps_it_and_inserts_nothing_twice(open_neovim: Open) -> None:
    vim = begin(open_neovim).neovim
    vim.type("su")
    vim.until_ghost(WHOLE[2:])
    # Accepted before an answer to the new text can have come.
    vim.type("m(<Tab>")
    vim.until_text(LINE + WHOLE)


def test_typing_something_else_takes_it_away(open_neovim: Open) -> None:
    vim = begin(open_neovim).neovim
    vim.type("q")
    until(lambda: vim.ghost() == "", "no ghost text")
    vim.type("<Tab>x")
    vim.until_text(LINE + "q   x")


def test_dismissed_until_the_text_changes(open_neovim: Open) -> None:
    vim = begin(open_neovim).neovim
    vim.type("<C-]>")
    until(lambda: vim.ghost() == "", "no ghost text")
    vim.type("s")
    vim.until_ghost(WHOLE[1:])
    vim.type("<Esc>")
    until(lambda: vim.ghost() == "", "no ghost text")
    assert vim.text() == LINE + "s"


def test_cycling(open_neovim: Open) -> None:
    vim = begin(open_neovim).neovim
    vim.type("<M-n>")
    vim.until_ghost("max(values) (2/3)")
    vim.type("<M-n>")
    vim.until_ghost("0 (3/3)")
    vim.type("<M-p>")
    vim.until_ghost("max(values) (2/3)")
    vim.type("<Tab>")
    vim.until_text(LINE + "max(values)")


def test_accept_word_by_word(open_neovim: Open) -> None:
    session = begin(open_neovim)
    vim = session.neovim
    vim.type("<C-Right>")
    vim.until_text(LINE + "sum")
    vim.until_ghost("(values)\nprint(total)")
    vim.type("<C-Right>")
    vim.until_text(LINE + "sum(")
    vim.type("<C-Right><C-Right>")
    vim.until_text(LINE + "sum(values)")
    vim.until_ghost("\nprint(total)")
    vim.type("<C-Right>")
    vim.until_text(LINE + "sum(values)\n")
    vim.type("<C-Right>")
    vim.until_text(LINE + "sum(values)\nprint")
    parts = session.told("textDocument/didPartiallyAcceptCompletion")
    # Counted from the item's start; a newer answer's item may begin further on.
    taken = [part["item"]["insertText"][: part["acceptedLength"]] for part in parts]
    assert taken[0] == "sum"
    assert all("sum(values)\nprint".find(text) >= 0 for text in taken)
    assert taken[1] in ("sum(", "(")
    vim.type("<Tab>")
    vim.until_text(LINE + WHOLE)
    assert vim.messages() == ""


def test_accept_line_by_line(open_neovim: Open) -> None:
    session = begin(open_neovim)
    vim = session.neovim
    vim.type("<C-Down>")
    vim.until_text(LINE + "sum(values)")
    assert session.told("workspace/executeCommand") == []
    vim.type("<C-Down>")
    vim.until_text(LINE + WHOLE)
    until(lambda: session.told("workspace/executeCommand"), "the server knows")


def test_closers_behind_the_cursor_are_replaced(open_neovim: Open) -> None:
    session = open_neovim("\n", stub={"anchor": "print(", "texts": ["'a')"], "replaces_rest": True})
    vim = session.neovim
    vim.type("iprint()<Left>")
    until(lambda: "'a'" in vim.ghost(), "ghost text")
    vim.type("<Tab>")
    vim.until_text("print('a')")


@pytest.mark.parametrize("ends", ["dos", "unix"])
def test_line_ends_and_wide_characters(open_neovim: Open, ends: str) -> None:
    stub = {"anchor": "s = '𝛼ü' + ", "texts": ["'é𝛽'\nt = s"]}
    session = open_neovim("\n", stub=stub, more=f"vim.o.fileformat = '{ends}'")
    vim = session.neovim
    vim.type("is = '𝛼ü' + ")
    vim.until_ghost("'é𝛽'\nt = s")
    vim.type("<Tab>")
    vim.until_text("s = '𝛼ü' + 'é𝛽'\nt = s")


def test_keys_keep_their_meaning_where_nothing_is_shown(open_neovim: Open) -> None:
    more = """
      vim.keymap.set('i', '<Tab>', function() return 'from-a-mapping' end, { expr = true })
      vim.keymap.set('i', '<C-Down>', 'plain<Left>')
    """
    session = open_neovim("\n", stub={"anchor": "total = ", "texts": ["1"]}, more=more)
    vim = session.neovim
    vim.type("ix<Tab><C-Down>y")
    vim.until_text("xfrom-a-mappingplaiyn")


def test_beside_another_language_server(open_neovim: Open) -> None:
    session = open_neovim("values = [1]\n\n", stub=STUB)
    vim = session.neovim
    vim.lua(_SECOND.format(stub=STUB_SERVER))
    until(lambda: vim.lua("return #vim.diagnostic.get(0)") == 1, "the other one's diagnostic")
    vim.type("jitotal = ")
    vim.until_ghost(WHOLE)
    vim.type("<Tab>")
    vim.until_text(LINE + WHOLE)
    vim.type("<Esc>ofor<C-x><C-o>")
    vim.until_text(LINE + WHOLE + "\nforever")
    assert vim.messages() == ""


_SECOND = """
local script = vim.fn.tempname()
vim.fn.writefile({{ '{{"diagnostic": "look here", "completion": "forever"}}' }}, script)
vim.lsp.start({{ name = 'other', cmd = {{ 'python3', '{stub}', script, script .. '.log' }} }})
"""


def test_focus_and_yank_reach_the_server(open_neovim: Open) -> None:
    session = open_neovim("first\nsecond ü\n", stub=STUB)
    vim = session.neovim
    until(lambda: session.told("textDocument/didFocus"), "focus")
    vim.type("jwyy")
    until(lambda: session.told("codellama/didYank"), "yank")
    (yank,) = session.told("codellama/didYank")
    assert yank["text"] == "second ü"
    assert yank["range"] == {
        "start": {"line": 1, "character": 0},
        "end": {"line": 1, "character": len("second ü")},
    }
    vim.type("dd")
    assert len(session.told("codellama/didYank")) == 1


# With the real server


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
    vim = open_neovim("values = [1]\n\n", answers=ANSWERS).neovim
    vim.command_line("CodeLlama toggle")
    until(lambda: vim.lua("return require('codellama').status().state") == "off", "off")
    vim.type("jitotal = ")
    time.sleep(1)  # nothing can be awaited where nothing is to happen
    assert vim.ghost() == ""
    vim.type("<Esc>")
    vim.command_line("CodeLlama toggle")
    until(lambda: vim.lua("return require('codellama').status().state") == "ready", "ready")
    vim.type("a ")
    vim.until_ghost("sum(values)")


def test_a_language_switched_off_while_it_runs(open_neovim: Open) -> None:
    vim = open_neovim("values = [1]\n\n", answers=ANSWERS).neovim
    vim.command_line("CodeLlama language")
    vim.type("jitotal = ")
    time.sleep(1)
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


def test_help_is_there(open_neovim: Open) -> None:
    vim = open_neovim("\n", stub=STUB).neovim
    # Tags go to a copy: the plugin's directory may be read-only.
    vim.lua(_TAGS)
    vim.command_line("help codellama-keys")
    until(lambda: "accept_word" in vim.text(), "the section about keys")


_TAGS = """
local page = vim.api.nvim_get_runtime_file('doc/codellama.txt', false)[1]
local copy = vim.fn.tempname()
vim.fn.mkdir(copy .. '/doc', 'p')
vim.fn.writefile(vim.fn.readfile(page), copy .. '/doc/codellama.txt')
vim.cmd.helptags(copy .. '/doc')
vim.opt.runtimepath:prepend(copy)
"""
