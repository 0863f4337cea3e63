"""The cursor and the text around it, as plans, stop rules and filters look at them.

All texts have ``\\n`` line ends. Must not know engines or LSP.
"""

from __future__ import annotations

import re

import attrs

_TAB_WIDTH = 4


@attrs.frozen
class Spot:
    """A cursor in its surroundings."""

    before: str
    """The prefix window: ends at the cursor."""
    after: str
    """What follows the cursor in the document, closers left out of the prompt included."""
    left_out: str = ""
    """Closers at the start of `after` that the model was not shown."""
    to_end: bool = False
    """Whether `after` goes to the end of the document."""

    @property
    def line_before(self) -> str:
        """The cursor's line up to the cursor."""
        return self.before[self.before.rfind("\n") + 1 :]

    @property
    def line_after(self) -> str:
        """The cursor's line from the cursor on."""
        return self.after.split("\n", 1)[0]

    @property
    def next_lines(self) -> list[str]:
        """The lines after the cursor's, blank ones left out."""
        return [line for line in self.after.split("\n")[1:] if line.strip()]

    @property
    def line_above(self) -> str:
        """The nearest line above the cursor's that is not blank; empty if there is none."""
        lines = self.before.split("\n")[:-1]
        return next((line for line in reversed(lines) if line.strip()), "")


def indent_width(line: str) -> int:
    """Columns of the blanks that `line` begins with; a tab goes to the next multiple of four."""
    width = 0
    for char in line:
        if char == " ":
            width += 1
        elif char == "\t":
            width += _TAB_WIDTH - width % _TAB_WIDTH
        else:
            break
    return width


def is_telling(line: str) -> bool:
    """Whether `line` says enough for its repetition to mean something: no lone bracket or else."""
    return len(re.findall(r"\w", line)) >= 3 and line.strip(" \t{}()[];:") not in _COMMON


_COMMON = frozenset(
    [
        "else",
        "try",
        "finally",
        "pass",
        "break",
        "continue",
        "return",
        "end",
        "done",
        "begin",
        "then",
        "do",
        "esac",
        "default",
        "endif",
    ]
)
