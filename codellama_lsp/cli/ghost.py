"""Shows suggestions on a terminal as an editor does, as ghost text; without one, in marks."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TextIO

import attrs

if TYPE_CHECKING:
    from codellama_lsp.lsp.client import Offer

_DIM, _BOLD, _CYAN, _RESET = "\x1b[2m", "\x1b[1m", "\x1b[36m", "\x1b[0m"
_LINES_AROUND = 2
_MAX_GHOST_LINES = 8
_PREVIEW_CHARS = 34


@attrs.frozen
class Screen:
    """Somewhere to write, with or without colour."""

    stream: TextIO
    colour: bool

    @classmethod
    def of(cls, stream: TextIO) -> Screen:
        """Colour on a terminal, unless NO_COLOR (no-color.org) or a dumb one says otherwise."""
        wanted = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        return cls(stream, wanted and stream.isatty())

    def say(self, text: str) -> None:
        """A plain line."""
        print(text, file=self.stream, flush=True)

    def title(self, text: str) -> None:
        """What comes now."""
        self.say(self._in(_BOLD, text))

    def header(self) -> None:
        """Above the rows."""
        names = ("typed", "suggestion", "outcome", "prompt = reused + fresh", "generated", "ms")
        self.say("  {:6} {:34} {:10} {:>23} {:>10} {:>8}".format(*names))

    def row(self, typed: str, offer: Offer) -> None:
        """One character and what was suggested after it."""
        tokens, ms = offer.cost.get("tokens", {}), offer.cost.get("ms", {})
        prompt = tokens.get("prompt", 0)
        costs = f"{prompt} = {tokens.get('reused')} + {tokens.get('fresh')}" if prompt else "-"
        preview = self._preview(offer)
        shown = self._ghost(preview) + " " * max(0, _PREVIEW_CHARS - self._width(preview))
        self.say(
            f"  {typed!r:6} {shown} {offer.cost.get('outcome', '?'):10} {costs:>23} "
            f"{tokens.get('generated', 0):>10} {ms.get('total', 0.0):>8.1f}"
        )

    def ghost(self, text: str, cursor: int, offer: Offer) -> None:
        """The lines around the cursor with the suggestion in its place."""
        start = text.rfind("\n", 0, cursor) + 1
        end = text.find("\n", cursor)
        end = len(text) if end < 0 else end
        number = text.count("\n", 0, start) + 1
        above = text[:start].split("\n")[-_LINES_AROUND - 1 : -1]
        below = text[end + 1 :].split("\n")[:_LINES_AROUND]
        ghost = offer.text[offer.before :].split("\n")
        if len(ghost) > _MAX_GHOST_LINES:
            ghost = [*ghost[:_MAX_GHOST_LINES], "…"]
        for offset, line in enumerate(above, number - len(above)):
            self.say(self._numbered(offset, line))
        first = self._ghost(ghost[0]) if ghost[0] else ""
        self.say(self._numbered(number, text[start:cursor] + first + text[cursor:end]))
        for line in ghost[1:]:
            self.say(" " * 6 + "| " + self._ghost(line))
        for offset, line in enumerate(below, number + 1):
            self.say(self._numbered(offset, line))

    def _numbered(self, number: int, line: str) -> str:
        return f"{number:>5} | {line}"

    def _preview(self, offer: Offer) -> str:
        lines = offer.text[offer.before :].split("\n")
        first = next((line for line in lines if line.strip()), "")
        more = len(lines) > 1 or len(first) > _PREVIEW_CHARS - 3
        return first[: _PREVIEW_CHARS - 3] + ("…" if more and first else "")

    def _width(self, preview: str) -> int:
        return len(preview) if self.colour or not preview else len(preview) + 2

    def _ghost(self, text: str) -> str:
        if not text:
            return ""
        return self._in(_DIM + _CYAN, text) if self.colour else f"«{text}»"

    def _in(self, codes: str, text: str) -> str:
        return f"{codes}{text}{_RESET}" if self.colour else text
