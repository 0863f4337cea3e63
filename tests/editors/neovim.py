"""Drives a real Neovim without a screen: keys in, anything that Lua can see out.

Knows the plugin only through what a user sees: buffer, virtual text, messages, windows.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from tests.editors.places import REPOSITORY, editors_dir
from tests.editors.terminal import Terminal
from tests.editors.waiting import PATIENCE_S, until

PLUGIN = REPOSITORY / "editors" / "neovim"
DRIVER = Path(__file__).parent / "driver.lua"


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


class Neovim:
    """One running editor with a home of its own."""

    #: Those that run, for what there is to say of a failure.
    running: ClassVar[set[Neovim]] = set()

    def __init__(self, program: Path, home: Path, init: str, *arguments: str) -> None:
        self.program, self.home = program, home
        self._driver = home / "driver.sock"
        home.mkdir(parents=True, exist_ok=True)
        self.configure(init)
        self.environment = {
            **os.environ,
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home / "config"),
            "XDG_CONFIG_DIRS": str(home / "none"),
            "XDG_DATA_HOME": str(home / "data"),
            "XDG_DATA_DIRS": str(home / "none"),
            "XDG_STATE_HOME": str(home / "state"),
            "XDG_CACHE_HOME": str(home / "cache"),
        }
        self.environment.pop("NVIM", None)
        load = f"lua loadfile({_quoted(str(DRIVER))})({_quoted(str(self._driver))})"
        self.command = [str(program), "--cmd", load, *arguments]
        self.process: subprocess.Popen[bytes] | None = None
        self.terminal: Terminal | None = None
        self._connection: socket.socket | None = None
        self._unread = b""

    def configure(self, init: str) -> None:
        """What the user's init.lua says; before it starts."""
        path = self.home / "config" / "nvim" / "init.lua"
        path.parent.mkdir(parents=True, exist_ok=True)
        text = "vim.g.loaded_python3_provider = 0  -- looking for Python takes longer than a test\n"
        path.write_text(text + init, encoding="utf-8")

    def start(self, *, screen: bool = False) -> Neovim:
        """Run it: in a terminal if it is to have a `screen`, else without one."""
        if screen:
            self.terminal = Terminal(self.command, self.environment, self.home)
        else:
            self.process = subprocess.Popen(
                [self.command[0], "--headless", *self.command[1:]],
                env=self.environment,
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=(self.home / "stderr").open("wb"),
            )
        until(self._connect, "Neovim listens")
        until(lambda: self.lua("return vim.v.vim_did_enter") == 1, "Neovim started")
        Neovim.running.add(self)
        return self

    def stop(self) -> None:
        Neovim.running.discard(self)
        if self._connection is not None:
            self._connection.close()
        if self.terminal is not None:
            self.terminal.stop()
        if self.process is not None:
            self.process.terminate()
            self.process.wait(PATIENCE_S)

    def _connect(self) -> bool:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(PATIENCE_S)
        try:
            connection.connect(str(self._driver))
        except OSError:
            connection.close()
            return False
        self._connection = connection
        return True

    # Doing

    def type(self, keys: str) -> None:
        """Type keys in Vim's notation, as a person would: mappings apply."""
        self.lua(f"vim.api.nvim_input({_quoted(keys)})")

    def command_line(self, command: str) -> None:
        self.lua(f"vim.cmd({_quoted(command)})")

    def lua(self, code: str) -> Any:
        """Run Lua; its `return` value, as JSON would have it."""
        assert self._connection is not None
        self._connection.sendall(json.dumps(code).encode() + b"\n")
        while b"\n" not in self._unread:
            more = self._connection.recv(65536)
            assert more, "Neovim ended"
            self._unread += more
        line, _, self._unread = self._unread.partition(b"\n")
        answer = json.loads(line)
        assert "ok" in answer, f"Neovim said {answer['problem']!r} to {code!r}"
        return answer.get("value")

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
        """The history that :messages shows; 0.10 notes empty lines of its own, without a plugin."""
        said = self.lua("return vim.api.nvim_exec2('messages', { output = true }).output")
        return str(said).strip()

    def window(self) -> str:
        """Text of the newest floating window, empty where there is none."""
        return str(self.lua(_WINDOW))

    def evidence(self) -> str:
        """What there is to know when something was waited for in vain, for people."""
        looks: dict[str, Callable[[], object]] = {
            "text": self.text,
            "cursor, mode": lambda: (self.cursor(), self.lua("return vim.fn.mode()")),
            "ghost text": self.ghost,
            "messages": self.messages,
            "status": lambda: self.lua("return require('codellama').status()"),
            "latest requests": lambda: self.lua(_WHY),
            "errors": lambda: _end_of(self.home / "stderr"),
            "servers' log": lambda: _end_of(self.home / "state" / "nvim" / "lsp.log"),
        }
        said = []
        for name, look in looks.items():
            try:
                said.append(f"{name}: {look()}")
            except Exception as error:  # the others may still say something
                said.append(f"{name}: ({type(error).__name__}: {error})")
        return "\n".join(said)

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


def _end_of(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")[-2000:] if path.exists() else ""


def _quoted(text: str) -> str:
    """A Lua string: its decimal escapes need no more rules than this."""
    return '"' + "".join(f"\\{byte:03d}" for byte in text.encode()) + '"'


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

_WHY = """
local params = { command = 'codellama.why', arguments = { vim.uri_from_bufnr(0) } }
return vim.lsp.buf_request_sync(0, 'workspace/executeCommand', params, 10000)
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
