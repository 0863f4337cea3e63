"""Which prompts are in the KV cache, token by token, and how much of a new one is there already."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from codellama_lsp.engine.worker.context import Context
from codellama_lsp.engine.worker.parking import LEAST_TOKENS, Parked, ParkingLot
from codellama_lsp.engine.worker.tokens import Ids, common_prefix

__all__ = ["Ids", "KvCache", "Resident", "common_prefix"]

#: Tokens of another document that may be thrown away rather than kept on another sequence.
_LITTLE = 8
#: Of a prompt: another sequence could hardly have more of it.
_FEW_MISSING = 8


class Resident:
    """A sequence of the cache and the tokens that are in it."""

    def __init__(self, sequence: int, tokens: Ids | None = None) -> None:
        self.sequence = sequence
        self.used_at = 0
        self.document = ""
        """What the tokens are a prompt of."""
        self._buffer: Ids = np.empty(256, dtype=np.int32)
        self._length = 0
        if tokens is not None:
            self.append(tokens)

    def __len__(self) -> int:
        return self._length

    @property
    def tokens(self) -> Ids:
        """The tokens themselves; changes to the resident may show in it."""
        return self._buffer[: self._length]

    def append(self, tokens: Sequence[int] | Ids) -> None:
        """Put `tokens` at the end."""
        end = self._length + len(tokens)
        if end == self._length + 1 and end <= len(self._buffer):
            self._buffer[self._length] = tokens[0]  # at every step of decoding
            self._length = end
            return
        if end > len(self._buffer):
            grown = np.empty(2 * end, dtype=np.int32)
            grown[: self._length] = self.tokens
            self._buffer = grown
        self._buffer[self._length : end] = tokens
        self._length = end

    def cut(self, length: int) -> None:
        """Keep the first `length` tokens."""
        self._length = min(self._length, length)


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
        self._compared: tuple[Ids, list[int]] | None = None
        self.sequences = sequences
        self.comfortable_cells: int | None = None
        """What other documents may hold without slowing this one's decoding down; None: any."""

    def shared(self, prompt: Ids) -> int:
        """How many of the prompt's first tokens are evaluated already, in whichever sequence."""
        resident = max(self._compare(prompt))
        if resident + LEAST_TOKENS > len(prompt):
            return resident  # nothing parked is worth more
        return max(resident, self.lot.best(prompt)[1])

    def _compare(self, prompt: Ids) -> list[int]:
        """How many of the prompt's first tokens each sequence has.

        Where the one used last has all but a few of them, as while somebody types, the others are
        not looked at: 0.
        """
        if self._compared is None or self._compared[0] is not prompt:
            shared = [0] * len(self._residents)
            latest = max(self._residents, key=lambda resident: resident.used_at)
            shared[latest.sequence] = common_prefix(latest.tokens, prompt)
            if shared[latest.sequence] + _FEW_MISSING < len(prompt):
                shared = [common_prefix(r.tokens, prompt) for r in self._residents]
            self._compared = prompt, shared
        return self._compared[1]

    def take(self, prompt: Ids, room: int, document: str = "") -> tuple[Resident, int]:
        """A sequence for `prompt`, and how many of its first tokens are evaluated already.

        `document` is what it is a prompt of; `room` is how many cells the request may need in
        all. The sequence holds exactly the shared prefix afterwards.
        """
        self._clock += 1
        shared = self._compare(prompt)
        self._compared = None  # what is in the sequences changes
        best = max(range(len(shared)), key=lambda i: (shared[i], self._residents[i].used_at))
        source, reuse = self._residents[best], shared[best]
        parked, of_parked = None, 0
        if reuse + LEAST_TOKENS <= len(prompt):
            parked, of_parked = self.lot.best(prompt)
        if parked is not None and of_parked >= reuse + LEAST_TOKENS:
            restored = self._bring_back(parked, room, document)
            if restored is not None:
                source, reuse = restored, of_parked
        target = source
        own = source.document == document
        if len(source) - reuse > (max(64, len(source) // 4) if own else _LITTLE):
            # Taking it over would throw away what its own document will want again.
            target = min(self._residents, key=self._worth)
        if target is not source:
            self.lot.park(target.sequence, target.tokens)
            self._context.copy(source.sequence, target.sequence, reuse)
            target.cut(0)
            target.append(source.tokens[:reuse])
        else:
            self._context.forget(target.sequence, reuse)
            target.cut(reuse)
        target.used_at, target.document = self._clock, document
        self._make_room(target, room)
        return target, reuse

    def _worth(self, resident: Resident) -> tuple[bool, bool, int]:
        """Order in which sequences make room: empty, a spot that its document has left, oldest.

        Someone who jumps about in one file and goes back to another finds the other's still there.
        """
        latest = max(r.used_at for r in self._residents if r.document == resident.document)
        return len(resident) > 0, resident.used_at == latest, resident.used_at

    def _bring_back(self, parked: Parked, room: int, document: str) -> Resident | None:
        """A resident with what was parked, in place of the least worthy; None where it fails."""
        target = min(self._residents, key=self._worth)
        self.lot.park(target.sequence, target.tokens)
        self._context.forget(target.sequence, 0)
        target.cut(0)
        self._make_room(target, max(room, len(parked.tokens)))
        if not self.lot.restore(parked, target.sequence):
            self._context.forget(target.sequence, 0)
            return None
        target.append(parked.tokens)
        target.used_at, target.document = self._clock, document
        return target

    def relax(self) -> bool:
        """Park one of the other documents while they hold too many cells; whether one was.

        Attention looks at every cell in use, if only to skip it. Only what comes back without a
        prefill is parked.
        """
        held = self.latest_first()
        if not held or self.comfortable_cells is None:
            return False
        current = held[0].document.rstrip("+")
        others = [resident for resident in held if resident.document.rstrip("+") != current]
        if sum(map(len, others)) <= self.comfortable_cells:
            return False
        oldest = next((r for r in reversed(others) if self.lot.has_room(r.sequence, len(r))), None)
        if oldest is None:
            return False
        self.lot.park(oldest.sequence, oldest.tokens)
        self._context.forget(oldest.sequence, 0)
        oldest.cut(0)
        self._compared = None
        return True

    def latest_first(self) -> list[Resident]:
        """Every sequence that holds something, the one used last first."""
        held = [resident for resident in self._residents if len(resident)]
        return sorted(held, key=lambda resident: resident.used_at, reverse=True)

    def clear(self) -> None:
        """Forget everything, what is parked included."""
        for resident in self._residents:
            self._context.forget(resident.sequence, 0)
            resident.cut(0)
        self._compared = None
        self.lot.clear()

    def extend(self, resident: Resident, tokens: Sequence[int] | Ids) -> None:
        """Note that `tokens` were evaluated at the end of `resident`."""
        self._compared = None
        resident.append(tokens)

    def truncate(self, resident: Resident, length: int) -> None:
        """Drop what stands behind the first `length` tokens of `resident`."""
        if len(resident) > length:
            self._compared = None
            self._context.forget(resident.sequence, length)
            resident.cut(length)

    def _make_room(self, keep: Resident, room: int) -> None:
        # An upper bound: shared prefixes are counted once per sequence.
        others = sorted((r for r in self._residents if r is not keep and len(r)), key=self._worth)
        while others and sum(len(r) for r in others) + room > self._context.cells:
            oldest = others.pop(0)
            self.lot.park(oldest.sequence, oldest.tokens)
            self._context.forget(oldest.sequence, 0)
            oldest.cut(0)
