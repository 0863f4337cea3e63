"""When what was chosen for a document changes: rarely, since every change costs a prefill.

An epoch ends when its file was left and is come back to, or saved, or its user rests, or when what
would be chosen now is worth the time that this machine needs to read it. Pure logic.
"""

from __future__ import annotations

import attrs

from codellama_lsp.context.assemble import Assembly, Chunk, in_order

#: Reading this long ahead is not felt.
_UNFELT_S = 0.12
#: Otherwise what is new must be worth this share of what is kept, for each second of reading.
_SHARE_PER_SECOND = 0.5
_MOST_SHARE = 2.0
#: The cursor within these many lines needs no new choice by itself.
NEAR_LINES = 12


@attrs.define
class Epoch:
    """What is in a document's prompts now, and what follows it."""

    chunks: tuple[Chunk, ...] = ()
    """What was chosen."""
    shown: tuple[Chunk, ...] = ()
    """What prompts hold: what was chosen, once an engine has read it."""
    budget_tokens: int = 0
    line: int = -1
    """Where the cursor was when it was last chosen; -1: never."""
    due: bool = True
    """Whether the next choice is taken whatever it costs."""

    def wants_choice(self, line: int) -> bool:
        """Whether to choose anew for a cursor in `line`."""
        return self.due or self.line < 0 or abs(line - self.line) > NEAR_LINES

    def offer(self, assembly: Assembly, line: int, tokens_per_s: float) -> bool:
        """Take a new choice if it is worth it; says whether anything changed."""
        self.line = line
        offered = in_order(assembly.chunks, [chunk.key for chunk in self.chunks])
        if tuple(c.text for c in offered) == tuple(c.text for c in self.chunks):
            self.due = False
            return False
        if not (self.due or self._worth(offered, tokens_per_s)):
            return False
        self.chunks, self.due = tuple(offered), False
        self.budget_tokens = assembly.budget_tokens
        return True

    def show(self) -> None:
        """What was chosen stands in prompts from now on."""
        self.shown = self.chunks

    def within(self, budget_tokens: int) -> tuple[Chunk, ...]:
        """What prompts hold, as far as it fits a budget, which may have shrunk since."""
        kept, left = [], budget_tokens
        for chunk in self.shown:
            if chunk.tokens <= left:
                kept.append(chunk)
                left -= chunk.tokens
        return tuple(kept)

    def _worth(self, offered: list[Chunk], tokens_per_s: float) -> bool:
        held = {chunk.text for chunk in self.chunks}
        same = 0
        for old, new in zip(self.chunks, offered, strict=False):
            if old.text != new.text:
                break
            same += 1
        tokens = sum(chunk.tokens for chunk in offered[same:])
        seconds = tokens / (tokens_per_s or 1000.0)
        if seconds <= _UNFELT_S:
            return True
        gain = sum(chunk.score for chunk in offered if chunk.text not in held)
        keep = sum(chunk.score for chunk in self.chunks) or 0.001
        return gain / keep >= min(_SHARE_PER_SECOND * seconds, _MOST_SHARE)
