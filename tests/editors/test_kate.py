"""Kate on a screen that nobody sees: an entry of its completion menu, taken and saved.

Set up with the file that `editors/kate` ships. What is on the screen cannot be read; the file can.
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.editors.conftest import missing, server_on_path
from tests.editors.places import REPOSITORY, editors_dir
from tests.editors.waiting import PATIENCE_S, until

BEFORE = "values = [1]\n"


@pytest.fixture
def screen() -> Iterator[str]:
    """An X server of our own, on a display it chooses itself."""
    if shutil.which("Xvfb") is None or shutil.which("xdotool") is None:
        missing("kate", "Xvfb or xdotool was not found; scripts/install-kate installs them")
    reading, writing = os.pipe()
    arguments = ["-screen", "0", "800x600x24", "-displayfd", str(writing), "-nolisten", "tcp"]
    server = subprocess.Popen(["Xvfb", *arguments], pass_fds=[writing], stderr=subprocess.DEVNULL)
    os.close(writing)
    with os.fdopen(reading) as said:
        yield f":{said.readline().strip()}"
    server.terminate()
    server.wait(PATIENCE_S)


def test_kate(screen: str, state_dir: Path) -> None:
    program = editors_dir() / "bin" / "kate"
    if not program.exists():
        missing("kate", "Kate was not found; scripts/install-kate unpacks it")
    path = server_on_path(state_dir, ["um(values)"] * 500)
    home = state_dir / "home"
    config = home / ".config" / "kate" / "lspclient"
    config.mkdir(parents=True)
    shutil.copy(REPOSITORY / "editors" / "kate" / "settings.json", config)
    # What a click on "Yes" would write when Kate asks whether the server may be started.
    allowed = f"[lspclient]\nAllowedServerCommandLines={state_dir}/bin/codellama-lsp serve\n"
    (home / ".config" / "katerc").write_text(allowed, encoding="utf-8")
    runtime = state_dir / "runtime"
    runtime.mkdir(mode=0o700)
    file = state_dir / "project" / "a.py"
    file.parent.mkdir()
    file.write_text(BEFORE, encoding="utf-8")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("XDG_")},
        "HOME": str(home),
        "XDG_RUNTIME_DIR": str(runtime),
        "DISPLAY": screen,
        "QT_QPA_PLATFORM": "xcb",
        "PATH": path,
        "LC_ALL": "C.UTF-8",
    }

    def do(*arguments: str) -> str:
        done = subprocess.run(
            ["xdotool", *arguments], env=environment, capture_output=True, text=True
        )
        return done.stdout.strip()

    kate = subprocess.Popen(
        [str(program), "-n", "-b", str(file)], env=environment, stderr=subprocess.DEVNULL
    )
    try:
        # Its first start reads 200 MB that were just unpacked.
        window = ["search", "--onlyvisible", "--name", "a.py"]
        until(lambda: do(*window), "Kate's window", PATIENCE_S * 3)

        # Nothing says when the server or the menu is there: each try waits longer.
        waits_s = itertools.accumulate(itertools.repeat(1.0), lambda wait_s, _: wait_s * 1.3)

        def taken() -> bool:
            wait_s = next(waits_s)
            # Again, on the next line.
            do("mousemove", "300", "300", "click", "1")
            do("key", "ctrl+End")
            do("type", "--delay", "40", "total = s")
            time.sleep(wait_s)
            do("key", "Return", "ctrl+s")
            time.sleep(wait_s / 2)
            return file.read_text(encoding="utf-8").endswith("\ntotal = sum(values)\n")

        until(taken, "the suggestion in the file")
    finally:
        kate.terminate()
        kate.wait(PATIENCE_S)
