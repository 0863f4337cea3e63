"""Editors with the plugin and a server, ready to be typed into."""

from __future__ import annotations

import json
import os
import platform
import shlex
import shutil
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from tests.editors.neovim import PLUGIN, Neovim, find_neovim
from tests.editors.places import editors_dir
from tests.editors.terminal import find_tmux
from tests.editors.vscode import EXTENSION, VsCode, build_extension, find_vscode
from tests.editors.vscode_evidence import evidence
from tests.editors.waiting import until


def missing(editor: str, reason: str) -> NoReturn:
    """Skip, or fail where the editor was to be there."""
    if editor in os.environ.get("CODELLAMA_EDITORS_REQUIRED", "").split(","):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """With a failed test, what editors show; the folder CODELLAMA_TEST_PICTURES gets pictures."""
    report = yield
    if report.failed:
        for neovim in Neovim.running:
            report.sections.append(("Neovim", neovim.evidence()))
    if report.failed and VsCode.shown:
        folder = os.environ.get("CODELLAMA_TEST_PICTURES") or tempfile.mkdtemp(prefix="cll-seen-")
        for number, code in enumerate(VsCode.shown):
            said = evidence(code, Path(folder) / f"{item.name}-{number}.png")
            report.sections.append(("VS Code", said))
    return report


