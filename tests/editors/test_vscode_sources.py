"""The VS Code extension's own checks: strict types, lint, unit tests; what its package holds."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from tests.editors.conftest import missing
from tests.editors.places import editors_dir
from tests.editors.vscode import EXTENSION

PACKAGED = {
    "LICENSE",
    "README.md",
    "dist/main.js",
    "dist/web.js",
    "media/icon.png",
    "package.json",
    "walkthrough/model.md",
    "walkthrough/server.md",
    "walkthrough/type.md",
}


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    """What npm runs in: Node on PATH, or the one that VS Code came with."""
    own = editors_dir() / "vscode" / "bin"
    path = f"{os.environ['PATH']}{os.pathsep}{own}"
    node = shutil.which("node", path=path)
    ask = [node or "", "-p", "parseInt(process.versions.node)"]
    if node is None or shutil.which("npm", path=path) is None or int(_output(ask)) < 20:
        missing("vscode", "Node.js 20 or newer with npm was not found")
    if not (EXTENSION / "node_modules").exists():
        # Fetching them is not for a test run that may have no network.
        pytest.skip("the extension's build tools are not there; scripts/npm-ci fetches them")
    return {**os.environ, "PATH": path}


@pytest.mark.parametrize("script", ["types", "lint", "test"])
def test_the_sources_are_clean(environment: dict[str, str], script: str) -> None:
    _run(environment, "npm", "run", "--silent", script)


def test_the_package_holds_what_it_needs_and_nothing_else(environment: dict[str, str]) -> None:
    _run(environment, "node", "esbuild.mjs", "--production")
    listed = set(_run(environment, "npx", "vsce", "ls", "--no-dependencies").split())
    wheels = {name for name in listed if name.startswith("server/codellama_lsp-")}
    assert listed - wheels == PACKAGED
    assert len(wheels) <= 1
    # The language client, minified; a source map or an unbundled library would be more.
    assert (EXTENSION / "dist" / "main.js").stat().st_size < 700_000


def _run(environment: dict[str, str], *command: str) -> str:
    done = subprocess.run(
        command, cwd=EXTENSION, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _output(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
