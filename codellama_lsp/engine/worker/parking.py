"""Documents beyond the resident sequences: their KV cells, copied out of the cache and back.

In memory up to a bound; what an earlier engine left on disk counts, too, until it is wanted.
"""

from __future__ import annotations

from pathlib import Path

import attrs

from codellama_lsp.engine.worker import disk
from codellama_lsp.engine.worker.context import Context
from codellama_lsp.engine.worker.tokens import Ids, common_prefix

#: Less than this is evaluated sooner than it is copied and looked for.
LEAST_TOKENS = 32


@attrs.frozen(eq=False)
class Parked:
    """The tokens of a sequence and its state, in memory or in a file."""

    tokens: Ids
    size: int
    """Bytes of the state."""
    data: bytes | None = None
    path: Path | None = None


class ParkingLot:
    """Keeps at most `most_bytes` of states in memory, the least recently used ones dropped."""

    def __init__(self, context: Context, most_bytes: int) -> None:
        self._context = context
        self._most_bytes = most_bytes
        self._parked: list[Parked] = []

    def best(self, prompt: Ids) -> tuple[Parked | None, int]:
        """What shares most of the prompt's first tokens, and how many they are."""
        found, most = None, 0
        for parked in self._parked:
            shared = common_prefix(parked.tokens, prompt)
            if shared > most:
                found, most = parked, shared
        return found, most

    def park(self, sequence: int, tokens: Ids) -> None:
        """Keep a sequence that is about to be dropped, if there is room for it at all."""
        if len(tokens) < LEAST_TOKENS or any(_covers(p.tokens, tokens) for p in self._parked):
            return
        if not self._most_bytes or self._context.state_size(sequence) > self._most_bytes:
            return
        data = self._context.save(sequence)
        self._parked = [p for p in self._parked if not _covers(tokens, p.tokens)]
        self._parked.append(Parked(tokens.copy(), len(data), data))
        while sum(p.size for p in self._parked if p.data is not None) > self._most_bytes:
            self._parked.remove(next(p for p in self._parked if p.data is not None))

    @property
    def parked_tokens(self) -> int:
        """Tokens of everything that is parked."""
        return sum(len(parked.tokens) for parked in self._parked)

    def has_room(self, sequence: int, length: int) -> bool:
        """Whether a sequence can be parked without anything else being dropped for it."""
        if length < LEAST_TOKENS:
            return False
        held = sum(parked.size for parked in self._parked if parked.data is not None)
        return held + self._context.state_size(sequence) <= self._most_bytes

    def restore(self, parked: Parked, sequence: int) -> bool:
        """Bring it back into an empty sequence; False where that failed (it is given up)."""
        self._parked.remove(parked)
        data = parked.data
        if data is None and parked.path is not None:
            data = disk.read(parked.path)
        return data is not None and self._context.restore(sequence, data)

    def add_files(self, directory: Path) -> None:
        """Know what lies on disk; it is read when it is wanted."""
        for path in disk.states(directory):
            tokens = disk.look_into(path)
            if tokens is not None:
                self._parked.append(Parked(tokens, disk.size(path), path=path))

    def clear(self) -> None:
        """Forget everything; files stay."""
        self._parked.clear()

    def states(self) -> list[Parked]:
        """Everything that is parked in memory, the most recent last."""
        return [parked for parked in self._parked if parked.data is not None]


def _covers(a: Ids, b: Ids) -> bool:
    """Whether `a` begins with all of `b`."""
    return len(a) >= len(b) and common_prefix(a, b) == len(b)
