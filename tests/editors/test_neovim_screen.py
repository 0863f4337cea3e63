"""Neovim in a real terminal: what is on the screen, and what ends up in the file."""

from __future__ import annotations

import pytest

from tests.editors.conftest import LINE, SUGGESTS, WHOLE, Open, need_tmux
from tests.editors.waiting import until

pytestmark = pytest.mark.parametrize("neovim_kind", ["0.12", "0.11", "0.10"], indirect=True)


def test_shown_followed_accepted_and_saved(open_neovim: Open) -> None:
    need_tmux("neovim")
    more = """
      vim.o.statusline = '%f %{v:lua.require("codellama").statusline()}'
      vim.o.shortmess = vim.o.shortmess .. 'I'
    """
    session = open_neovim("values = [1]\n\n", stub=SUGGESTS, screen=True, more=more)
    vim = session.neovim
    terminal = vim.terminal
    assert terminal is not None
    terminal.until_shown("a.py CodeLlama ready 12 ms")
    terminal.keys("j", "i")
    terminal.type("total = ")
    # Ghost text of two lines: the second one stands below, where the file has nothing.
    screen = terminal.until_shown("total = sum(values)")
    lines = screen.splitlines()
    row = lines.index("total = sum(values)")
    assert lines[row + 1] == "print(total)"
    assert lines[row + 2] == "~"
    assert vim.text() == LINE
    terminal.type("sum")
    until(lambda: vim.text() == LINE + "sum", "typed along")
    terminal.until_shown("total = sum(values)\nprint(total)\n~")
    terminal.keys("C-Right")
    until(lambda: vim.text() == LINE + "sum(", "a word")
    terminal.until_shown("total = sum(values)\nprint(total)\n~")
    terminal.keys("C-]")
    terminal.until_shown("total = sum(\n~")
    terminal.keys("BSpace")
    terminal.until_shown("total = sum(values)\nprint(total)\n~")
    terminal.keys("C-Down")
    until(lambda: vim.text() == LINE + "sum(values)", "the line")
    terminal.keys("C-Down")
    until(lambda: vim.text() == LINE + WHOLE, "the next line")
    terminal.keys("Enter")
    terminal.type("total = ")
    terminal.until_shown("print(total)\ntotal = sum(values)\nprint(total)\n~")
    terminal.keys("M-n")
    terminal.until_shown("total = max(values) (2/3)")
    terminal.keys("Tab")
    whole = LINE + WHOLE + "\ntotal = max(values)"
    until(lambda: vim.text() == whole, "accepted")
    terminal.keys("Escape")
    until(lambda: vim.lua("return vim.api.nvim_get_mode().mode") == "n", "normal mode")
    assert vim.messages() == ""
    terminal.keys(":", "w", "Enter")
    file = vim.home.parent / "project" / "a.py"
    until(lambda: file.read_text(encoding="utf-8") == whole + "\n", "the file is saved")
    assert '"' in terminal.until_shown("written")
