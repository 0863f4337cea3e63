"""The four steps of docs/editors/neovim.md, word for word, by somebody who has nothing but a clone.

Sets up a whole environment, from the network: only where asked for (`make test-steps`).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.editors.neovim import find_neovim
from tests.editors.places import REPOSITORY
from tests.editors.terminal import Terminal
from tests.editors.waiting import until

pytestmark = pytest.mark.skipif(
    "steps" not in os.environ.get("CODELLAMA_EDITORS_REQUIRED", "").split(","),
    reason="sets up an environment from the network; `make test-steps` does it",
)


def steps() -> list[str]:
    """The page's numbered commands."""
    page = (REPOSITORY / "docs" / "editors" / "neovim.md").read_text(encoding="utf-8")
    return re.findall(r"^\d\. .*\n(?:   .*\n)*?   ```sh\n((?:   .*\n)+?)   ```$", page, re.M)


@pytest.fixture
def clone() -> Iterator[Path]:
    """A copy of what is tracked, in a home with nothing else in it."""
    home = Path(tempfile.mkdtemp(prefix="cll-"))
    copy = home / "codellama-lsp"
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    for name in listed.stdout.split("\0")[:-1]:
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(REPOSITORY / name, copy / name)
    yield copy
    shutil.rmtree(home, ignore_errors=True)


def test_neovim(clone: Path) -> None:
    *setting_up, opening = steps()
    assert len(setting_up) == 3
    program = find_neovim("0.12")
    assert program is not None, "scripts/install-neovim installs it"
    home = clone.parent
    (home / "bin").mkdir()
    (home / "bin" / "nvim").symlink_to(program)
    keep = {name: os.environ[name] for name in ("LANG", "TMPDIR") if name in os.environ}
    # Compiling llama.cpp again would show nothing new.
    cache = subprocess.run(["pip", "cache", "dir"], capture_output=True, text=True).stdout.strip()
    path = f"{home / 'bin'}{os.pathsep}{os.environ['PATH']}"
    environment = {**keep, "HOME": str(home), "PATH": path, "PIP_CACHE_DIR": cache}
    for step in setting_up:
        done = subprocess.run(
            ["bash", "-euc", step], cwd=clone, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    terminal = Terminal(["bash", "-c", opening], environment, clone)
    try:
        terminal.until_shown("example.py")
        terminal.keys("i")
        terminal.type("def area(width, height):")
        terminal.keys("Enter")
        terminal.type("return width")
        # What is suggested, the model says.
        shown = re.compile(r"^    return width \S.*$", re.M)
        terminal.type_until(" ", lambda screen: bool(shown.search(screen)), "a suggestion")
        (line,) = shown.findall(terminal.screen())
        terminal.keys("Tab", "Escape")
        terminal.type(":w")
        terminal.keys("Enter")
        file = clone / "example.py"
        until(file.exists, "the file is saved")
        assert file.read_text(encoding="utf-8").splitlines()[1] == line
    finally:
        terminal.stop()
