"""A VS Code window on a project of its own, with a server of the test's choice."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.editors.vscode import VsCode
from tests.editors.waiting import until

ANSWER = "sum(values)"
SERVER = [sys.executable, "-m", "codellama_lsp", "serve"]
STUB = [sys.executable, str(Path(__file__).with_name("stub_server.py"))]


#: A step of the extension's walkthrough.
WALKTHROUGH = ".gettingStartedContainer .getting-started-step"


class Window:
    """A window on a project, its server's answers, and a way to change settings."""

    def __init__(
        self, extension: Path, command: Sequence[str] = (), project: Path | None = None, **more: Any
    ) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="cll-"))
        self._state = os.environ.get("CODELLAMA_LSP_STATE_DIR")
        os.environ["CODELLAMA_LSP_STATE_DIR"] = str(self.home / "state")
        folder = self.home / "project"
        if project is None:
            folder.mkdir()
        else:
            shutil.copytree(project, folder)
        self.command = list(command)
        self.code = VsCode(self.home, folder, extension, **more)
        self.set()

    def start(self) -> VsCode:
        """Show the window; the first time, the walkthrough comes by itself and is closed."""
        self.code.start()
        until(lambda: self.code.do("content", WALKTHROUGH), "the walkthrough")
        self.code.command("View: Close All Editors")
        until(lambda: not self.code.do("content", WALKTHROUGH), "no walkthrough")
        return self.code

    def set(self, **settings: object) -> None:
        """These settings and no others, but for the server's command."""
        named = {f"codellama.{name}": value for name, value in settings.items()}
        if self.command:
            named["codellama.server.command"] = self.command
        self.code.settings(named)

    def scripted(self, answers: Sequence[object]) -> None:
        """Have the real server play these answers, from a new script."""
        path = self.home / f"script-{time.monotonic_ns()}.json"
        path.write_text(json.dumps(answers), encoding="utf-8")
        self.command = [*SERVER, "--engine", f"scripted:{path}"]
        self.set()

    def stub(self, script: dict[str, object]) -> Stub:
        """Have the stub play `script`."""
        stub = Stub(self.home, script)
        self.command = stub.command
        self.set()
        return stub

    def fresh(self, name: str, text: str = "values = [1]\n") -> VsCode:
        """A new file, open, the cursor at its end."""
        (self.code.folder / name).write_text(text, encoding="utf-8")
        self.code.open(name)
        self.until_ready()
        return self.code

    def until_ready(self) -> None:
        """Until the server that the settings name is there and waits for work."""
        until(lambda: self.servers() and self.code.ready(), "the server is ready")

    def servers(self) -> list[int]:
        """Processes of the server that the settings name now, those they start left out."""
        found = subprocess.run(
            ["ps", "-ww", "-eo", "pid=,ppid=,args="], capture_output=True, text=True
        ).stdout
        rows = [line.split(maxsplit=2) for line in found.splitlines()]
        wanted = " ".join(self.command)
        own = {
            int(pid): int(parent)
            for pid, parent, *args in rows
            if " ".join(args).startswith(wanted)
        }
        return [pid for pid, parent in own.items() if parent not in own]

    def until_status(self, *words: str) -> None:
        """Until the item in the status bar has one of the words."""
        seen = [""]

        def look() -> bool:
            seen[0] = self.code.status()
            return any(word in seen[0] for word in words)

        until_said(look, f"status {words}", lambda: seen[0])

    def close(self) -> None:
        """End everything and remove it."""
        self.code.stop()
        if self._state is None:
            os.environ.pop("CODELLAMA_LSP_STATE_DIR", None)
        else:
            os.environ["CODELLAMA_LSP_STATE_DIR"] = self._state
        shutil.rmtree(self.home, ignore_errors=True)


class Stub:
    """The stub server's script, and what it was told."""

    def __init__(self, home: Path, script: dict[str, object]) -> None:
        stem = f"stub-{time.monotonic_ns()}"
        self._script, self._log = home / f"{stem}.json", home / f"{stem}.jsonl"
        self.command = [*STUB, str(self._script), str(self._log)]
        self.plays(script)

    def plays(self, script: dict[str, object]) -> None:
        """Change the script."""
        written = self._script.with_suffix(".new")
        written.write_text(json.dumps({"anchor": "x", "texts": [], **script}), encoding="utf-8")
        written.replace(self._script)

    def told(self) -> list[dict[str, Any]]:
        """Messages from the client, oldest first; the last one may be half written."""
        if not self._log.exists():
            return []
        lines = self._log.read_text(encoding="utf-8").splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]


def until_said(look: Callable[[], Any], what: str, said: Callable[[], object]) -> Any:
    """`until`, with what there was instead where it was in vain."""
    try:
        return until(look, what)
    except AssertionError as error:
        raise AssertionError(f"{error}; it is {said()!r}") from None
