"""Which prompts are in the KV cache, token by token, and how much of a new one is there already."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np

from codellama_lsp.engine.worker.context import Context
from codellama_lsp.engine.worker.parking import LEAST_TOKENS, Parked, ParkingLot
from codellama_lsp.engine.worker.tokens import Ids, common_prefix

__all__ = ["Ids", "KvCache", "Resident", "common_prefix"]

#: Tokens of another document that may be thrown away rather than kept on another sequence.
_LITTLE = 8


@attrs.define
class Resident:
    """A sequence of the cache and the tokens that are in it."""

    sequence: int
    tokens: Ids = attrs.field(factory=lambda: np.empty(0, dtype=np.int32))
    used_at: int = 0
    document: str = ""
    """What the tokens are a prompt of."""


class KvCache:
    """Mirrors the context's sequences; the least recently used one makes room.

    A prompt that shares only part of a resident one gets a sequence of its own, with the shared
    prefix copied, so that switching between files does not cost a prefill each way. What has to
    go is parked, and brought back when it is wanted again.
    """

    def __init__(self, context: Context, sequences: int, park_bytes: int = 0) -> None:
        self._context = context
        self.lot = ParkingLot(context, park_bytes)
        self._residents = [Resident(i) for i in range(sequences)]
        self._clock = 0

    def shared(self, prompt: Ids) -> int:
        """How many of the prompt's first tokens are evaluated already, in whichever sequence."""
        resident = max(common_prefix(r.tokens, prompt) for r in self._residents)
        return max(resident, self.lot.best(prompt)[1])

    def take(self, prompt: Ids, room: int, document: str = "") -> tuple[Resident, int]:
        """A sequence for `prompt`, and how many of its first tokens are evaluated already.

        `document` is what it is a prompt of; `room` is how many cells the request may need in
        all. The sequence holds exactly the shared prefix afterwards.
        """
        self._clock += 1
        shared = [common_prefix(r.tokens, prompt) for r in self._residents]
        best = max(range(len(shared)), key=lambda i: (shared[i], self._residents[i].used_at))
        source, reuse = self._residents[best], shared[best]
        parked, of_parked = self.lot.best(prompt)
        if parked is not None and of_parked >= reuse + LEAST_TOKENS:
            restored = self._bring_back(parked, room, document)
            if restored is not None:
                source, reuse = restored, of_parked
        target = source
        own = source.document == document
        if len(source.tokens) - reuse > (max(64, len(source.tokens) // 4) if own else _LITTLE):
            # Taking it over would throw away what its own document will want again.
            target = min(self._residents, key=self._worth)
        if target is not source:
            self.lot.park(target.sequence, target.tokens)
            self._context.copy(source.sequence, target.sequence, reuse)
            target.tokens = source.tokens[:reuse]
        else:
            self._context.forget(target.sequence, reuse)
            target.tokens = target.tokens[:reuse]
        target.used_at, target.document = self._clock, document
        self._make_room(target, room)
        return target, reuse

    def _worth(self, resident: Resident) -> tuple[bool, bool, int]:
        """Order in which sequences make room: empty, a spot that its document has left, oldest.

        Someone who jumps about in one file and goes back to another finds the other's still there.
        """
        latest = max(r.used_at for r in self._residents if r.document == resident.document)
        return len(resident.tokens) > 0, resident.used_at == latest, resident.used_at

    def _bring_back(self, parked: Parked, room: int, document: str) -> Resident | None:
        """A resident with what was parked, in place of the least worthy; None where it fails."""
        target = min(self._residents, key=self._worth)
        self.lot.park(target.sequence, target.tokens)
        self._context.forget(target.sequence, 0)
        target.tokens = target.tokens[:0]
        self._make_room(target, max(room, len(parked.tokens)))
        if not self.lot.restore(parked, target.sequence):
            self._context.forget(target.sequence, 0)
            return None
        target.tokens, target.used_at = parked.tokens.copy(), self._clock
        target.document = document
        return target

    def park_all(self) -> None:
        """Copy out every resident that is worth it, the most recently used one last."""
        for resident in sorted(self._residents, key=lambda r: r.used_at):
            self.lot.park(resident.sequence, resident.tokens)

    def clear(self) -> None:
        """Forget everything, what is parked included."""
        for resident in self._residents:
            self._context.forget(resident.sequence, 0)
            resident.tokens = resident.tokens[:0]
        self.lot.clear()

    def extend(self, resident: Resident, tokens: Sequence[int]) -> None:
        """Note that `tokens` were evaluated at the end of `resident`."""
        resident.tokens = np.concatenate([resident.tokens, np.asarray(tokens, dtype=np.int32)])

    def truncate(self, resident: Resident, length: int) -> None:
        """Drop what stands behind the first `length` tokens of `resident`."""
        if len(resident.tokens) > length:
            self._context.forget(resident.sequence, length)
            resident.tokens = resident.tokens[:length]

    def _make_room(self, keep: Resident, room: int) -> None:
        # An upper bound: shared prefixes are counted once per sequence.
        others = sorted(
            (r for r in self._residents if r is not keep and len(r.tokens)), key=self._worth
        )
        while others and sum(len(r.tokens) for r in others) + room > self._context.cells:
            oldest = others.pop(0)
            self.lot.park(oldest.sequence, oldest.tokens)
            self._context.forget(oldest.sequence, 0)
            oldest.tokens = oldest.tokens[:0]
