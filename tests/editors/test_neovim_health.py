"""`:checkhealth codellama` where something is wrong: each fault, and what to do about it."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from codellama_lsp import __version__
from tests.editors.conftest import SERVER, STUB, SUGGESTS, Open, neighbour, neovim_of
from tests.editors.neovim import PLUGIN, Neovim
from tests.editors.waiting import until

VERSIONS = pytest.mark.parametrize("neovim_kind", ["0.12", "0.10"], indirect=True)


def report(vim: Neovim) -> str:
    """What :checkhealth says, without the signs that 0.12 puts before the words."""
    vim.command_line("checkhealth codellama")
    until(lambda: "Other plugins" in vim.text(), "the report")
    return re.sub("[✅⚠️❌] ?", "", vim.text())


def check(vim: Neovim, fault: str, *remedies: str) -> None:
    """The report has a line with `fault`, followed by advice that says each of `remedies`."""
    said = report(vim)
    blocks = re.findall(r"^- ((?:ERROR|WARNING) .*)\n((?:  .*\n?)*)", said, re.M)
    found = [advice for line, advice in blocks if fault in line]
    assert len(found) == 1, said
    assert "ADVICE" in found[0]
    for remedy in remedies:
        assert remedy in found[0]


# The server

Plain = Callable[[str], Neovim]


@pytest.fixture(params=["0.12", "0.10"])
def plain(request: pytest.FixtureRequest, state_dir: Path) -> Iterator[Plain]:
    """A Neovim with the plugin in a clone without .venv; `codellama-lsp` on PATH runs a script."""
    copy = state_dir / "clone" / "editors" / "neovim"
    shutil.copytree(PLUGIN, copy)
    file = state_dir / "a.py"
    file.write_text("values = [1]\n", encoding="utf-8")
    init = f"""
        vim.opt.runtimepath:prepend({json.dumps(str(copy))})
        require('codellama').setup({{}})
    """
    neovim = Neovim(neovim_of(request.param), state_dir / "home", init, str(file))

    def start(script: str) -> Neovim:
        folder = state_dir / "bin"
        folder.mkdir()
        if script:
            program = folder / "codellama-lsp"
            program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
            program.chmod(0o755)
        # This environment has one of its own.
        others = [
            entry
            for entry in os.environ["PATH"].split(os.pathsep)
            if not (Path(entry) / "codellama-lsp").exists()
        ]
        neovim.environment["PATH"] = os.pathsep.join([str(folder), *others])
        return neovim.start()

    yield start
    neovim.stop()


def test_no_server(plain: Plain) -> None:
    vim = plain("")
    # One message, with the way to the report; nothing of Neovim's own.
    assert vim.messages() == (
        'codellama: the server "codellama-lsp" was not found\n'
        ":checkhealth codellama says how to get it; then :CodeLlama restart"
    )
    assert vim.lua("return require('codellama').statusline()") == "CodeLlama error"
    check(vim, '"codellama-lsp" is not on PATH', "make setup", "pipx install", "setup({ cmd = ")


@pytest.mark.parametrize("where", ["bin", "clone/.venv/bin"])
def test_found_after_it_was_installed(plain: Plain, state_dir: Path, where: str) -> None:
    vim = plain("")
    until(lambda: vim.messages(), "a message")
    program = state_dir / where / "codellama-lsp"
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(f'#!/bin/sh\nexec {shlex.join(SERVER[:-1])} "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    vim.command_line("CodeLlama restart")
    state = "return require('codellama').status().state"
    until(lambda: vim.lua(state) == "ready", "the server is ready")


@pytest.mark.parametrize(
    ("script", "fault"),
    [
        ("echo hello", 'is another program; it says "hello"'),
        ("echo broken >&2; exit 3", "does not run: broken"),
    ],
    ids=["another program", "broken"],
)
def test_a_server_that_is_none(plain: Plain, script: str, fault: str) -> None:
    check(plain(script), fault, "make setup", "pipx install")


def test_a_server_that_is_too_old(plain: Plain, state_dir: Path) -> None:
    script = state_dir / "script.json"
    script.write_text(json.dumps({**SUGGESTS, "version": "0.0.9"}), encoding="utf-8")
    stub = shlex.join([sys.executable, str(STUB), str(script), f"{script}.log"])
    vim = plain(f'exec {stub} "$@"')
    check(vim, f"the server is 0.0.9, this plugin needs {__version__}", "git pull", "pipx install")


def test_a_server_that_was_updated_while_it_runs(plain: Plain, state_dir: Path) -> None:
    script = state_dir / "script.json"
    script.write_text(json.dumps({**SUGGESTS, "version": "99.1.0"}), encoding="utf-8")
    stub = shlex.join([sys.executable, str(STUB), str(script), f"{script}.log"])
    vim = plain(f'exec {stub} "$@"')
    until(lambda: vim.lua("return #vim.lsp.get_clients({ name = 'codellama' })") == 1, "it runs")
    if vim.lua("return vim.lsp.get_clients({ name = 'codellama' })[1].server_info == nil"):
        pytest.skip("this Neovim does not keep what the server calls itself")
    script.write_text(json.dumps({**SUGGESTS, "version": "99.2.0"}), encoding="utf-8")
    check(vim, "the server that runs is still 99.1.0", ":CodeLlama restart")


def test_a_server_that_ends_again_and_again(plain: Plain) -> None:
    vim = plain('case "$1" in --version) echo codellama-lsp 99.0.0;; *) exit 7;; esac')
    vim.lua("require('codellama.config').current.restart_delay_ms = 10")
    state = "return require('codellama').status().state"
    until(lambda: vim.lua(state) == "error", "the plugin gives up")
    check(vim, "the server ended 6 times (exit code 7", ":CodeLlama doctor says why")


@pytest.mark.skipif(importlib.util.find_spec("llama_cpp") is None, reason="needs it to hide it")
def test_no_engine(plain: Plain, state_dir: Path) -> None:
    # As where the package was installed without its extra.
    hidden = state_dir / "hidden"
    hidden.mkdir()
    (hidden / "llama_cpp.py").write_text("raise ImportError('hidden')\n", encoding="utf-8")
    server = shlex.join(SERVER[:-1])
    vim = plain(f'PYTHONPATH={shlex.quote(str(hidden))} exec {server} "$@"')
    state = "return require('codellama').status().state"
    until(lambda: vim.lua(state) == "error", "the server knows")
    check(vim, "llama-cpp-python is not installed", "pip install 'codellama-lsp[llama]'")


# Other plugins

FAKES = {
    "copilot.vim": "vim.g.loaded_copilot = 1",
    "supermaven-nvim": "package.loaded['supermaven-nvim.completion_preview'] = {}",
    "blink.cmp": """package.loaded['blink.cmp.config'] =
        { completion = { ghost_text = { enabled = true } } }""",
    "nvim-cmp": """package.loaded['cmp.config'] =
        { get = function() return { experimental = { ghost_text = {} } } end }""",
}


@VERSIONS
@pytest.mark.parametrize("name", FAKES)
def test_a_plugin_with_ghost_text(open_neovim: Open, name: str) -> None:
    vim = open_neovim("\n", stub=SUGGESTS).neovim
    assert "no other plugin known here shows ghost text" in report(vim)
    vim.lua(FAKES[name])
    remedy = 'Switch its option "ghost_text" off' if "cmp" in name else f"switch {name} off"
    check(vim, f"{name} shows ghost text, too", remedy)


@pytest.mark.parametrize("neovim_kind", ["0.12"], indirect=True)
def test_llama_vim_itself(open_neovim: Open) -> None:
    place = json.dumps(str(neighbour("vim-llama.cpp")))
    vim = open_neovim("\n", stub=SUGGESTS, more=f"vim.opt.runtimepath:append({place})").neovim
    check(vim, "llama.vim shows ghost text, too", "switch llama.vim off")
    # As it does when it hides its suggestion.
    vim.command_line("bwipeout")
    vim.command_line("iunmap <buffer> <Tab>")
    check(
        vim, "<Tab> (accept) was taken by something else, after this plugin; it does: vim.snippet"
    )


@pytest.mark.parametrize("neovim_kind", ["0.12"], indirect=True)
def test_another_server_with_inline_completion(open_neovim: Open, tmp_path: Path) -> None:
    vim = open_neovim("\n", stub=SUGGESTS).neovim
    script = tmp_path / "other.json"
    script.write_text(json.dumps(SUGGESTS), encoding="utf-8")
    command = json.dumps([sys.executable, str(STUB), str(script), f"{script}.log"])
    vim.lua(f"vim.lsp.start({{ name = 'other', cmd = vim.json.decode({json.dumps(command)}) }})")
    until(lambda: vim.lua("return #vim.lsp.get_clients({ bufnr = 0 })") == 2, "both")
    check(vim, 'the language server "other" shows ghost text', 'vim.lsp.enable("other", false)')


@VERSIONS
def test_a_key_taken_by_another_plugin(open_neovim: Open) -> None:
    vim = open_neovim("\n", stub=SUGGESTS).neovim
    assert "WARNING" not in report(vim)
    vim.command_line("bwipeout")
    vim.lua("vim.keymap.set('i', '<Tab>', 'x', { buffer = true, desc = 'Next snippet' })")
    check(vim, "<Tab> (accept) was taken by something else", 'keys = { accept = "<M-l>" }')


@VERSIONS
def test_a_key_with_two_meanings(open_neovim: Open) -> None:
    vim = open_neovim("\n", stub=SUGGESTS, options="keys = { next = '<Tab>' },").neovim
    assert "<Tab> means both" in report(vim)
