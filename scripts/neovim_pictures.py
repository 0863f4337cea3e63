"""Makes docs/images/neovim.png, a recording of a real Neovim with the embedded model, and pictures
of `codellama-lsp doctor` and `stats` after it.

Needs what scripts/install-neovim installs, Pillow and rich: `make pictures` sees to all. The
project is the one that `codellama-lsp demo` opens; what is suggested, the model says.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

from scripts.frames import Frames
from scripts.terminal_picture import Painter
from tests.editors.neovim import PLUGIN, Neovim, find_neovim
from tests.editors.places import REPOSITORY
from tests.editors.terminal import Terminal
from tests.editors.waiting import until

IMAGES = REPOSITORY / "docs" / "images"
DEMO = REPOSITORY / "codellama_lsp" / "data" / "demo"
SERVER = [sys.executable, "-m", "codellama_lsp", "serve"]

#: How long a frame stays, in milliseconds: while typing, and to read what came.
TYPED_MS, READ_MS = 90, 1600
COLUMNS, ROWS = 84, 21

INIT = f"""
vim.opt.runtimepath:prepend({json.dumps(str(PLUGIN))})
vim.o.termguicolors = true
vim.o.swapfile = false
vim.o.number = true
vim.o.ruler = false
vim.o.showmode = false
vim.api.nvim_set_hl(0, 'ComplHint', {{ link = 'Comment' }})
vim.o.shortmess = vim.o.shortmess .. 'I'
vim.o.statusline = ' %f %m%=%{{v:lua.require("codellama").statusline()}} '
require('codellama').setup({{ cmd = vim.json.decode({json.dumps(json.dumps(SERVER))}) }})
"""


class Recording:
    """Keys into a Neovim on a screen, and what is seen of them."""

    def __init__(self, vim: Neovim) -> None:
        assert vim.terminal is not None
        self.vim, self._terminal = vim, vim.terminal
        self._painter, self._frames = Painter(), Frames(colours=64)
        self._caption = ""

    def look(self, stays_ms: int, caption: str | None = None) -> None:
        """What is on the screen now, with a `caption` that stays until another one comes."""
        if caption is not None:
            self._caption = caption
        bar = self.vim.lua("return vim.api.nvim_get_mode().mode") == "i"
        picture = self._painter.paint(
            self._settled(),
            COLUMNS,
            cursor=self._terminal.cursor(),
            bar=bar,
            caption=self._caption,
        )
        self._frames.add(picture, stays_ms)

    def _settled(self) -> str:
        """The screen once it changes no more: Neovim draws a little later than it does."""
        seen = ""
        while seen != (seen := self._terminal.coloured()):
            time.sleep(0.1)
        return seen

    def type(self, text: str, caption: str | None = None) -> None:
        """A frame for each character."""
        for character in text:
            self.vim.type(character.replace("<", "<lt>"))
            self.look(TYPED_MS, caption)

    def press(self, key: str, caption: str) -> None:
        """A key that changes what is suggested or what stands in the file."""
        before = self._state()
        self.vim.type(key)
        until(lambda: self._state() != before, f"something after {key}")
        self.look(READ_MS, caption)

    def _state(self) -> tuple[str, str, str]:
        mode = str(self.vim.lua("return vim.api.nvim_get_mode().mode"))
        return self.vim.text(), self.vim.ghost(), mode

    def suggestion(self, caption: str) -> str:
        """Until there is one."""
        shown = str(until(self.vim.ghost, f"a suggestion ({caption})"))
        self.look(READ_MS, caption)
        return shown

    def save(self, path: Path) -> None:
        """All of it."""
        self._frames.save(path)


def record(vim: Neovim, path: Path) -> None:
    """Suggestions typed along, taken by the word, taken whole, and exchanged for others."""
    recording = Recording(vim)
    vim.lua("vim.api.nvim_buf_set_lines(0, 56, 56, false, { '    ', '' })")
    vim.type("57Gzz5<C-e>A")
    recording.look(READ_MS, "Neovim, and the model that comes with the server")
    recording.type("def copies_of(self, author", "typing …")
    shown = recording.suggestion("a suggestion appears in grey")
    recording.type(shown[:4], "typing along keeps the rest of it")
    recording.look(READ_MS)
    recording.press("<C-Right>", "Ctrl-Right: take a word of it")
    recording.press("<C-Right>", "Ctrl-Right: take a word of it")
    recording.press("<Tab>", "Tab: take all of it")
    recording.look(READ_MS)
    vim.type("<CR><CR>")
    recording.look(TYPED_MS, "typing …")
    recording.type("def lend(self, isbn: str")
    recording.suggestion("another suggestion")
    for _ in range(3):
        recording.press("<M-n>", "Alt-n: what else there could be")
    recording.press("<Tab>", "Tab: take it")
    recording.press("<Esc>", "")
    recording.look(READ_MS)
    recording.save(path)


def printed(words: str, home: Path, last: str, path: Path) -> None:
    """What `codellama-lsp WORDS` prints, down to a line with `last`, as a terminal shows it."""
    # By names that say nothing of the machine it was made on.
    clone, program = home / "codellama-lsp", home / "bin" / "codellama-lsp"
    if not clone.exists():
        clone.symlink_to(REPOSITORY)
        program.parent.mkdir()
        python = clone / ".venv" / "bin" / "python"
        program.write_text(f'#!/bin/sh\nexec {python} -m codellama_lsp "$@"\n', encoding="utf-8")
        program.chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(clone),
        "PS1": "$ ",
    }
    columns = 118
    terminal = Terminal(["bash", "--norc", "--noprofile"], environment, home)
    try:
        terminal.resize(columns, 60)
        terminal.until_screen(lambda screen: screen.strip() == "$", "a prompt")
        terminal.type(f"codellama-lsp {words}")
        terminal.keys("Enter")
        terminal.until_screen(lambda screen: screen.rstrip().endswith("$") and last in screen, last)
        lines = terminal.coloured().rstrip().split("\n")
    finally:
        terminal.stop()
    picture = Painter().paint("\n".join(line.rstrip() for line in lines[:-1]), columns)
    picture.quantize(32, dither=Image.Dither.NONE).save(path, optimize=True)


def main() -> int:
    """The recording, then what the commands say about it."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    program = find_neovim("0.12")
    assert program is not None, "scripts/install-neovim installs it"
    place = Path(tempfile.mkdtemp(prefix="demo-"))
    os.environ["CODELLAMA_LSP_STATE_DIR"] = str(place / "state")
    try:
        project = place / "demo"
        shutil.copytree(DEMO, project)
        init = INIT + f"vim.cmd.cd({json.dumps(str(project))})\n"
        vim = Neovim(program, place / "home", init, str(project / "library" / "books.py"))
        vim.start(screen=True)
        try:
            assert vim.terminal is not None
            vim.terminal.resize(COLUMNS, ROWS)
            state = "return require('codellama').status().state"
            until(lambda: vim.lua(state) == "ready", "the server is ready")
            record(vim, IMAGES / "neovim.png")
        finally:
            vim.stop()
        printed("doctor | grep -v platform", place, "ompletions", IMAGES / "doctor.png")
        printed("stats | sed '/^Time/,$d'", place, "Rates", IMAGES / "stats.png")
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
