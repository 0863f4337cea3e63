"""Drives a real VS Code (code-server's) in a real browser, from a clean profile.

Knows the extension only through what a user sees: the editor, the status bar, pages, files on disk.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from tests.editors.places import REPOSITORY, editors_dir
from tests.editors.waiting import PATIENCE_S, until

EXTENSION = REPOSITORY / "editors" / "vscode"
GHOST = ".ghost-text-decoration, .ghost-text-decoration-preview, .suggest-preview-text .view-line"
HOVER = ".workbench-hover-container .monaco-hover"
STATUS = '.statusbar-item[id*="codellama"]'


def find_vscode() -> tuple[Path, Path] | None:
    """code-server and a browser; None where one is missing."""
    server = editors_dir() / "bin" / "code-server"
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    return (server, Path(browser)) if server.exists() and browser else None


def build_extension(*, with_server: bool = True) -> Path:
    """The packaged extension, made anew from its source; `with_server` may need the network."""
    node = editors_dir() / "vscode" / "bin"
    environment = {**os.environ, "PATH": f"{node}{os.pathsep}{os.environ['PATH']}"}
    environment["PYTHON"] = sys.executable
    package = REPOSITORY / "scripts" / "package-vscode"
    command = [str(package)] if with_server else ["npm", "run", "--silent", "package"]
    done = subprocess.run(command, cwd=EXTENSION, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return EXTENSION / "dist" / "codellama-lsp.vsix"


class VsCode:
    """One window on one folder, which is trusted unless trust is to be asked for."""

    #: Windows that are there now, for pictures of failures.
    shown: ClassVar[set[VsCode]] = set()

    def __init__(
        self,
        home: Path,
        folder: Path,
        extension: Path,
        *,
        asks_for_trust: bool = False,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        found = find_vscode()
        assert found is not None
        self.program, self.chromium = found
        self.home, self.folder = home, folder
        self.data, self.extensions = home / "data", home / "extensions"
        self.environment = {
            **os.environ,
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home / "config"),
            **(environment or {}),
        }
        self.asks_for_trust = asks_for_trust
        self._flags = [
            f"--user-data-dir={self.data}",
            f"--extensions-dir={self.extensions}",
            "--disable-telemetry",
            "--disable-update-check",
        ]
        self._url = ""
        self._server: subprocess.Popen[bytes] | None = None
        self._browser: subprocess.Popen[str] | None = None
        command = [str(self.program), *self._flags, "--install-extension", str(extension)]
        subprocess.run(command, env=self.environment, check=True, capture_output=True)

    def settings(self, settings: dict[str, Any]) -> None:
        """Write the user's settings, as the settings page would."""
        usual = {
            "workbench.startupEditor": "none",
            # What a reload brings back is what the window wrote down some seconds before.
            "workbench.editor.restoreEditors": False,
            "security.workspace.trust.enabled": self.asks_for_trust,
            "telemetry.telemetryLevel": "off",
            "files.autoSave": "afterDelay",
            "files.autoSaveDelay": 100,
            "editor.minimap.enabled": False,
            "editor.fontFamily": "DejaVu Sans Mono",
            "workbench.tips.enabled": False,
            "chat.disableAIFeatures": True,
            "chat.commandCenter.enabled": False,
            "workbench.secondarySideBar.defaultVisibility": "hidden",
        }
        # Behind a remote window, what belongs to a machine stands in that machine's own file.
        for name in ("User", "Machine"):
            path = self.data / name / "settings.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            # At once: a half-written file would be a change of every setting.
            written = path.with_suffix(".new")
            written.write_text(json.dumps({**usual, **settings}, indent=2), encoding="utf-8")
            written.replace(path)

    def start(self) -> VsCode:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        address = f"127.0.0.1:{port}"
        self._server = subprocess.Popen(
            [
                str(self.program),
                *self._flags,
                *("--auth", "none"),
                *("--bind-addr", address),
                *([] if self.asks_for_trust else ["--disable-workspace-trust"]),
                str(self.folder),
            ],
            env=self.environment,
            stdout=(self.home / "server.log").open("wb"),
            stderr=subprocess.STDOUT,
        )

        def listens() -> bool:
            try:
                return bool(urllib.request.urlopen(f"http://{address}/healthz", timeout=5).status)
            except OSError:
                return False

        until(listens, "code-server listens")
        node = editors_dir() / "vscode" / "bin" / "node"
        self._browser = subprocess.Popen(
            [
                str(node),
                str(Path(__file__).with_name("browser.mjs")),
                str(editors_dir() / "vscode"),
                str(self.chromium),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=(self.home / "browser.log").open("w"),
            text=True,
        )
        self._url = f"http://{address}/?folder={self.folder}"
        VsCode.shown.add(self)
        self.load()
        return self

    def load(self) -> None:
        """Show the window, or show it anew."""
        self.do("goto", self._url)
        until(lambda: self.do("content", ".statusbar-item"), "VS Code's window", 180)

    def stop(self) -> None:
        VsCode.shown.discard(self)
        if self._browser is not None:
            self._browser.stdin.close()  # type: ignore[union-attr]
            try:
                self._browser.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                self._browser.kill()
        if self._server is not None:
            self._server.terminate()
            try:
                self._server.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                self._server.kill()

    # Doing

    def do(self, name: str, *arguments: Any) -> Any:
        """One command of browser.mjs."""
        assert self._browser is not None
        assert self._browser.stdin is not None
        assert self._browser.stdout is not None
        self._browser.stdin.write(json.dumps([name, *arguments]) + "\n")
        self._browser.stdin.flush()
        answer = json.loads(self._browser.stdout.readline() or '{"error": "the browser is gone"}')
        assert "error" not in answer, answer["error"]
        return answer["value"]

    def open(self, name: str) -> None:
        """Open a file of the folder and put the cursor at its end."""
        self._pick("Control+p", name)
        tab = ".tabs-container .tab.active"
        until(lambda: self.do("content", tab)[:1] == [name], f"the tab {name}")
        # The tab is there first, then the text; what is typed before that goes elsewhere.
        until(lambda: self.focus().endswith(f"/{name}"), f"the keyboard in {name}")
        path = Path(self.focus())

        def at_the_end() -> bool:
            lines = path.read_text(encoding="utf-8").split("\n")
            return self.place() == f"Ln {len(lines)}, Col {len(lines[-1]) + 1}"

        def went_to_the_end() -> bool:
            # An editor that is still opening may put the cursor back to where it was last.
            self.do("press", "Control+End")
            try:
                return bool(until(at_the_end, "the end", 2))
            except AssertionError:
                return False

        until(went_to_the_end, f"the cursor at the end of {name}")

    def command(self, title: str, patience_s: float = PATIENCE_S) -> None:
        """Run a command of the palette."""
        self._pick("F1", title, patience_s)

    def menu(self, entry: str) -> None:
        """Choose from the menu that the item in the status bar opens."""
        row = f'.quick-input-list .monaco-list-row:has-text("{entry}")'

        def try_it() -> bool:
            self.do("click", f"{STATUS} a")
            try:
                until(lambda: self.do("visible", row), entry, 5)
            except AssertionError:
                self.do("press", "Escape")
                return False
            return True

        until(try_it, f"{entry} in the menu")
        self.do("click", row)

    def _pick(self, key: str, wanted: str, patience_s: float = PATIENCE_S) -> None:
        """Choose from the list that `key` opens; it closes when something else takes the focus."""

        def found() -> bool:
            first = ".quick-input-list .monaco-list-row.focused"
            return any(wanted in row for row in self.do("content", first))

        def try_it() -> bool:
            self.do("press", key)
            try:
                until(lambda: self.do("visible", ".quick-input-widget input"), "the list", 5)
                self.do("type", wanted, 5)
                until(found, "the entry", 5)
            except AssertionError:
                # Not at first: it would also hide a suggestion.
                self.do("press", "Escape")
                return False
            return True

        until(try_it, f"{wanted} in the list", patience_s)
        self.do("press", "Enter")

    # Seeing

    def ghost(self) -> str:
        """The suggestion on the screen."""
        return "".join(self.do("content", GHOST))

    def focus(self) -> str:
        """Path of the file that the keyboard is in; empty where it is in none."""
        return urllib.parse.unquote(urllib.parse.urlsplit(self.do("focus")).path)

    def place(self) -> str:
        """Where the cursor is, as the status bar says: "Ln 2, Col 1"."""
        return " ".join(self.do("content", '.statusbar-item[id="status.editor.selection"]'))

    def status(self) -> str:
        """The extension's item in the status bar."""
        return " ".join(self.do("content", STATUS)).strip()

    def ready(self) -> bool:
        """Whether the item shows the sign of a server that waits for work."""
        return bool(self.do("content", f"{STATUS} .codicon-sparkle"))

    def page(self) -> str:
        """Text of all pages in frames, such as the Markdown preview's."""
        return "\n".join(self.do("frames"))

    def notifications(self) -> str:
        """What pops up at the window's corner."""
        return "\n".join(self.do("content", ".notifications-toasts .notification-list-item"))

    def answer(self, notification: str, button: str) -> None:
        """Press a button of the notification that says so."""
        item = f'.notifications-toasts .notification-list-item:has-text("{notification}")'
        self.do("click", f'{item} .monaco-button:has-text("{button}")')

    def status_details(self) -> str:
        """What the item in the status bar says when the mouse is on it."""
        # Elsewhere first: a hover that is there already would be an old one.
        self.do("hover", ".part.titlebar")
        until(lambda: not self.do("visible", HOVER), "no hover")
        self.do("hover", f"{STATUS} a")
        until(lambda: self.do("visible", HOVER), "the hover")
        return str(self.do("content", HOVER)[0])

    def text(self, name: str) -> str:
        """A file on disk; it is saved on its own."""
        return (self.folder / name).read_text(encoding="utf-8")

    def until_ghost(self, text: str) -> None:
        try:
            until(lambda: self.ghost() == text, f"ghost text {text!r}")
        except AssertionError as error:
            raise AssertionError(f"{error}; it is {self.ghost()!r}") from None

    def until_text(self, name: str, text: str) -> None:
        try:
            until(lambda: self.text(name) == text, f"text {text!r}")
        except AssertionError as error:
            raise AssertionError(f"{error}; it is {self.text(name)!r}") from None
