"""Makes docs/images/vscode*.png from a real VS Code, with the embedded model.

Needs what scripts/install-vscode installs, and Pillow: `make pictures` sees to both. The project is
the one that `codellama-lsp demo` opens; what is suggested, the model says.
"""

from __future__ import annotations

import io
import sys
import time
from pathlib import Path

from PIL import Image

from scripts.frames import Frames
from tests.editors.test_vscode_model import DATA
from tests.editors.vscode import VsCode, build_extension
from tests.editors.vscode_window import SERVER, WALKTHROUGH, Window
from tests.editors.waiting import until

IMAGES = Path(__file__).parents[1] / "docs" / "images"
STATUS = '.statusbar-item[id*="codellama"] a'

#: How long a frame stays, in milliseconds: while typing, and to read what came.
TYPED_MS, READ_MS = 110, 1400
#: What of the window is recorded, in its pixels, and how large it becomes.
CLIP = {"x": 48, "y": 36, "width": 1152, "height": 684}
SIZE = (864, 513)

#: Keys of the recording that are no characters.
KEYS = {"\n": "Enter", "\b": "Shift+Tab", "\t": "End"}

#: What is typed, each time until there is a suggestion, which Tab takes.
LINES = ("    def copies_of(self, author", "\t\n\n\bdef lend(self, isbn: str")


def frame(code: VsCode) -> Image.Image:
    """What the window shows now."""
    path = str(code.home / "frame.png")
    code.do("screenshot", path, CLIP)
    return Image.open(io.BytesIO(Path(path).read_bytes())).convert("RGB")


def record(code: VsCode, path: Path) -> None:
    """Types `LINES`, taking what is suggested."""
    recording = Frames()
    recording.add(frame(code), READ_MS)
    for typed in LINES:
        for character in typed:
            if character in KEYS:
                code.do("press", KEYS[character])
            else:
                code.do("type", character, 0)
            recording.add(frame(code), TYPED_MS)
        shown = until(code.ghost, f"a suggestion after {typed!r}")
        settled(code)
        recording.add(frame(code), READ_MS)
        code.do("press", "Tab")
        until(lambda seen=shown: code.ghost() != seen, "it was taken")
        recording.add(frame(code), READ_MS // 2)
    recording.add(frame(code), READ_MS)
    recording.save(path, SIZE)


def settled(code: VsCode) -> None:
    """Things fade in, and nothing says when that is over."""
    time.sleep(1.5)
    code.ghost()


def first_minutes(extension: Path, path: Path) -> None:
    """The walkthrough and the question, where there is no server yet."""
    window = Window(extension)
    try:
        code = window.code.start()
        until(lambda: code.do("visible", WALKTHROUGH), "the walkthrough")
        until(lambda: "Install it" in code.notifications(), "the question")
        settled(code)
        code.do("screenshot", str(path))
    finally:
        window.close()


def main() -> int:
    """The pictures, one after the other."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    extension = build_extension()
    first_minutes(extension, IMAGES / "vscode-walkthrough.png")
    window = Window(extension, SERVER, DATA / "demo")
    try:
        code = window.code
        code.start()
        until(lambda: code.do("visible", WALKTHROUGH), "the walkthrough")
        window.until_ready()
        code.command("View: Close All Editors")
        large = {
            "editor.fontSize": 17,
            "editor.stickyScroll.enabled": False,
            "editor.cursorSurroundingLines": 8,  # room for a suggestion of several lines
        }
        code.settings({"codellama.server.command": SERVER, **large})
        code.open("books.py")
        code.do("press", "Control+b")
        code.do("press", "Enter")
        settled(code)
        record(code, IMAGES / "vscode.png")
        code.do("click", STATUS)
        until(lambda: code.do("content", ".quick-input-list .monaco-list-row"), "the menu")
        settled(code)
        code.do("screenshot", str(IMAGES / "vscode-menu.png"))
    finally:
        window.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
