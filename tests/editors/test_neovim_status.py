"""Every state of the server in a real Neovim: its status line, and what :CodeLlama status says."""

from __future__ import annotations

from pathlib import Path

from codellama_lsp.lsp.status import State
from tests.editors.conftest import Open
from tests.editors.neovim import Neovim
from tests.editors.waiting import until

#: The status line as it was after each message of the server.
_RECORD = """
_G.seen = {}
vim.api.nvim_create_autocmd('User', { pattern = 'CodeLlamaStatus', callback = function()
  _G.seen[#_G.seen + 1] = require('codellama').statusline()
end })
"""


def seen(vim: Neovim) -> list[str]:
    return [str(line) for line in vim.lua("return _G.seen")]


def until_line(vim: Neovim, start: str) -> None:
    line = "return require('codellama').statusline()"
    until(lambda: str(vim.lua(line)).startswith(start), f"status line {start!r}")


def check_window(vim: Neovim, *words: str) -> None:
    """What `:CodeLlama status` opens."""
    vim.type("<Esc>")
    vim.command_line("CodeLlama status")
    for word in words:
        until(lambda word=word: word in vim.window(), f"{word!r} in the window")
    vim.type("q")
    until(lambda: vim.window() == "", "the window is gone")


def test_every_state(open_neovim: Open, tmp_path: Path) -> None:
    # A busy machine answers well within the limit.
    answer = {"text": "sum(values)", "delay_ms": 700}
    session = open_neovim(
        "values = [1]\n\n",
        answers=[{**answer, "load_ms": 1500}, *[answer] * 3, *["sum(values)"] * 50],
        options="settings = { slow_ms = 600, speculate = false },",
        more=_RECORD,
    )
    vim = session.neovim
    check_window(vim, "state    ready", "model    scripted")
    vim.type("j")
    for number in range(4):
        vim.type(f"otoken{number} = ")
        vim.until_ghost("sum(values)")
        vim.type("<Esc>")
    until_line(vim, "CodeLlama slow")
    check_window(vim, "state    slow", "suggestions take", "`model`")
    for number in range(4, 12):
        vim.type(f"otoken{number} = ")
        vim.until_ghost("sum(values)")
        vim.type("<Esc>")
    until_line(vim, "CodeLlama ready")
    vim.command_line("CodeLlama language")
    until_line(vim, "CodeLlama off")
    check_window(vim, "state    off", "suggestions are off for python", "languages_off")
    vim.command_line("CodeLlama language")
    until_line(vim, "CodeLlama ready")
    vim.command_line("CodeLlama toggle")
    until_line(vim, "CodeLlama off")
    check_window(vim, "state    off", "switched off", "codellama.toggle")
    vim.command_line("CodeLlama toggle")
    until_line(vim, "CodeLlama ready")
    (tmp_path / "script.json").write_text("no json")
    vim.command_line("CodeLlama engine")
    until_line(vim, "CodeLlama error")
    check_window(vim, "state    error", "is not JSON", "remedy")
    states = {line.split()[1] for line in seen(vim)}
    assert states == {state.value for state in State}
    loading = [line.split()[2] for line in seen(vim) if line.split()[1] == "loading"]
    assert any(share.endswith("%") for share in loading)
