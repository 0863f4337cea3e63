"""The embedded model in a real VS Code, on a project of several files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.editors.vscode_window import SERVER, Window
from tests.editors.waiting import until

DATA = Path(__file__).parents[2] / "codellama_lsp" / "data"

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def window(extension: Path) -> Iterator[Window]:
    if not (DATA / "tiny.gguf").exists():
        pytest.skip("no embedded model in this copy")
    found = Window(extension, SERVER, DATA / "demo")
    try:
        found.start()
        yield found
    finally:
        found.close()


@pytest.fixture(autouse=True)
def state_dir() -> None:
    """The window's own holds for a whole module."""


def test_tab_inserts_exactly_what_was_shown(window: Window) -> None:
    code = window.fresh("stack.py", STACK)
    code.do("type", "        return len(")
    ghost = until(code.ghost, "a suggestion")
    code.do("press", "Tab")
    # VS Code put the closing bracket there itself; the suggestion is what stands before it.
    until(lambda: code.text("stack.py").startswith(f"{STACK}        return len({ghost}"), ghost)


def test_several_lines(window: Window) -> None:
    window.set(multiLine="always")
    before = (
        (code := window.code).folder.joinpath("library", "books.py").read_text(encoding="utf-8")
    )
    code.open("books.py")
    window.until_ready()
    code.do("type", "    def by_isbn(self, isbn: str) -> list[Book]:")
    code.do("press", "Enter")
    until(lambda: code.do("content", GHOST_LINES), "lines of ghost text")
    first = code.ghost()
    code.do("press", "Tab")
    until(
        lambda: len(code.text("library/books.py").split("\n")) > len(before.split("\n")) + 1, first
    )


GHOST_LINES = ".suggest-preview-text .view-line"

STACK = """class Stack:
    def __init__(self):
        self.items = []

    def push(self, item):
        self.items.append(item)

    def pop(self):
        return self.items.pop()

    def __len__(self):
"""
