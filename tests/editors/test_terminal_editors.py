"""Helix, and Vim with ALE, in a terminal: a suggestion in the completion menu, taken and saved.

Both are set up with the files that `editors/` ships, as their pages in `docs/editors/` say.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.editors.conftest import missing, need_tmux, server_on_path
from tests.editors.places import REPOSITORY, editors_dir
from tests.editors.terminal import Terminal
from tests.editors.waiting import until

BEFORE = "values = [1]\n"
Start = Callable[..., tuple[Terminal, Path]]


@pytest.fixture
def start(state_dir: Path) -> Iterator[Start]:
    """Opens a file in an editor whose server plays answers; gives its terminal and the file."""
    running: list[Terminal] = []

    def start_it(name: str, *arguments: str, answers: list[object]) -> tuple[Terminal, Path]:
        program = editors_dir() / "bin" / name
        if not program.exists():
            missing("terminal", f"{name} was not found; scripts/install-terminal-editors does it")
        need_tmux("terminal")
        home = state_dir / "home"
        home.mkdir(exist_ok=True)
        environment = {
            **os.environ,
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home / "config"),
            "XDG_CACHE_HOME": str(home / "cache"),
            "PATH": server_on_path(state_dir, answers),
        }
        file = state_dir / "a.py"
        file.write_text(BEFORE, encoding="utf-8")
        running.append(Terminal([str(program), *arguments, str(file)], environment, state_dir))
        return running[-1], file

    yield start_it
    for terminal in running:
        terminal.stop()


def saved(file: Path, text: str) -> None:
    # An editor may take the file away for a moment to write it.
    found = [""]

    def look() -> bool:
        with contextlib.suppress(FileNotFoundError):
            found[0] = file.read_text(encoding="utf-8")
        return found[0] == text

    try:
        until(look, f"{text!r} in the file")
    except AssertionError as error:
        raise AssertionError(f"{error}; it is {found[0]!r}") from None


@pytest.mark.parametrize("answer", ["sum(values)", "sum(values)\nprint(total)"])
def test_helix(start: Start, state_dir: Path, answer: str) -> None:
    config = state_dir / "home" / "config" / "helix"
    config.mkdir(parents=True)
    shipped = (REPOSITORY / "editors" / "helix" / "languages.toml").read_text(encoding="utf-8")
    setting = '\n[language-server.codellama.config]\nmulti_line = "always"\n'
    (config / "languages.toml").write_text(shipped + setting, encoding="utf-8")
    terminal, file = start("hx", answers=[answer] * 50)
    terminal.until_shown("values = [1]")
    terminal.keys("o")
    terminal.until_shown("INS")
    terminal.type("total =")
    terminal.type_until_shown(" ", "sum(values) text")
    terminal.keys("Tab")
    terminal.until_shown("total = sum(values)")
    terminal.keys("Enter", "Escape")
    terminal.until_shown("NOR")
    terminal.type(":w")
    terminal.keys("Enter")
    saved(file, BEFORE + "total = " + answer + "\n")


def test_vim_with_ale(start: Start, state_dir: Path) -> None:
    ale = editors_dir() / "vim" / "usr" / "share" / "vim-ale"
    vimrc = state_dir / "vimrc"
    vimrc.write_text(
        f"set nocompatible runtimepath+={ale}\nfiletype plugin on\n"
        f"source {REPOSITORY}/editors/vim/codellama-ale.vim\n",
        encoding="utf-8",
    )
    # No parenthesis in it: ALE takes an entry only up to its first one.
    terminal, file = start("vim-9", "-u", str(vimrc), answers=["m_of_all"] * 50)
    terminal.until_shown("values = [1]")
    terminal.type("ototal = s")
    terminal.type_until_shown("u", "sum_of_all ")
    terminal.keys("C-n", "C-y", "Escape")
    terminal.until_shown("total = sum_of_all")
    terminal.type(":w")
    terminal.keys("Enter")
    saved(file, BEFORE + "total = sum_of_all\n")