@pytest.fixture(scope="session")
def extension(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packaged VS Code extension; with a server in it where VS Code is required."""
    if find_vscode() is None:
        missing("vscode", "VS Code was not found; scripts/install-vscode installs it")
    required = "vscode" in os.environ.get("CODELLAMA_EDITORS_REQUIRED", "").split(",")
    if not required and not (EXTENSION / "node_modules").exists():
        # Fetching them is not for a test run that may have no network.
        pytest.skip("the extension's build tools are not there; scripts/npm-ci fetches them")
    # Elsewhere: the extension's own checks clear the folder it was made in.
    folder = tmp_path_factory.mktemp("extension")
    return Path(shutil.copy(build_extension(with_server=required), folder))


def need_tmux(editor: str) -> None:
    """For what looks at a screen."""
    if find_tmux() is None:
        missing(editor, "tmux was not found")


STUB = Path(__file__).parent / "stub_server.py"
SERVER = [sys.executable, "-m", "codellama_lsp", "serve"]


class Session:
    """A Neovim, and what its server was told if that is the stub."""

    def __init__(self, neovim: Neovim, log: Path) -> None:
        self.neovim, self._log = neovim, log

    def told(self, method: str) -> list[dict[str, object]]:
        """Parameters of the messages of `method`, oldest first."""
        if not self._log.exists():
            return []
        # The last line may be half written.
        lines = self._log.read_text(encoding="utf-8").splitlines(keepends=True)
        messages = [json.loads(line) for line in lines if line.endswith("\n")]
        return [found["params"] for found in messages if found.get("method") == method]

    def until_ended(self, outcome: str) -> None:
        """Until the server says of a request that it ended so."""
        ask = """
            local params = { command = 'codellama.why', arguments = { vim.uri_from_bufnr(0) } }
            local answers = vim.lsp.buf_request_sync(0, 'workspace/executeCommand', params, 10000)
            local found = {}
            for _, answer in pairs(answers or {}) do
              for _, ended in ipairs(answer.result or {}) do
                found[#found + 1] = ended.outcome
              end
            end
            return found
        """
        until(lambda: outcome in self.neovim.lua(ask), f"a request that ended {outcome}")

    def until_attached(self) -> None:
        count = "return #vim.lsp.get_clients({ bufnr = 0, name = 'codellama' })"
        ready = "return require('codellama').status().state"
        until(lambda: self.neovim.lua(count) == 1, "the server is attached")
        until(lambda: self.neovim.lua(ready) in ("ready", "off", "error"), "the server is ready")


Open = Callable[..., Session]


def server_on_path(directory: Path, answers: list[object]) -> str:
    """A PATH on which `codellama-lsp` is this project's, playing `answers`."""
    script = directory / "script.json"
    script.write_text(json.dumps(answers), encoding="utf-8")
    program = directory / "bin" / "codellama-lsp"
    program.parent.mkdir()
    before, after = shlex.join(SERVER[:-1]), shlex.join(["--engine", f"scripted:{script}"])
    program.write_text(f'#!/bin/sh\nexec {before} "$@" {after}\n', encoding="utf-8")
    program.chmod(0o755)
    return f"{program.parent}{os.pathsep}{os.environ['PATH']}"


#: What the stub suggests behind `LINE`: this first.
WHOLE = "sum(values)\nprint(total)"
LINE = "values = [1]\ntotal = "
SUGGESTS: dict[str, object] = {"anchor": "total = ", "texts": [WHOLE, "max(values)", "0"]}


def begin(open_neovim: Open, *, more: str = "", **script: object) -> Session:
    """A buffer with the cursor behind `LINE` and the stub's first suggestion on the screen."""
    session = open_neovim("values = [1]\n\n", stub={**SUGGESTS, **script}, more=more)
    session.neovim.type("jitotal = ")
    session.neovim.until_ghost(WHOLE)
    return session


def neovim_of(version: str) -> Path:
    """A Neovim of that version; where there is none, the test ends here."""
    program = find_neovim(version)
    if program is not None:
        return program
    reason = f"Neovim {version} was not found; scripts/install-neovim installs it"
    if version == "0.11" and platform.machine() != "x86_64":
        pytest.skip(reason)  # nobody builds it for other machines
    missing("neovim", reason)


def neighbour(name: str) -> Path:
    """What scripts/install-neighbours installed: a plugin's directory, or the program pylsp."""
    where = editors_dir() / (Path("bin") if name == "pylsp" else Path("neighbours/usr/share"))
    found = where / name
    if not found.exists():
        missing("neovim", f"{name} was not found; scripts/install-neighbours installs it")
    return found


@pytest.fixture(params=["0.12", "0.11", "0.10", "0.12 own"])
def neovim_kind(request: pytest.FixtureRequest) -> str:
    """A version, and "own" where the plugin's ghost text is wanted instead of Neovim's."""
    return str(request.param)


@pytest.fixture
def open_neovim(neovim_kind: str, state_dir: Path, tmp_path: Path) -> Iterator[Open]:
    """Opens a file with the given text: with the stub's script, or the real server's answers."""
    program = neovim_of(neovim_kind.split()[0])
    running: list[Neovim] = []

    def open_it(
        text: str,
        *,
        stub: dict[str, object] | None = None,
        answers: list[object] | None = None,
        model: str | None = None,
        options: str = "",
        more: str = "",
        name: str = "a.py",
        screen: bool = False,
    ) -> Session:
        script, log = tmp_path / "script.json", tmp_path / "log.jsonl"
        if stub is not None:
            script.write_text(json.dumps(stub), encoding="utf-8")
            command = [sys.executable, str(STUB), str(script), str(log)]
        elif answers is not None:
            script.write_text(json.dumps(answers), encoding="utf-8")
            command = [*SERVER, "--engine", f"scripted:{script}"]
        else:
            command = [*SERVER, *(["--model", model] if model else [])]
        own = "ghost_text = 'own'," if neovim_kind.endswith("own") else ""
        init = f"""
            vim.opt.runtimepath:prepend({json.dumps(str(PLUGIN))})
            vim.o.swapfile = false
            {more}
            require('codellama').setup({{
              cmd = vim.json.decode({json.dumps(json.dumps(command))}),
              {own}
              {options}
            }})
        """
        # Its path must be short: a socket lives in it.
        file = state_dir / "project" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
        neovim = Neovim(program, state_dir / "home", init, str(file))
        running.append(neovim)
        neovim.start(screen=screen)
        session = Session(neovim, log)
        session.until_attached()
        return session

    yield open_it
    for neovim in running:
        neovim.stop()
