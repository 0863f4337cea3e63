"""Windows without secrets: what a document's segments become before they go to an engine.

The segments are looked at as the one text that they are, so that a token which the cursor or a
window's edge cuts in two is still seen. Segments without secrets pass as they are.
"""

from __future__ import annotations

import itertools
from collections import OrderedDict
from collections.abc import Iterator

import attrs

from codellama_lsp.context.secrets import Redactor, split_spans
from codellama_lsp.context.windows import FAR_CHARS, Windows
from codellama_lsp.engine.protocol import Segment

_MOST_KEYS = 512
#: More than this of a line, or typed at once, is looked at with all the rest.
_MOST_REST_CHARS = 1000
_MOST_TYPED_CHARS = 4000


class Shield:
    """Redacts windows. Remembers what each segment became, for versions must follow texts."""

    def __init__(self, versions: Iterator[int] | None = None) -> None:
        self._redactor = Redactor()
        self._versions = versions or itertools.count(1)
        self._changed: OrderedDict[str, Segment] = OrderedDict()
        self._clean: OrderedDict[str, tuple[Windows, Windows]] = OrderedDict()
        """By prefix: the latest windows without secrets, and what they became."""

    def windows(self, windows: Windows) -> Windows:
        """The same windows with placeholders for secrets."""
        if (shielded := self._typed_on(windows)) is None:
            shielded, clean = self._search(windows)
            self._clean.pop(windows.prefix.key, None)
            if clean:
                self._remember(windows, shielded)
        return shielded

    def _typed_on(self, windows: Windows) -> Windows | None:
        """The windows where they are clean ones in which only the end of the prefix is new.

        As at nearly every keystroke; only the lines that changed are looked at then.
        """
        known = self._clean.get(windows.prefix.key)
        if known is None:
            return None
        before, shielded = known
        if (
            windows.suffix is not before.suffix
            or windows.far_before is not before.far_before
            or windows.far_after is not before.far_after
            or windows.left_out != before.left_out
        ):
            return None
        old, new = before.prefix.text, windows.prefix.text
        if not (new.startswith(old) or old.startswith(new)):
            return None
        start = new.rfind("\n", 0, min(len(old), len(new)))
        rest = windows.left_out + windows.suffix.text[:_MOST_REST_CHARS]
        end = rest.find("\n")
        if start < 0 or end < 0 or len(new) - start > _MOST_TYPED_CHARS:
            return None  # the line goes on beyond what is looked at here
        if not self._redactor.is_clean(new[start + 1 :] + rest[:end], len(new) - start - 1):
            return None
        shielded = attrs.evolve(
            windows, far_before=shielded.far_before, far_after=shielded.far_after
        )
        self._remember(windows, shielded)
        return shielded

    def _remember(self, windows: Windows, shielded: Windows) -> None:
        self._clean[windows.prefix.key] = windows, shielded
        self._clean.move_to_end(windows.prefix.key)
        while len(self._clean) > _MOST_KEYS:
            self._clean.popitem(last=False)

    def _search(self, windows: Windows) -> tuple[Windows, bool]:
        """The windows without secrets, and whether there were none."""
        segments = (windows.far_before, windows.prefix, windows.suffix, windows.far_after)
        before, prefix, suffix, after = (segment.text for segment in segments)
        # The far ends may begin and end in the middle of a token: they lose what is no whole line.
        if len(before) >= FAR_CHARS and before != (cut := before[before.find("\n") + 1 :]):
            before = cut
        if len(after) >= FAR_CHARS:
            after = after[: after.rfind("\n") + 1]
        pieces = (before, prefix, windows.left_out, suffix, after)
        spans = self._redactor.spans("".join(pieces), len(before) + len(prefix))
        clean = split_spans(pieces, spans) if spans else pieces
        if clean == (segments[0].text, prefix, windows.left_out, suffix, segments[3].text):
            return windows, True
        shielded = attrs.evolve(
            windows,
            typed_chars=windows.typed_chars if clean[1] == prefix else 0,
            far_before=self._segment(segments[0], clean[0]),
            prefix=self._segment(segments[1], clean[1]),
            suffix=self._segment(segments[2], clean[3]),
            far_after=self._segment(segments[3], clean[4]),
        )
        return shielded, not spans

    def text(self, text: str) -> str:
        """A text that is no document's window, without secrets."""
        return self._redactor.redact(text)

    def _segment(self, segment: Segment, clean: str) -> Segment:
        if clean == segment.text:
            return segment
        key = f"{segment.key}#clean"
        known = self._changed.get(key)
        if known is None or known.text != clean:
            known = self._changed[key] = Segment(key, next(self._versions), clean)
        self._changed.move_to_end(key)
        while len(self._changed) > _MOST_KEYS:
            self._changed.popitem(last=False)
        return known
