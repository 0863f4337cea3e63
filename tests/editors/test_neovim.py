"""Suggestions in a real Neovim: Neovim's own inline completion, and the plugin's ghost text."""

from __future__ import annotations

import pytest

from tests.editors.conftest import LINE, SUGGESTS, WHOLE, Open, begin
from tests.editors.waiting import until


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
    partly = "textDocument/didPartiallyAcceptCompletion"
    # Six keys: the last of them a word after a line break.
    until(lambda: len(session.told(partly)) == 6, "the server knows of each")
    parts = session.told(partly)
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


def test_focus_and_yank_reach_the_server(open_neovim: Open) -> None:
    session = open_neovim("first\nsecond ü\n", stub=SUGGESTS)
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


def test_keys_typed_at_once_behind_accepting(open_neovim: Open) -> None:
    vim = begin(open_neovim).neovim
    vim.type("<Tab><Esc>")
    vim.until_text(LINE + WHOLE)
    vim.type("ototal = ")
    vim.until_ghost(WHOLE)
    vim.type("<C-Right> + 1<Esc>")
    vim.until_text(LINE + WHOLE + "\ntotal = sum + 1")
    assert vim.messages() == ""
