"""Suggestions beside real neighbours: a second server, brackets in pairs, a status line."""

from __future__ import annotations

import json

import pytest

from tests.editors.conftest import Open, Session, need_tmux, neighbour
from tests.editors.waiting import until

ANSWERS: list[object] = ["append(len(values))"] * 200
MENU = "return vim.fn.pumvisible() == 1"
WORDS = "return vim.tbl_map(function(item) return item.word end, vim.fn.complete_info().items)"

_START = """
vim.o.completeopt = 'menuone,noselect'
vim.lsp.start({{
  name = 'pylsp',
  cmd = {{ {program} }},
  root_dir = vim.fn.getcwd(),
  on_attach = function(client, bufnr)
    if vim.lsp.completion and vim.lsp.completion.enable then
      vim.lsp.completion.enable(true, client.id, bufnr, {{ autotrigger = true }})
    end
  end,
}})
"""


@pytest.fixture
def beside(open_neovim: Open) -> Session:
    """A Python file with python-lsp-server and the real server, whose model plays answers."""
    program = neighbour("pylsp")
    session = open_neovim("values = [1]\nnope\n\n", answers=ANSWERS)
    vim = session.neovim
    vim.lua(_START.format(program=json.dumps(str(program))))
    until(lambda: vim.lua("return #vim.lsp.get_clients({ bufnr = 0 })") == 2, "both servers")
    said = "return vim.tbl_map(function(one) return one.message end, vim.diagnostic.get(0))"
    until(lambda: vim.lua(said) == ["undefined name 'nope'"], "its diagnostic")
    return session


def open_menu(session: Session, ghost: str) -> None:
    """Types `values.` at the end; its menu comes by itself where Neovim can, else by a key."""
    vim = session.neovim
    vim.type("Givalues.")
    vim.until_ghost(ghost)
    if not vim.lua("return vim.lsp.completion ~= nil and vim.lsp.completion.enable ~= nil"):
        vim.type("<C-x><C-o>")
    until(lambda: vim.lua(MENU), "the menu")
    until(lambda: {"append", "clear", "count"} <= set(vim.lua(WORDS)), "the list's methods")


def test_a_menu_and_a_suggestion_at_once(beside: Session) -> None:
    vim = beside.neovim
    open_menu(beside, "append(len(values))")
    assert vim.ghost() == "append(len(values))"
    # Both follow what is typed.
    vim.type("ap")
    vim.until_ghost("pend(len(values))")
    vim.type("<Tab>")
    vim.until_text("values = [1]\nnope\nvalues.append(len(values))")
    vim.type("<Esc>")
    assert vim.messages() == ""


def test_an_entry_of_the_menu_taken_instead(beside: Session) -> None:
    vim = beside.neovim
    open_menu(beside, "append(len(values))")
    vim.type("cl")
    until(lambda: vim.ghost() == "", "what does not fit is gone")
    if not vim.lua(MENU):
        vim.type("<C-x><C-o>")
    until(lambda: vim.lua(MENU), "the menu again")
    vim.type("<C-n>")
    until(lambda: vim.text().split("\n")[2].startswith("values.clear"), "the entry")
    vim.type("<C-y><Esc>")
    assert vim.messages() == ""


def test_the_other_server_answers_meanwhile(beside: Session) -> None:
    """Hover and definition are the other one's alone."""
    vim = beside.neovim
    open_menu(beside, "append(len(values))")
    vim.type("<Tab><Esc>")
    vim.until_text("values = [1]\nnope\nvalues.append(len(values))")
    vim.type("3G0f.l")
    until(lambda: vim.cursor() == (3, len("values.")), "the cursor on append")
    vim.command_line("lua vim.lsp.buf.hover()")
    until(lambda: "append(object" in vim.window(), "its signature")
    vim.type("0")
    vim.command_line("lua vim.lsp.buf.definition()")
    until(lambda: vim.cursor() == (1, 0), "the definition")
    assert vim.messages() == ""


# Plugins


def plugin(name: str, setup: str) -> str:
    place = json.dumps(str(neighbour(name)))
    return f"vim.opt.runtimepath:append({place})\n{setup}\n"


def test_brackets_that_close_themselves(open_neovim: Open) -> None:
    more = plugin("neovim-autopairs", "require('nvim-autopairs').setup({})")
    session = open_neovim("total = 1\n\n", answers=["total, len('x'))"] * 100, more=more)
    vim = session.neovim
    vim.type("Giprint(")
    vim.until_text("total = 1\nprint()")
    vim.until_ghost("total, len('x')")
    vim.type("to")
    vim.until_ghost("tal, len('x')")
    vim.type("<Tab>")
    vim.until_text("total = 1\nprint(total, len('x'))")
    # Its own keys still do what they did: over the bracket, and back through a pair.
    vim.type(")<CR>f(<BS>")
    vim.until_text("total = 1\nprint(total, len('x'))\nf")
    assert vim.messages() == ""


def test_the_component_for_lualine(open_neovim: Open) -> None:
    need_tmux("neovim")
    component = "{ require('codellama').statusline }"
    sections = f"sections = {{ lualine_x = {component} }}"
    setup = f"require('lualine').setup({{ options = {{ icons_enabled = false }}, {sections} }})"
    session = open_neovim(
        "values = [1]\n", answers=ANSWERS, more=plugin("nvim-lualine", setup), screen=True
    )
    terminal = session.neovim.terminal
    assert terminal is not None
    screen = terminal.until_shown("CodeLlama ready")
    assert "NORMAL" in screen
    terminal.keys("G", "o")
    terminal.type("values.")
    terminal.until_screen(lambda screen: "CodeLlama ready " in screen and " ms" in screen, "a time")
    assert session.neovim.messages() == ""
