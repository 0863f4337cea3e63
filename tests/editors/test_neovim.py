"""Suggestions in a real Neovim: Neovim's own inline completion, and the plugin's ghost text."""

from __future__ import annotations

from tests.editors.conftest import Open
from tests.editors.neovim import until

TEXTS = {"anchor": "total = ", "texts": ["sum(values)\nprint(total)", "max(values)", "0"]}
WHOLE = "sum(values)\nprint(total)"


def test_shown_as_ghost_text_and_accepted_exactly(open_neovim: Open) -> None:
    session = open_neovim("values = [1]\n\n", stub=TEXTS)
    vim = session.neovim
    vim.type("jitotal = ")
    vim.until_ghost(WHOLE)
    assert vim.text() == "values = [1]\ntotal = "
    vim.type("<Tab>")
    vim.until_text("values = [1]\ntotal = " + WHOLE)
    assert vim.cursor() == (3, len("print(total)"))
    until(lambda: vim.ghost() == "", "no ghost text")
    until(lambda: session.told("workspace/executeCommand"), "the server knows")
    assert session.told("textDocument/didShowCompletion")
    assert vim.messages() == ""
