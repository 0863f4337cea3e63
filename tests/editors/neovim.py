"""Drives a real Neovim without a screen: keys in, anything that Lua can see out.

Knows the plugin only through what a user sees: buffer, virtual text, messages, windows.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[2]
PLUGIN = REPOSITORY / "editors" / "neovim"

#: For things that must happen; how long they take is not what these tests are about.
PATIENCE_S = float(os.environ.get("CODELLAMA_TEST_PATIENCE_S", "60"))


def editors_dir() -> Path:
    """Where the install scripts put editors."""
    if named := os.environ.get("CODELLAMA_EDITORS_DIR"):
        return Path(named)
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "codellama-lsp-editors"


def find_neovim(version: str) -> Path | None:
    """A Neovim of `version` ("0.12"), from the install script or on PATH."""
    installed = editors_dir() / "bin" / f"nvim-{version}"
    if installed.exists():
        return installed
    on_path = shutil.which("nvim")
    if on_path:
        said = subprocess.run([on_path, "--version"], capture_output=True, text=True).stdout
        if said.startswith(f"NVIM v{version}."):
            return Path(on_path)
    return None


def until(look: Callable[[], Any], what: str, patience_s: float = PATIENCE_S) -> Any:
    """The first true value of `look`, asked again and again."""
    deadline = time.monotonic() + patience_s
    while True:
        value = look()
        if value:
            return value
        assert time.monotonic() < deadline, f"waited {patience_s:.0f} s in vain for: {what}"
        time.sleep(0.05)


class Neovim:
    """One running editor with a home of its own."""

    def __init__(self, program: Path, home: Path, init: str, *arguments: str) -> None:
        self.program, self.home = program, home
        self.socket = home / "nvim.sock"
        home.mkdir(parents=True, exist_ok=True)
        (home / "init.lua").write_text(init, encoding="utf-8")
        self.environment = {
            **os.environ,
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home / "config"),
            "XDG_DATA_HOME": str(home / "data"),
            "XDG_STATE_HOME": str(home / "state"),
            "XDG_CACHE_HOME": str(home / "cache"),
        }
        self.environment.pop("NVIM", None)
        self.command = [
            str(program),
            "--clean",
            *("-u", str(home / "init.lua")),
            *("--listen", str(self.socket)),
            *arguments,
        ]
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Neovim:
        self.process = subprocess.Popen(
            [self.command[0], "--headless", *self.command[1:]],
            env=self.environment,
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=(self.home / "stderr").open("wb"),
        )
        return self.wait()

    def wait(self) -> Neovim:
        """Until it listens."""
        until(self.socket.exists, "Neovim listens")
        until(lambda: self._remote("--remote-expr", "v:vim_did_enter") == "1", "Neovim started")
        return self

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(PATIENCE_S)

    # Doing

    def type(self, keys: str) -> None:
        """Type keys in Vim's notation, as a person would: mappings apply."""
        self._remote("--remote-send", keys)

    def command_line(self, command: str) -> None:
        self.lua(f"vim.cmd({json.dumps(command)})")

    def lua(self, expression_or_block: str) -> Any:
        """Run Lua; a block's `return` value, as JSON would have it."""
        code = expression_or_block
        function = self.home / "remote.lua"
        function.write_text(code, encoding="utf-8")
        # Through a file: nothing in the code needs quoting twice.
        expression = f"luaeval('vim.json.encode({{v=dofile(_A)}})', {str(function)!r})"
        text = self._remote("--remote-expr", expression)
        try:
            found = json.loads(text)
        except ValueError as error:
            raise AssertionError(f"Neovim said {text!r} to {code!r}") from error
        # Without a value, the table is empty, and JSON's empty table of Lua's is a list.
        return found["v"] if isinstance(found, dict) else None

    def _remote(self, flag: str, argument: str) -> str:
        done = subprocess.run(
            [str(self.program), "--clean", "--server", str(self.socket), flag, argument],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        )
        return (done.stdout + done.stderr).strip()

    # Seeing

    def text(self) -> str:
        """The current buffer."""
        lines = "vim.api.nvim_buf_get_lines(0, 0, -1, false)"
        return str(self.lua(f"return table.concat({lines}, '\\n')"))

    def cursor(self) -> tuple[int, int]:
        """Row from 1 and byte column from 0."""
        row, column = self.lua("return vim.api.nvim_win_get_cursor(0)")
        return row, column

    def ghost(self) -> str:
        """The virtual text of suggestions in the current buffer, lines joined."""
        return str(self.lua(_GHOST))

    def messages(self) -> str:
        """The history that :messages shows."""
        return str(self.lua("return vim.api.nvim_exec2('messages', { output = true }).output"))

    def window(self) -> str:
        """Text of the newest floating window, empty where there is none."""
        return str(self.lua(_WINDOW))

    def until_ghost(self, text: str) -> None:
        seen = [""]

        def look() -> bool:
            seen[0] = self.ghost()
            return seen[0] == text

        try:
            until(look, f"ghost text {text!r}")
        except AssertionError as error:
            raise AssertionError(f"{error}; the last seen was {seen[0]!r}") from None

    def until_text(self, text: str) -> None:
        try:
            until(lambda: self.text() == text, f"text {text!r}")
        except AssertionError as error:
            raise AssertionError(f"{error}; it is {self.text()!r}") from None


_GHOST = """
local found = {}
for name, id in pairs(vim.api.nvim_get_namespaces()) do
  if name == 'nvim.lsp.inline_completion' or name == 'codellama.ghost' then
    for _, mark in ipairs(vim.api.nvim_buf_get_extmarks(0, id, 0, -1, { details = true })) do
      local line = ''
      for _, chunk in ipairs(mark[4].virt_text or {}) do line = line .. chunk[1] end
      local lines = { line }
      for _, virtual in ipairs(mark[4].virt_lines or {}) do
        local below = ''
        for _, chunk in ipairs(virtual) do below = below .. chunk[1] end
        lines[#lines + 1] = below
      end
      found[#found + 1] = table.concat(lines, '\\n')
    end
  end
end
return table.concat(found, '|')
"""

_WINDOW = """
for _, window in ipairs(vim.api.nvim_list_wins()) do
  if vim.api.nvim_win_get_config(window).relative ~= '' then
    local lines = vim.api.nvim_buf_get_lines(vim.api.nvim_win_get_buf(window), 0, -1, false)
    return table.concat(lines, '\\n')
  end
end
return ''
"""
