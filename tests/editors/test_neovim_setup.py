"""The plugin as it is installed: packages, help, servers without setup(), and the Lua itself."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from codellama_lsp import __version__
from tests.editors.conftest import SUGGESTS, Open, neovim_of, server_on_path
from tests.editors.neovim import PLUGIN, Neovim
from tests.editors.places import editors_dir
from tests.editors.waiting import until

ANSWERS: list[object] = ["sum(values)"] * 50


@pytest.fixture(params=["0.12", "0.11", "0.10"])
def plain_neovim(request: pytest.FixtureRequest, state_dir: Path) -> Iterator[Neovim]:
    """A Neovim with nothing configured, and a `codellama-lsp` on PATH that plays answers."""
    file = state_dir / "a.py"
    file.write_text("values = [1]\n", encoding="utf-8")
    neovim = Neovim(neovim_of(request.param), state_dir / "home", "", str(file))
    neovim.environment["PATH"] = server_on_path(state_dir, ANSWERS)
    yield neovim
    neovim.stop()


def suggests(vim: Neovim) -> None:
    state = "return require('codellama').status().state"
    until(lambda: vim.lua(state) == "ready", "the server is ready")
    vim.type("ototal = ")
    vim.until_ghost("sum(values)")
    vim.type("<Tab>")
    vim.until_text("values = [1]\ntotal = sum(values)")
    assert vim.messages() == ""


def test_a_package_that_is_linked(plain_neovim: Neovim) -> None:
    start = plain_neovim.home / "data" / "nvim" / "site" / "pack" / "codellama" / "start"
    start.mkdir(parents=True)
    (start / "codellama").symlink_to(PLUGIN)
    plain_neovim.configure("require('codellama').setup({})")
    suggests(plain_neovim.start())


def test_a_plugin_manager_that_loads_late(plain_neovim: Neovim) -> None:
    # As lazy.nvim does for `{ dir = …, name = 'codellama', opts = {} }`; a file is open already.
    plain_neovim.start().lua(f"""
        vim.opt.runtimepath:append({json.dumps(str(PLUGIN))})
        vim.cmd.source({json.dumps(str(PLUGIN / "plugin" / "codellama.lua"))})
        require('codellama').setup({{}})
    """)
    suggests(plain_neovim)


_LAZY = """
    vim.go.loadplugins = false
    vim.opt.runtimepath = { vim.fn.stdpath('config'), vim.env.VIMRUNTIME }
    vim.opt.packpath = { vim.env.VIMRUNTIME }
    local place = vim.fn.stdpath('data') .. '/lazy/codellama'
    local function load()
      vim.opt.runtimepath:prepend(place)
      for _, file in ipairs(vim.fn.glob(place .. '/plugin/**/*.lua', false, true)) do
        vim.cmd.source(file)
      end
      require('codellama').setup({})
    end
"""


@pytest.mark.parametrize("event", ["", "InsertEnter"])
def test_the_way_lazy_nvim_loads(plain_neovim: Neovim, event: str) -> None:
    """Its directory; a runtimepath without packages; at the start, or at an event."""
    place = plain_neovim.home / "data" / "nvim" / "lazy" / "codellama"
    place.parent.mkdir(parents=True)
    place.symlink_to(PLUGIN)
    at_event = "vim.api.nvim_create_autocmd({}, {{ once = true, callback = load }})"
    plain_neovim.configure(_LAZY + (at_event.format(json.dumps(event)) if event else "load()"))
    vim = plain_neovim.start()
    if event:
        assert vim.lua("return package.loaded.codellama == nil")
        vim.type("i<Esc>")
    suggests(vim)


def test_enabled_without_setup(plain_neovim: Neovim) -> None:
    plain_neovim.configure(f"""
        vim.opt.runtimepath:prepend({json.dumps(str(PLUGIN))})
        if vim.lsp.enable then vim.lsp.enable('codellama') end
    """)
    plain_neovim.start()
    if plain_neovim.lua("return vim.lsp.enable == nil"):
        pytest.skip("vim.lsp.enable came with Neovim 0.11")
    suggests(plain_neovim)


@pytest.mark.parametrize("neovim_kind", ["0.12", "0.11", "0.10"], indirect=True)
def test_help_is_there(open_neovim: Open, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(PLUGIN, copy, ignore=shutil.ignore_patterns("tags"))
    more = f"vim.opt.runtimepath:prepend({json.dumps(str(copy))})"
    vim = open_neovim("\n", stub=SUGGESTS, more=more).neovim
    # Nobody has run :helptags for it.
    vim.command_line("CodeLlama help")
    until(lambda: "Code Llama completes your code" in vim.text(), "the page")
    tags = (copy / "doc" / "tags").read_text(encoding="utf-8")
    assert "codellama-keys\tcodellama.txt" in tags
    links = set(re.findall(r"\|(\S+)\|", vim.text()))
    assert "codellama-commands" in links
    for link in links:
        vim.command_line(f"help {link}")  # an error where there is no such tag


# The Lua itself


def test_plugin_and_server_have_one_version() -> None:
    said = (PLUGIN / "lua" / "codellama" / "version.lua").read_text(encoding="utf-8")
    assert f"return '{__version__}'" in said.splitlines()


def tool(name: str) -> list[str]:
    """A tool from PATH or from scripts/install-lua-tools."""
    installed = editors_dir() / "bin" / name
    if installed.exists():
        return [str(installed)]
    if found := shutil.which(name):
        return [found]
    return pytest.skip(f"{name} was not found")


@pytest.mark.parametrize(
    "command",
    [["stylua", "--check", "."], ["luacheck", "--quiet", "."], ["selene", "--quiet", "."]],
    ids=lambda command: command[0],
)
def test_lua_is_clean(command: list[str]) -> None:
    program, *arguments = command
    done = subprocess.run(
        [*tool(program), *arguments], cwd=PLUGIN, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_driver_is_formatted_like_the_plugin() -> None:
    driver = Path(__file__).parent / "driver.lua"
    check = ["--check", "--config-path", str(PLUGIN / ".stylua.toml"), str(driver)]
    done = subprocess.run([*tool("stylua"), *check], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
