"""A program in a terminal that nobody sees: keys in, the screen's text out. Needs tmux."""

from __future__ import annotations

import contextlib
import itertools
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.editors.places import editors_dir
from tests.editors.waiting import until


def find_tmux() -> str | None:
    """The one that an install script unpacked, or the system's."""
    unpacked = editors_dir() / "bin" / "tmux"
    return str(unpacked) if unpacked.exists() else shutil.which("tmux")


class Terminal:
    """One program in a tmux of its own; `stop` ends both."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], directory: Path
    ) -> None:
        program = find_tmux()
        assert program is not None, "tmux is not installed"
        # Short, for it is a socket's path; and none of the user's configuration.
        self._tmux = [program, "-S", str(directory / "tmux.sock"), "-f", "/dev/null"]
        environment = {**environment, "LC_ALL": "C.UTF-8", "TERM": "xterm-256color"}
        environment.pop("TMUX", None)
        size = ["-x", "100", "-y", "30"]
        subprocess.run(
            [*self._tmux, "new-session", "-d", *size, *command],
            env=environment,
            cwd=directory,
            check=True,
        )

    def keys(self, *names: str) -> None:
        """Press keys by tmux's names: "Tab", "C-Right", "Escape"."""
        subprocess.run([*self._tmux, "send-keys", *names], check=True)

    def type(self, text: str) -> None:
        subprocess.run([*self._tmux, "send-keys", "-l", text], check=True)

    def screen(self) -> str:
        """What is on the screen, blanks at the ends of lines left out."""
        shown = subprocess.run(
            [*self._tmux, "capture-pane", "-p"], capture_output=True, encoding="utf-8"
        )
        return shown.stdout

    def coloured(self) -> str:
        """The screen with the escape sequences of its colours, blanks and all."""
        shown = subprocess.run(
            [*self._tmux, "capture-pane", "-p", "-e", "-N"], capture_output=True, encoding="utf-8"
        )
        return shown.stdout

    def cursor(self) -> tuple[int, int]:
        """Column and row, from 0."""
        said = subprocess.run(
            [*self._tmux, "display-message", "-p", "#{cursor_x} #{cursor_y}"],
            capture_output=True,
            text=True,
        )
        column, row = said.stdout.split()
        return int(column), int(row)

    def resize(self, columns: int, rows: int) -> None:
        size = ["-x", str(columns), "-y", str(rows)]
        subprocess.run([*self._tmux, "resize-window", *size], check=True)

    def until_screen(self, looks: Callable[[str], bool], what: str) -> str:
        """The first screen that `looks` right."""
        seen = [""]

        def look() -> bool:
            seen[0] = self.screen()
            return looks(seen[0])

        try:
            until(look, what)
        except AssertionError as error:
            raise AssertionError(f"{error}; the screen:\n{seen[0]}") from None
        return seen[0]

    def until_shown(self, text: str) -> str:
        return self.until_screen(lambda screen: text in screen, f"{text!r} on the screen")

    def type_until_shown(self, last: str, text: str) -> None:
        """Type `last` until `text` is there."""
        self.type_until(last, lambda screen: text in screen, f"{text!r} on the screen")

    def type_until(self, last: str, looks: Callable[[str], bool], what: str) -> None:
        """Type `last` until the screen `looks` right: nothing says when a server is ready.

        What is on its way is lost when `last` is taken back, so each try waits longer.
        """
        waits_s = itertools.accumulate(itertools.repeat(2.0), lambda wait_s, _: wait_s * 1.5)

        def look() -> bool:
            self.type(last)
            try:
                until(lambda: looks(self.screen()), what, next(waits_s))
            except AssertionError:
                self.keys("BSpace")
                return False
            return True

        try:
            until(look, what)
        except AssertionError as error:
            raise AssertionError(f"{error}; the screen:\n{self.screen()}") from None

    def stop(self) -> None:
        with contextlib.suppress(subprocess.SubprocessError):
            subprocess.run([*self._tmux, "kill-server"], capture_output=True, timeout=20)
