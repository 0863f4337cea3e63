"""Makes the pictures of docs/images from real editors, with the embedded model.

Needs what scripts/install-vscode installs. Run as a program: ``python -m scripts.editor_pictures``
from the repository's root.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from tests.editors.test_vscode import SERVER, Window
from tests.editors.vscode import build_extension
from tests.editors.waiting import until

IMAGES = Path(__file__).parents[1] / "docs" / "images"

SHAPES = """import math


class Circle:
    def __init__(self, radius):
        self.radius = radius

    def area(self):
        return math.pi * self.radius ** 2

    def perimeter(self):
        return 2 * math.pi * self.radius


class Square:
"""


def main() -> int:
    """A suggestion and the menu in VS Code."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    window = Window(build_extension(), SERVER)
    try:
        window.code.start()
        code = window.fresh("shapes.py", SHAPES)
        code.do("type", "    def __init__(self")
        until(code.ghost, "a suggestion")
        code.do("screenshot", str(IMAGES / "vscode.png"))
        code.do("press", "Tab")
        code.do("click", '.statusbar-item[id*="codellama"] a')
        until(lambda: code.do("content", ".quick-input-list .monaco-list-row"), "the menu")
        time.sleep(2)  # it fades in, and nothing says when that is over
        code.do("screenshot", str(IMAGES / "vscode-menu.png"))
    finally:
        window.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
