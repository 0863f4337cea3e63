"""When what was chosen for a document changes: rarely, since every change costs a prefill.

What prompts hold stays as it is, and what is missing is added behind it, so that little is read
again. All that may be read unasked is bounded by an allowance in tokens, which typing refills
slowly and a real rest by what this machine reads in moments. Pure logic.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from codellama_lsp.context.assemble import Assembly, Chunk, Piece, in_order, part_of

#: A document's first choice, whatever the allowance. Lists of signatures fit.
FIRST_TOKENS = 200
PER_KEYSTROKE_TOKENS = 1.0
#: Of what typing refills, this much more than what one reading of the windows costs is kept.
_KEPT_TOKENS = 384
#: At rest, as much as is read in this time.
_REST_S = 3.0
_UNKNOWN_TOKENS_PER_S = 1000.0
#: What is missing must be worth this share of what is there.
_LEAST_GAIN = 0.1
#: With so many times the room, all is laid out anew instead of added to.
_MUCH_MORE_ROOM = 2


@attrs.define
class Allowance:
    """How many tokens may be read that nobody asked for."""

    tokens: float = 0.0

    def typed(self, windows_tokens: int) -> None:
        """Something was typed; `windows_tokens`: what stands behind the code of other files."""
        if self.tokens < (most := windows_tokens + _KEPT_TOKENS):
            self.tokens = min(self.tokens + PER_KEYSTROKE_TOKENS, most)

    def rested(self, tokens_per_s: float) -> None:
        """The user rests; 0 tokens per second: unknown."""
        self.tokens += (tokens_per_s or _UNKNOWN_TOKENS_PER_S) * _REST_S

    def spend(self, tokens: float) -> None:
        """So much is read."""
        self.tokens = max(self.tokens - tokens, 0.0)

    def end_rest(self, windows_tokens: int) -> None:
        """What a rest gave and nothing used is not for typing."""
        self.tokens = min(self.tokens, windows_tokens + _KEPT_TOKENS)


@attrs.define
class Epoch:
    """What is in a document's prompts now, and what follows it."""

    chunks: tuple[Chunk, ...] = ()
    """What was chosen."""
    shown: tuple[Chunk, ...] = ()
    """What prompts hold: what was chosen, once an engine has read it."""
    room_tokens: int = 0
    """What was chosen had to fit into this."""
    line: int = -1
    """Where the cursor was when it was last chosen; -1: never."""
    call: str = ""
    """The call whose arguments began then; empty elsewhere."""
    due: bool = True
    """Whether something else than the cursor speaks for choosing anew."""

    @property
    def tokens(self) -> int:
        """Of all that was chosen."""
        return sum(chunk.tokens for chunk in self.chunks)

    def wants_choice(self, line: int, call: str = "") -> bool:
        """Whether something else might be chosen for a cursor in `line`.

        `call`: what has just been opened a bracket behind; the arguments want its signature.
        """
        if self.due or self.line != line:
            return True
        return call not in ("", self.call) and not any(f"{call}(" in c.text for c in self.chunks)

    def room(self, budget_tokens: int, allowed_tokens: float) -> int:
        """How large a choice to ask for, of at most `budget_tokens`."""
        wanted = max(self.tokens + int(allowed_tokens), 0 if self.chunks else FIRST_TOKENS)
        return min(budget_tokens, wanted)

    def offer(
        self,
        assembly: Assembly,
        line: int,
        budget_tokens: int,
        allowed_tokens: float,
        call: str = "",
    ) -> int | None:
        """Take what is worth it of a new choice; None if nothing changes.

        Else the tokens from the first change on, at most `allowed_tokens`; a first choice may
        take `FIRST_TOKENS` in any case. `budget_tokens`: for all together.
        """
        self.line, self.call, self.due = line, call, False
        if not self.chunks:
            allowed_tokens = max(allowed_tokens, FIRST_TOKENS)
        for new in self._candidates(assembly, budget_tokens, allowed_tokens):
            tokens = sum(chunk.tokens for chunk in new[_same(self.chunks, new) :])
            if 0 < tokens <= allowed_tokens:
                self.chunks = tuple(new)
                self.room_tokens = max(self.room_tokens, assembly.budget_tokens)
                return tokens
        return None

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

    def _candidates(
        self, assembly: Assembly, budget_tokens: int, allowed: float
    ) -> Iterator[list[Chunk]]:
        """What may follow, the better first."""
        held = {_name(chunk, piece): piece for chunk in self.chunks for piece in chunk.pieces}
        missing: list[tuple[Chunk, list[Piece]]] = []
        stale = False
        for chunk in assembly.chunks:
            stale = stale or any(_is_stale(held.get(_name(chunk, p)), p) for p in chunk.pieces)
            if pieces := [p for p in chunk.pieces if _name(chunk, p) not in held]:
                missing.append((chunk, pieces))
        gain = sum(piece.score for _, pieces in missing for piece in pieces)
        worth = gain >= _LEAST_GAIN * sum(piece.score for piece in held.values())
        number = 1 + max((chunk.part for chunk in self.chunks), default=0)
        parts = [part_of(chunk, pieces, number) for chunk, pieces in missing]
        full = sum(part.tokens for part in parts) > budget_tokens - self.tokens
        more_room = assembly.budget_tokens >= self.room_tokens * _MUCH_MORE_ROOM
        if stale or more_room or (worth and full):
            yield in_order(assembly.chunks, [chunk.key for chunk in self.chunks])
        if worth and not full:
            added: list[Chunk] = []
            for part in sorted(parts, key=lambda part: -part.score):
                if part.tokens <= allowed:
                    added.append(part)
                    allowed -= part.tokens
            yield [*self.chunks, *in_order(added)]


def _same(old: tuple[Chunk, ...], new: list[Chunk]) -> int:
    """How many chunks in front are the same."""
    count = 0
    for one, other in zip(old, new, strict=False):
        if one.text != other.text:
            break
        count += 1
    return count


def _name(chunk: Chunk, piece: Piece) -> tuple[str, str]:
    """Tells definitions apart, in whichever form they are shown."""
    return chunk.path, piece.qualified or piece.text


def _is_stale(held: Piece | None, piece: Piece) -> bool:
    """Whether a definition is not what it was; other forms differ with the cursor as well."""
    return (
        held is not None
        and held.form == piece.form
        and piece.form in ("signature", "body")
        and held.text != piece.text
    )
