"""What keystrokes do to a document, row by row: "|" is the cursor."""

from __future__ import annotations

import pytest

from codellama_lsp.evaluation.keystrokes.editor import Editor, EventClass

E = EventClass


def at(marked: str) -> Editor:
    offset = marked.index("|")
    return Editor(marked.replace("|", "", 1), offset)


def seen(editor: Editor) -> str:
    return editor.text[: editor.offset] + "|" + editor.text[editor.offset :]


def play(editor: Editor, keys: str) -> list[EventClass]:
    """Press `keys`: "⏎" Enter, "⌫" Backspace, "⌦" Delete, "↶" undo."""
    special = {"⏎": editor.enter, "⌫": editor.backspace, "⌦": editor.delete, "↶": editor.undo}
    return [special[key]() if key in special else editor.type(key) for key in keys]


ROWS = {
    "a letter": ("a|\n", "b", "ab|\n", [E.TYPE]),
    "inside a word": ("a|c", "b", "ab|c", [E.INSIDE_WORD]),
    "a bracket closes itself": ("f|\n", "(", "f(|)\n", [E.AUTO_CLOSE]),
    "not before a word": ("f|x", "(", "f(|x", [E.TYPE]),
    "before a closer": ("f(|)", "[", "f([|])", [E.AUTO_CLOSE]),
    "typed over": ("f|", "(a)", "f(a)|", [E.AUTO_CLOSE, E.TYPE, E.OVERTYPE]),
    "an old closer is not": ("f(|)", ")", "f()|)", [E.TYPE]),
    "a quote closes itself": ("x = |\n", '"a"', 'x = "a"|\n', [E.AUTO_CLOSE, E.TYPE, E.OVERTYPE]),
    "not behind a word": ("don|\n", "'", "don'|\n", [E.TYPE]),
    "not inside a string": ("x = |\n", "\"'", 'x = "\'|"\n', [E.AUTO_CLOSE, E.TYPE]),
    "three quotes": ("|\n", '"""', '"""|\n', [E.AUTO_CLOSE, E.OVERTYPE, E.TYPE]),
    "a quote at the start": ("|", "'", "'|'", [E.AUTO_CLOSE]),
    "Enter keeps the indentation": ("  a|\nb", "⏎", "  a\n  |\nb", [E.NEWLINE]),
    "deeper after a colon": ("if a:|\nb", "⏎", "if a:\n    |\nb", [E.NEWLINE]),
    "between braces": ("  f {|}\n", "⏎", "  f {\n      |\n  }\n", [E.ENTER_BRACES]),
    "behind an argument": ("f(a,|)", "⏎", "f(a,\n|)", [E.NEWLINE]),
    "blanks of their own go": ("  a|\nb", "⏎⏎", "  a\n\n  |\nb", [E.NEWLINE, E.NEWLINE]),
    "Backspace": ("ab|c", "⌫", "a|c", [E.BACKSPACE]),
    "a step of indentation": ("        |a", "⌫", "    |a", [E.BACKSPACE]),
    "an odd step": ("      |a", "⌫", "    |a", [E.BACKSPACE]),
    "an empty pair": ("f|\n", "(⌫", "f|\n", [E.AUTO_CLOSE, E.BACKSPACE]),
    "an old pair half": ("f(|)\n", "⌫", "f|)\n", [E.BACKSPACE]),
    "at the start": ("|a", "⌫", "|a", [E.BACKSPACE]),
    "Delete": ("a|bc", "⌦", "a|c", [E.DELETE]),
    "undo by words": ("x|", " ab cd↶", "x ab |", [*([E.TYPE] * 6), E.UNDO]),
    "undo twice": ("x|", "ab cd↶↶", "x|", [*([E.TYPE] * 5), E.UNDO, E.UNDO]),
    "nothing to undo": ("x|", "↶", "x|", [E.UNDO]),
    "undo a closed bracket": ("x|", "(↶", "x|", [E.AUTO_CLOSE, E.UNDO]),
}


@pytest.mark.parametrize("name", ROWS)
def test_keys(name: str) -> None:
    before, keys, after, kinds = ROWS[name]
    editor = at(before)
    assert play(editor, keys) == kinds
    assert seen(editor) == after


def test_inserting_moves_the_closers_along() -> None:
    editor = at("f|\n")
    play(editor, "(")
    editor.insert("a, b", E.PASTE)
    assert editor.type(")") is E.OVERTYPE
    assert seen(editor) == "f(a, b)|\n"


def test_a_suggestion_takes_the_place_of_what_it_holds() -> None:
    editor = at("f|\n")
    play(editor, "(")
    editor.insert("a, b)", E.ACCEPT, replaced=1)
    assert seen(editor) == "f(a, b)|\n"


def test_a_closer_that_was_left_is_no_longer_typed_over() -> None:
    editor = at("f|\ng\n")
    play(editor, "(")
    editor.move(len(editor.text))
    editor.move(2)
    assert editor.type(")") is E.TYPE
