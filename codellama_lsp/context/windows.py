"""The two stretches of text a prompt shows: before the cursor and after it.

They are anchored. An engine keeps what it evaluated for a prompt only as far as the prompt stays
the same, so while someone edits around one spot the prefix window's start and the whole suffix
window stay where they are; they move when the cursor leaves or a window outgrows its budget.

Three things keep an anchor alive although the text changes:

- **Typing** changes neither what stands before the prefix window's start nor what follows the
  cursor. The suffix window is therefore remembered as a text and as its end's distance from the
  document's end, the prefix window by its start and by how it begins.
- **Edits elsewhere** (an import added at the top) shift both; they are found again by content.
- **Auto-closed brackets.** Editors turn ``(`` into ``()``: the text after the cursor becomes
  ``)`` + what it was. Sent as it is, it would be a new suffix, and with the suffix first in the
  prompt everything would be evaluated anew. So the suffix stays frozen as it was at the anchor,
  and the closers in between (with the line break and indent that Enter between braces adds) are
  handed out as `Windows.left_out`; whoever shows the completion reconciles them with what was
  generated. This holds only for closers that came with an edit: a cursor that merely moved left
  over old brackets gets an honest suffix, as does any other text in between.

A prefix window that has outgrown its budget moves behind the user's back: `moved` says what it
would show, and once that has been evaluated, `move` lets it. No keystroke waits for that.

Texts handed out have ``\\n`` line ends and no lone surrogates. Pure logic; knows no engine.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

import attrs

from codellama_lsp.context.anchors import window_end, window_start
from codellama_lsp.engine.protocol import Segment

#: Closers an editor adds by itself, each perhaps on a line of its own.
_CLOSERS = re.compile(r"(?:\n?[ \t]*[)\]}\"'`])+")
_LONGEST_LEFT_OUT_CHARS = 160

#: A prefix window that has outgrown its budget by this much should move, once what it would show
#: then has been evaluated; by the second, it moves whatever that costs.
_SLACK = 1.22
_MOST_SLACK = 1.35
#: Of its budget, what a window has after such a move: it grows again.
_SHARE_AFTER_MOVE = 0.85

#: A prefix window shorter than this share of its budget moves, if there is more text above it.
_LEAST_PREFIX_SHARE = 0.4

#: The prefix window is recognised by this many of its first characters.
_HEAD_CHARS = 120
_SEARCH_CHARS = 20_000

#: Text of the document beyond the windows that is handed out on either side.
FAR_CHARS = 20_000

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


@attrs.frozen
class WindowBudget:
    """Sizes in characters."""

    prefix_chars: int
    suffix_chars: int

    def scaled(self, share: float) -> WindowBudget:
        """A share of it."""
        return WindowBudget(int(self.prefix_chars * share), int(self.suffix_chars * share))


@attrs.frozen
class Windows:
    """What a prompt shows of a document."""

    prefix: Segment
    suffix: Segment
    left_out: str
    """Closers between the cursor and `suffix`, not part of either."""
    to_end: bool
    """Whether `suffix` goes to the end of the document."""
    typed_chars: int
    """Characters at the end of `prefix` that came since it was anchored."""
    far_before: Segment
    """Text up to where `prefix` starts; for copying, not for the prompt."""
    far_after: Segment
    """Text from where `suffix` ends on; likewise."""


@attrs.frozen
class _Place:
    """Where a prefix window will start, how it begins, and what it shows."""

    start: int
    head: str
    prefix: Segment


class WindowTracker:
    """The windows of one document over time.

    `versions` numbers all segments of a process, so that a document that is closed and opened
    again never gives an old number to a new text.
    """

    def __init__(self, key: str, versions: Iterator[int] | None = None) -> None:
        self._prefix = Segment(f"{key}#prefix", 0, "")
        self._suffix = Segment(f"{key}#suffix", 0, "")
        self._far_before = Segment(f"{key}#far-before", 0, "")
        self._far_after = Segment(f"{key}#far-after", 0, "")
        self._versions = versions or itertools.count(1)
        self._anchored = False
        self._start = 0
        self._head = ""
        self._tail_chars = 0
        self._left_out = ""
        self._text = ""
        self._offset = 0
        self._budget = WindowBudget(0, 0)
        self._anchored_prefix = ""
        self._typed_chars = 0
        self._next: _Place | None = None
        self._moves = False

    def windows(self, text: str, offset: int, budget: WindowBudget) -> Windows:
        """The windows around `offset` (code points in `text`, the document as it is)."""
        kept = self._keep_suffix(text, offset) if self._anchored else None
        if kept is None:
            self._anchor_suffix(text, offset, budget)
            self._next = None
        else:
            self._left_out = kept
        start = self._move_prefix(text, offset)
        if start is None:
            start = self._keep_prefix(text, offset, budget, anew=kept is None)
        if start is None:
            self._next = None
            start = window_start(text, offset, budget.prefix_chars)
            self._head = text[start : min(start + _HEAD_CHARS, offset)]
        self._start = start
        self._prefix = self._changed(self._prefix, normalised(text[start:offset]))
        self._text, self._offset, self._budget = text, offset, budget
        self._anchored = True
        if kept is None or not self._prefix.text.startswith(self._anchored_prefix):
            self._anchored_prefix = self._prefix.text
        typed_chars = len(self._prefix.text) - len(self._anchored_prefix)
        if typed_chars > budget.prefix_chars * (_MOST_SLACK - 1):
            self._anchored_prefix, typed_chars = self._prefix.text, 0
        self._typed_chars = typed_chars
        end = len(text) - self._tail_chars
        self._far_before = self._far(self._far_before, text, max(start - FAR_CHARS, 0), start)
        self._far_after = self._far(self._far_after, text, end, min(end + FAR_CHARS, len(text)))
        return Windows(
            self._prefix,
            self._suffix,
            self._left_out,
            to_end=self._tail_chars == 0,
            typed_chars=typed_chars,
            far_before=self._far_before,
            far_after=self._far_after,
        )

    def outgrown(self, *, suffix_first: bool) -> bool:
        """Whether the window before the cursor should move soon.

        Where the prefix stands first in a prompt, what was typed stands behind it all, and that
        should not become long either.
        """
        most = self._budget.prefix_chars
        if not self._typed_chars:
            return False  # however large it is, it answers as it is
        if not suffix_first and self._typed_chars > most * (_SLACK - 1):
            return True
        return self._offset - self._start > most * _SLACK

    def moved(self) -> Windows | None:
        """The latest windows as they will be after `move`, to be evaluated first.

        The prefix has a key of its own. None where it has become pointless meanwhile.
        """
        text, offset = self._text, self._offset
        place = self._next
        if place is None:
            start = window_start(text, offset, int(self._budget.prefix_chars * _SHARE_AFTER_MOVE))
            head = text[start : min(start + _HEAD_CHARS, offset)]
            place = _Place(start, head, Segment(f"{self._prefix.key}-next", 0, ""))
        if not place.head or not text.startswith(place.head, place.start):
            self._next = None
            return None
        prefix = self._changed(place.prefix, normalised(text[place.start : offset]))
        self._next = attrs.evolve(place, prefix=prefix)
        return Windows(
            prefix,
            self._suffix,
            self._left_out,
            to_end=self._tail_chars == 0,
            typed_chars=0,
            far_before=self._far_before,
            far_after=self._far_after,
        )

    def move(self) -> None:
        """From now on be where `moved` said, unless the cursor goes elsewhere before that."""
        self._moves = self._next is not None

    def _move_prefix(self, text: str, offset: int) -> int | None:
        """Where the prefix window starts now if it has just been asked to move."""
        place, moves = self._next, self._moves
        self._moves = False
        if place is None or not moves:
            return None
        self._next = None
        if place.start + len(place.head) > offset or not text.startswith(place.head, place.start):
            return None
        self._head, self._anchored_prefix = place.head, place.prefix.text
        return place.start

    def _keep_suffix(self, text: str, offset: int) -> str | None:
        """What stands between the cursor and the frozen suffix, if that suffix still holds."""
        below = len(text) - len(self._text)
        for tail_chars in (self._tail_chars, self._tail_chars + below):
            end = len(text) - tail_chars
            if not offset <= end <= len(text):
                continue
            if end - offset > len(self._suffix.text) * 2 + _LONGEST_LEFT_OUT_CHARS:
                continue
            rest = normalised(text[offset:end])
            if not rest.endswith(self._suffix.text):
                continue
            between = rest[: len(rest) - len(self._suffix.text)]
            if self._may_leave_out(between, text):
                self._tail_chars = tail_chars
                return between
        return None

    def _may_leave_out(self, between: str, text: str) -> bool:
        if between in ("", self._left_out):
            return True
        if len(between) > _LONGEST_LEFT_OUT_CHARS or _CLOSERS.fullmatch(between) is None:
            return False
        # Fewer of the same, or more after an edit; a cursor that only moved found old brackets.
        return self._left_out.endswith(between) or text != self._text

    def _anchor_suffix(self, text: str, offset: int, budget: WindowBudget) -> None:
        end = window_end(text, offset, budget.suffix_chars)
        self._suffix = self._changed(self._suffix, normalised(text[offset:end]))
        self._tail_chars = len(text) - end
        self._left_out = ""

    def _keep_prefix(
        self, text: str, offset: int, budget: WindowBudget, *, anew: bool
    ) -> int | None:
        """The prefix window's start, if it may stay; stricter when all is evaluated `anew`."""
        start = self._find_start(text, offset) if self._anchored else None
        if start is None:
            return None
        size = offset - start
        slack = 1.0 if anew else _MOST_SLACK
        if size > budget.prefix_chars * slack:
            return None
        if start > 0 and size < budget.prefix_chars * _LEAST_PREFIX_SHARE:
            return None
        return start

    def _find_start(self, text: str, offset: int) -> int | None:
        if self._start == 0:
            return 0
        if not self._head:
            return None
        for start in (self._start, self._start + len(text) - len(self._text)):
            if 0 <= start <= offset - len(self._head) and text.startswith(self._head, start):
                return start
        low = max(self._start - _SEARCH_CHARS, 0)
        found = text.find(self._head, low, min(self._start + _SEARCH_CHARS, offset))
        return found if found >= 0 else None

    def _far(self, segment: Segment, text: str, start: int, end: int) -> Segment:
        """`segment` with `text` from `start` to `end`, which mostly is what it has already."""
        same = segment.version and len(segment.text) == end - start
        if same and text.startswith(segment.text, start):
            return segment
        return self._changed(segment, normalised(text[start:end]))

    def _changed(self, segment: Segment, text: str) -> Segment:
        if segment.text == text and segment.version:
            return segment
        return Segment(segment.key, next(self._versions), text)


def normalised(text: str) -> str:
    """`text` with ``\\n`` line ends, and with U+FFFD for what is no character."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text if text.isascii() else _LONE_SURROGATE.sub("\ufffd", text)
