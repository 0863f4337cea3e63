"""Suggestions beside other language servers and completion menus."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

import pytest

from tests.editors.conftest import LINE, SUGGESTS, WHOLE, Open
from tests.editors.conftest import STUB as STUB_SERVER
from tests.editors.places import editors_dir
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


def test_a_completion_menu_that_is_open(open_neovim: Open) -> None:
    """Neovim's own menu, with entries of the other server, over the same text as a suggestion."""
    session = open_neovim("values = [1]\n\n", stub=SUGGESTS)
    vim = session.neovim
    vim.lua(_SECOND.format(stub=STUB_SERVER).replace("forever", "sum_of_everything"))
    until(lambda: vim.lua("return #vim.diagnostic.get(0)") == 1, "the other one is there")
    vim.lua("vim.o.completeopt = 'menuone,noselect'")
    vim.type("jitotal = s")
    vim.until_ghost(WHOLE[1:])
    vim.type("<C-x><C-o>")
    until(lambda: vim.lua("return vim.fn.pumvisible()") == 1, "the menu")
    vim.until_ghost(WHOLE[1:])
    # Selected: the key is the menu's, and inserts a tab where nobody mapped it.
    vim.type("<C-n>")
    vim.until_text(LINE + "sum_of_everything")
    vim.type("<C-p>")
    vim.until_text(LINE + "s")
    vim.until_ghost(WHOLE[1:])
    vim.type("<Tab>")
    vim.until_text(LINE + WHOLE)
    assert vim.messages() == ""


def test_beside_a_completion_plugin(open_neovim: Open, tmp_path: Path) -> None:
    """ALE opens its menu by itself while somebody types; both look at the same text."""
    ale = editors_dir() / "vim" / "usr" / "share" / "vim-ale"
    if not ale.exists():
        pytest.skip("ALE was not found; scripts/install-terminal-editors unpacks it")
    script = tmp_path / "other.json"
    script.write_text('{"completion": "sum_of_everything"}', encoding="utf-8")
    command = shlex.join([sys.executable, str(STUB_SERVER), str(script), f"{script}.log"])
    session = open_neovim("values = [1]\n\n", stub=SUGGESTS, more=_ALE.format(ale, command))
    vim = session.neovim
    vim.type("jitotal = s")
    menu = "return vim.fn.pumvisible() == 1"
    until(lambda: vim.lua(menu), "the menu")
    vim.until_ghost(WHOLE[1:])
    vim.type("u")
    vim.until_ghost(WHOLE[2:])
    until(lambda: vim.lua(menu), "the menu again")
    vim.type("<C-n>")
    vim.until_text(LINE + "sum_of_everything")
    vim.type("<C-p>")
    vim.until_text(LINE + "su")
    vim.until_ghost(WHOLE[2:])
    vim.type("<Tab>")
    vim.until_text(LINE + WHOLE)
    assert vim.messages() == ""


_ALE = """
vim.opt.runtimepath:append('{0}')
vim.g.ale_completion_enabled = 1
vim.g.ale_completion_delay = 20
vim.g.ale_use_neovim_lsp_api = 0
vim.g.ale_linters = {{ python = {{ 'other' }} }}
vim.fn['ale#linter#Define']('python', {{
  name = 'other', lsp = 'stdio', executable = 'sh', command = [[{1}]], project_root = '/',
}})
"""


@pytest.mark.parametrize("neovim_kind", ["0.12"], indirect=True)
def test_another_server_with_inline_completion(open_neovim: Open, tmp_path: Path) -> None:
    """Neovim shows one of all suggestions; the key takes that one, whoever made it."""
    session = open_neovim("values = [1]\n\n", stub={**SUGGESTS, "texts": ["sum(values)"]})
    vim = session.neovim
    script = tmp_path / "other.json"
    script.write_text(json.dumps({**SUGGESTS, "texts": ["zip(values)"]}), encoding="utf-8")
    command = json.dumps([sys.executable, str(STUB_SERVER), str(script), f"{script}.log"])
    vim.lua(f"vim.lsp.start({{ name = 'other', cmd = vim.json.decode({json.dumps(command)}) }})")
    until(lambda: vim.lua("return #vim.lsp.get_clients({ bufnr = 0 })") == 2, "both")
    vim.type("jitotal = ")
    vim.until_ghost("sum(values)")

    def other() -> bool:
        vim.type("<M-n>")
        # Nothing says when the other one has answered; Neovim shows the first one anew then.
        until(lambda: "/" in vim.ghost(), "a count")
        return vim.ghost() == "zip(values) (2/2)"

    until(other, "the other one's")
    vim.type("<Tab>")
    vim.until_text(LINE + "zip(values)")
    vim.type("<CR>total = ")
    vim.until_ghost("sum(values)")
    vim.type("<Tab>")
    vim.until_text(LINE + "zip(values)\ntotal = sum(values)")
    assert vim.messages() == ""
