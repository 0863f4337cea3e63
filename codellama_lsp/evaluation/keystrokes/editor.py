"""An editor without a screen: what a keystroke does to a document in today's editors.

Follows VS Code's defaults: brackets and quotes are closed by themselves before blanks and closers,
typing a closer that came by itself steps over it, Enter keeps the indentation and opens up
brackets, Backspace takes a whole step of leading indentation, undo goes by words.
Knows neither languages' grammars nor completion.
"""

from __future__ import annotations

import enum

import attrs

_CLOSER_OF = {"(": ")", "[": "]", "{": "}"}
_QUOTES = "\"'`"
#: Before these (and at the end) an opener is closed by itself.
_CLOSES_BEFORE = " \t\n)]}>,;:"
#: A line that ends so is followed by a deeper one.
_DEEPER_AFTER = (":", "(", "[", "{")


class EventClass(enum.StrEnum):
    """What the user did, as far as it matters for cost."""

    OPEN = "open"
    TYPE = "type"
    INSIDE_WORD = "inside_word"
    AUTO_CLOSE = "auto_close"
    OVERTYPE = "overtype"
    NEWLINE = "newline"
    ENTER_BRACES = "enter_braces"
    LEAVE_BRACES = "leave_braces"
    """Moved over the closers that Enter between braces had put on lines below."""
    BACKSPACE = "backspace"
    DELETE = "delete"
    ACCEPT = "accept"
    PASTE = "paste"
    UNDO = "undo"
    JUMP = "jump"
    SWITCH_FILE = "switch_file"
    """Went to a file for the first time."""
    RETURN_TO_FILE = "return_to_file"


#: One character typed, whatever the editor made of it.
TYPED = (EventClass.TYPE, EventClass.INSIDE_WORD, EventClass.AUTO_CLOSE, EventClass.OVERTYPE)


@attrs.frozen
class _State:
    text: str
    offset: int
    closers: tuple[int, ...]


class Editor:
    """One document with a cursor. Offsets are code points; line ends are ``\\n``."""

    def __init__(self, text: str, offset: int = 0, indent: str = "    ") -> None:
        self.text = text
        self.offset = offset
        self.indent = indent
        self._closers: list[int] = []  # offsets of closers that came by themselves
        self._undo: list[_State] = []
        self._group_open = False

    @property
    def line_before(self) -> str:
        """The cursor's line up to the cursor."""
        return self.text[self.text.rfind("\n", 0, self.offset) + 1 : self.offset]

    @property
    def after(self) -> str:
        """The character behind the cursor; empty at the end."""
        return self.text[self.offset : self.offset + 1]

    def type(self, char: str) -> EventClass:
        """Type one character that is no line break."""
        if char == self.after and self.offset in self._closers:
            self._keep_for_undo(group=True)
            self._closers.remove(self.offset)
            self.offset += 1
            return EventClass.OVERTYPE
        around = (self.text[self.offset - 1 : self.offset], char, self.after)
        word = all(map(_is_word, around))
        closer = self._closer(char)
        # A word belongs together with the blank that ends it.
        self._keep_for_undo(group=True)
        self._insert(char + closer, cursor=1)
        if closer:
            self._closers.append(self.offset)
            return EventClass.AUTO_CLOSE
        if char.isspace():
            self._group_open = False
        return EventClass.INSIDE_WORD if word else EventClass.TYPE

    def enter(self) -> EventClass:
        """Press Enter: the new line is indented by itself."""
        self._keep_for_undo(group=False)
        line = self.line_before
        indent = line[: len(line) - len(line.lstrip())]
        if indent == line and self.after in ("", "\n"):
            self._remove(self.offset - len(line), self.offset)  # blanks that came by themselves
        deeper = indent + self.indent if line.rstrip().endswith(_DEEPER_AFTER) else indent
        opener = self.text[self.offset - 1 : self.offset]
        if self.after and _CLOSER_OF.get(opener) == self.after:
            between = "\n" + deeper
            self._insert(between + "\n" + indent, cursor=len(between))
            return EventClass.ENTER_BRACES
        self._insert("\n" + deeper)
        return EventClass.NEWLINE

    def backspace(self) -> EventClass:
        """Press Backspace: a character, a step of leading indentation, or an empty pair."""
        self._keep_for_undo(group=True)
        line = self.line_before
        start, end = self.offset - 1, self.offset
        pair = _CLOSER_OF.get(self.text[start:end], self.text[start:end]) == self.after
        if line and not line.strip():
            start = self.offset - ((len(line) - 1) % max(len(self.indent), 1) + 1)
            if line.endswith("\t"):
                start = self.offset - 1
        elif pair and self.offset in self._closers:
            end += 1
        self._remove(max(start, 0), end)
        return EventClass.BACKSPACE

    def delete(self, chars: int = 1) -> EventClass:
        """Press Delete."""
        self._keep_for_undo(group=False)
        self._remove(self.offset, min(self.offset + chars, len(self.text)))
        return EventClass.DELETE

    def insert(self, text: str, kind: EventClass, *, replaced: int = 0) -> EventClass:
        """Put in several characters at once (a suggestion, the clipboard).

        `replaced` characters behind the cursor give way to them.
        """
        self._keep_for_undo(group=False)
        self._remove(self.offset, self.offset + replaced)
        self._insert(text)
        return kind

    def move(self, offset: int, kind: EventClass = EventClass.JUMP) -> EventClass:
        """Put the cursor elsewhere; closers that it leaves are no longer stepped over."""
        self._group_open = False
        self.offset = offset
        self._closers = [at for at in self._closers if at >= offset]
        return kind

    def forget_undo(self) -> None:
        """Nothing done so far can be taken back any more."""
        self._undo.clear()
        self._group_open = False

    def undo(self) -> EventClass:
        """Take back the last group of changes; nothing happens when there is none."""
        if self._undo:
            state = self._undo.pop()
            self.text, self.offset = state.text, state.offset
            self._closers = list(state.closers)
        self._group_open = False
        return EventClass.UNDO

    def _closer(self, char: str) -> str:
        if self.after and self.after not in _CLOSES_BEFORE:
            return ""
        if char in _CLOSER_OF:
            return _CLOSER_OF[char]
        if char not in _QUOTES:
            return ""
        before = self.text[self.offset - 1 : self.offset]
        if before and (_is_word(before) or before in _QUOTES):
            return ""
        inside = any(self.text[at] in _QUOTES for at in self._closers if at >= self.offset)
        return "" if inside else char

    def _insert(self, text: str, cursor: int | None = None) -> None:
        at = self.offset
        self.text = self.text[:at] + text + self.text[at:]
        self._closers = [c + len(text) if c >= at else c for c in self._closers]
        self.offset = at + (len(text) if cursor is None else cursor)

    def _remove(self, start: int, end: int) -> None:
        self.text = self.text[:start] + self.text[end:]
        gone = end - start
        kept = [c for c in self._closers if not start <= c < end]
        self._closers = [c - gone if c >= end else c for c in kept]
        self.offset = start

    def _keep_for_undo(self, *, group: bool) -> None:
        if not (group and self._group_open):
            self._undo.append(_State(self.text, self.offset, tuple(self._closers)))
        self._group_open = group


def _is_word(char: str) -> bool:
    return char.isalnum() or char == "_"
