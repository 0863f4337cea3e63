"""Someone writes a piece of text that is known in advance, with an editor's help and with slips.

Yields what was done, keystroke by keystroke; after the last one the document holds exactly that
text at the cursor, and nothing an editor put there that does not belong to it.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

import attrs

from codellama_lsp.evaluation.keystrokes.editor import Editor, EventClass

_CLOSERS_BELOW = re.compile(r"(?:\n[ \t]*[)\]}]+)+")
_BLANKS = re.compile(r"[ \t]*")
_LETTERS = "etaoinsrhl"
_OPENERS = ("(", "[", "{")
#: Events after which something that is due happens again.
_EVERY = 40


@attrs.frozen
class Habits:
    """How likely things happen (0 to 1)."""

    slip: float = 0.02
    """Per letter: one to three wrong ones, taken back by Backspace."""
    accept: float = 0.02
    """Per character: the rest of the line comes as a suggestion."""
    undo: float = 0.004
    """Per character: the last word is taken back and written again."""


class Due:
    """What has to happen once in a while, however the dice fall; counts events."""

    def __init__(self) -> None:
        self._count = 0
        self._at = {"slip": 5, "undo": 10, "accept": 12}

    def tick(self) -> None:
        """Something happened."""
        self._count += 1

    def take(self, name: str) -> bool:
        """Whether it is time for `name`; if so, it counts as done."""
        if self._count < self._at[name]:
            return False
        self._at[name] = self._count + _EVERY
        return True


def write(
    editor: Editor,
    text: str,
    rng: random.Random,
    habits: Habits | None = None,
    due: Due | None = None,
) -> Iterator[EventClass]:
    """Write `text` at the cursor; `text` has no line with trailing blanks."""
    return _Writer(editor, text, rng, habits or Habits(), due).run()


class _Writer:
    def __init__(
        self, editor: Editor, text: str, rng: random.Random, habits: Habits, due: Due | None
    ) -> None:
        self._due = due
        self._editor = editor
        self._text = text
        self._rng = rng
        self._habits = habits
        self._start = editor.offset
        self._tail_chars = len(editor.text) - editor.offset
        self._done = 0
        editor.forget_undo()

    @property
    def _rest(self) -> str:
        return self._text[self._done :]

    @property
    def _pending(self) -> str:
        """What the editor put between the cursor and the old text."""
        return self._editor.text[self._editor.offset : len(self._editor.text) - self._tail_chars]

    def run(self) -> Iterator[EventClass]:
        while self._rest:
            if self._rest[0] == "\n":
                yield from self._end_line()
                continue
            if self._done > 4 and self._happens("undo", self._habits.undo):
                yield from self._take_back()
                continue
            if self._in_line() > 2 and self._accepts():
                yield self._accept()
                continue
            if self._rest[0].isalpha() and self._happens("slip", self._habits.slip):
                yield from self._slip()
            char = self._rest[0]
            self._done += 1
            yield self._editor.type(char)
        if self._pending:
            yield self._editor.delete(len(self._pending))

    def _end_line(self) -> Iterator[EventClass]:
        below = _CLOSERS_BELOW.match(self._pending)
        if below and self._rest.startswith(below.group()):
            self._done += below.end()
            yield self._editor.move(self._editor.offset + below.end(), EventClass.LEAVE_BRACES)
            return
        self._done += 1
        yield self._editor.enter()
        blanks = _BLANKS.match(self._rest)
        wanted = blanks.group() if blanks else ""
        if self._rest[len(wanted) : len(wanted) + 1] == "\n":
            if self._editor.after in ("", "\n"):
                return  # a blank line: the next Enter takes its indentation away
            wanted = ""
        while not wanted.startswith(self._editor.line_before):
            yield self._editor.backspace()
        while missing := wanted[len(self._editor.line_before) :]:
            step = self._editor.indent
            tab = step if missing.startswith(step) else missing[0]
            yield self._editor.insert(tab, EventClass.TYPE)
        self._done += len(wanted)

    def _accept(self) -> EventClass:
        line = self._rest.split("\n", 1)[0]
        self._done += len(line)
        replaced = len(self._pending.split("\n", 1)[0])
        return self._editor.insert(line, EventClass.ACCEPT, replaced=replaced)

    def _slip(self) -> Iterator[EventClass]:
        wrong = self._rng.randint(1, 3)
        for _ in range(wrong):
            yield self._editor.type(self._rng.choice(_LETTERS))
        for _ in range(wrong):
            yield self._editor.backspace()

    def _take_back(self) -> Iterator[EventClass]:
        while True:
            yield self._editor.undo()
            written = self._editor.text[self._start : self._editor.offset]
            if self._text.startswith(written) and self._editor.offset >= self._start:
                self._done = len(written)
                return

    def _in_line(self) -> int:
        return self._done - (self._text.rfind("\n", 0, self._done) + 1)

    def _accepts(self) -> bool:
        if self._chance(self._habits.accept):
            return True
        # A bracket that is typed is worth more to a trace than one that comes along.
        opens = self._rest.split("\n", 1)[0].endswith(_OPENERS)
        return self._due is not None and not opens and self._due.take("accept")

    def _happens(self, name: str, share: float) -> bool:
        return self._chance(share) or (self._due is not None and self._due.take(name))

    def _chance(self, share: float) -> bool:
        return self._rng.random() < share
