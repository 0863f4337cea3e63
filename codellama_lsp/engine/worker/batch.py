"""llama.cpp's batch as arrays: filled by slices, since a prompt has thousands of tokens."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np

from codellama_lsp.engine.worker.library import lib
from codellama_lsp.engine.worker.tokens import Ids

#: A sequence, the position of its first new token, and its new tokens.
Part = tuple[int, int, Sequence[int] | Ids]


_FEW = 4


class Batch:
    """Room for `most_tokens` tokens, each of one sequence."""

    def __init__(self, most_tokens: int) -> None:
        self._tokens = np.zeros(most_tokens, dtype=np.int32)
        self._positions = np.zeros(most_tokens, dtype=np.int32)
        self._sequences = np.zeros(most_tokens, dtype=np.int32)
        self._counts = np.ones(most_tokens, dtype=np.int32)
        self._wanted = np.zeros(most_tokens, dtype=np.int8)
        # Of each token, where its sequences are listed.
        first, step = self._sequences.ctypes.data, self._sequences.itemsize
        self._lists = first + step * np.arange(most_tokens, dtype=np.uintp)
        self._ramp = np.arange(most_tokens, dtype=np.int32)
        self.native: Any = lib.llama_batch(
            n_tokens=0,
            token=_pointer(self._tokens, ctypes.c_int32),
            pos=_pointer(self._positions, ctypes.c_int32),
            n_seq_id=_pointer(self._counts, ctypes.c_int32),
            seq_id=_pointer(self._lists, ctypes.POINTER(ctypes.c_int32)),
            logits=_pointer(self._wanted, ctypes.c_int8),
        )

    def fill(self, parts: Sequence[Part], count: int, *, all_logits: bool) -> None:
        """Put in `parts` (sequence, first position, tokens), `count` tokens in all.

        Scores are wanted of the last token, or of all.
        """
        self.native.n_tokens = count
        if count <= _FEW:
            self._fill_few(parts, count, all_logits=all_logits)
            return
        self._wanted[:count] = 1 if all_logits else 0
        self._wanted[count - 1] = 1
        at = 0
        for sequence, start, tokens in parts:
            end = at + len(tokens)
            self._tokens[at:end] = tokens
            self._positions[at:end] = self._ramp[: end - at]
            self._positions[at:end] += start
            self._sequences[at:end] = sequence
            at = end

    def _fill_few(self, parts: Sequence[Part], count: int, *, all_logits: bool) -> None:
        """The same one by one: a slice costs as much as a few values."""
        tokens, positions, sequences = self._tokens, self._positions, self._sequences
        at = 0
        for sequence, start, ids in parts:
            for offset, token in enumerate(ids):
                tokens[at], positions[at], sequences[at] = token, start + offset, sequence
                self._wanted[at] = all_logits or at == count - 1
                at += 1


def _pointer(array: Any, kind: Any) -> Any:
    return ctypes.cast(array.ctypes.data, ctypes.POINTER(kind))
