"""Suggestions beside other language servers and completion menus."""

from __future__ import annotations

from tests.editors.conftest import LINE, SUGGESTS, WHOLE, Open
from tests.editors.conftest import STUB as STUB_SERVER
from tests.editors.waiting import until


def test_beside_another_language_server(open_neovim: Open) -> None:
    session = open_neovim("values = [1]\n\n", stub=SUGGESTS)
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
