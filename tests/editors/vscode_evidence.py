"""What there is to know of a VS Code window when something was waited for in vain."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.editors.vscode import VsCode
from tests.editors.waiting import until

#: For what may have to be waited for; most of it is there at once, or never.
_PATIENCE_S = 10
_LOG_LINES = 40


def evidence(code: VsCode, picture: Path) -> str:
    """What the window shows and the logs hold, for people; a picture goes to `picture`.

    Opens the page that says how the latest requests ended, so nothing can be tested afterwards.
    """
    picture.parent.mkdir(parents=True, exist_ok=True)
    looks: dict[str, Callable[[], object]] = {
        "picture": lambda: code.do("screenshot", str(picture)) or picture,
        "status": code.status,
        "ghost text": code.ghost,
        "keyboard": lambda: f"{code.focus() or 'in no editor'}, {code.place()}",
        "lines in editors": lambda: code.do("content", ".monaco-editor .view-line"),
        "notifications": code.notifications,
        "latest requests": lambda: _why(code),
        "extension's log": lambda: _newest(code.data, "*/exthost*/codellama-lsp.*/*.log"),
        "extension host's log": lambda: _newest(code.data, "*/exthost*/remoteexthost.log"),
        "code-server's log": lambda: _tail(code.home / "server.log"),
        "browser's log": lambda: _tail(code.home / "browser.log"),
    }
    return "\n".join(f"{name}: {_looked(look)}" for name, look in looks.items())


def _looked(look: Callable[[], object]) -> object:
    try:
        return look()
    except Exception as error:  # whatever is broken, the others may still say something
        return f"({type(error).__name__}: {error})"


def _why(code: VsCode) -> str:
    # Whatever is open might take the keys.
    code.do("press", "Escape")
    code.command("Code Llama: Why Was There No Suggestion?", _PATIENCE_S)
    title = "Why was there no suggestion?"
    until(lambda: title in code.page(), "the page", _PATIENCE_S)
    return code.page().partition(title)[2]


def _newest(data: Path, pattern: str) -> str:
    found = sorted((data / "logs").glob(pattern), key=lambda path: path.stat().st_mtime)
    return _tail(found[-1]) if found else "(none)"


def _tail(path: Path) -> str:
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()[-_LOG_LINES:]
    return "".join(f"\n    {line}" for line in lines)
