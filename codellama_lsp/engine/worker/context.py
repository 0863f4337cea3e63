"""A llama.cpp context: evaluates tokens of one sequence, in batches that can be broken off."""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from codellama_lsp.engine.backend import CancelFlag
from codellama_lsp.engine.protocol import BadRequestError, EngineStartError
from codellama_lsp.engine.worker.batch import Batch, Part
from codellama_lsp.engine.worker.library import abort_by_strlen, lib, logits_address
from codellama_lsp.engine.worker.memory import KV_TYPES
from codellama_lsp.engine.worker.model import Model
from codellama_lsp.engine.worker.tokens import Ids

Logits = npt.NDArray[np.float32]

_ABORTED = 2
_NO_SLOT = 1
_MOST_ROWS = 1024


class Aborted(Exception):
    """A batch was broken off; nothing of it is in the cache."""


class Context:
    """KV cache and compute buffers of a model.

    One batch is at most `batch_tokens` long and is evaluated whole or not at all, so that after an
    abort the cache holds exactly what was reported. Not thread-safe.
    """

    def __init__(
        self,
        model: Model,
        *,
        cells: int,
        sequences: int,
        threads: int,
        batch_tokens: int,
        micro_batch_tokens: int = 0,
        flash_attention: bool | None = None,
        kv_type: str = "f16",
    ) -> None:
        params = lib.llama_context_default_params()
        params.n_ctx = cells
        # llama.cpp plans for a batch that ends every sequence at once.
        params.n_batch = max(batch_tokens, sequences)
        params.n_ubatch = min(micro_batch_tokens or params.n_batch, params.n_batch)
        params.n_seq_max = sequences
        params.kv_unified = True  # sequences share the cells, and may share prefixes
        params.n_threads = threads
        params.n_threads_batch = threads
        params.no_perf = True
        if flash_attention is not None:
            params.flash_attn_type = int(flash_attention)
        params.type_k = params.type_v = KV_TYPES[kv_type].code
        freq = model.metadata.get("llama.rope.freq_base")
        if model.size == 32016 and (freq is None or float(freq) == 1e4):
            params.rope_freq_base = 1e6  # files from before the key existed; paper, section 2.4
        self.pointer: Any = lib.llama_init_from_model(model.pointer, params)
        if not self.pointer:
            raise EngineStartError(
                f"llama.cpp cannot make a context of {cells} tokens for {model.name}",
                "If memory is short, set a smaller engine_context_tokens; if engine_kv_type or "
                "engine_flash_attention is set, try without.",
            )
        self.memory: Any = lib.llama_get_memory(self.pointer)
        self.cells = cells
        self.threads = threads
        self.batch_tokens = batch_tokens
        self.evaluated = 0
        """Tokens given to llama_decode so far, whoever asked."""
        self.busy_s = 0.0
        """Seconds spent in llama_decode, in waiting for its scores and on its cells."""
        self.vocabulary = model.size
        """Scores of one token."""
        self._batch = Batch(batch_tokens)
        self._rows: dict[int, Logits] = {}
        self._abort = abort_by_strlen() if os.name == "posix" else None
        self._never = lib.ggml_abort_callback()

    @property
    def abortable(self) -> bool:
        """Whether `watch` can do anything here; backends of their own may not listen."""
        return self._abort is not None

    def watch(self, cancel: CancelFlag | None) -> None:
        """Let `cancel` break off evaluation; None: nothing does (CPU and Metal only)."""
        if self._abort is None:
            return
        if cancel is None:
            lib.llama_set_abort_callback(self.pointer, self._never, ctypes.c_void_p(0))
        else:
            lib.llama_set_abort_callback(self.pointer, self._abort, ctypes.c_void_p(cancel.address))

    def evaluate(
        self, sequence: int, start: int, tokens: Sequence[int] | Ids, *, all_logits: bool = False
    ) -> None:
        """Evaluate `tokens` at positions from `start` on; at most one batch.

        Afterwards `logits` gives the last one's, or with `all_logits` any one's. Raises `Aborted`
        (nothing was kept) or `BadRequestError` (no room left).
        """
        self._run([(sequence, start, tokens)], len(tokens), all_logits=all_logits)

    def evaluate_together(self, parts: Sequence[Part]) -> None:
        """Evaluate tokens of several sequences in one batch: (sequence, start, tokens) of each.

        Afterwards `logits` gives every token's, in order. Raises as `evaluate` does.
        """
        self._run(parts, sum(len(tokens) for _, _, tokens in parts), all_logits=True)

    def _run(self, parts: Sequence[Part], n: int, *, all_logits: bool) -> None:
        if not 0 < n <= self.batch_tokens:
            raise ValueError(f"a batch holds 1 to {self.batch_tokens} tokens, not {n}")
        self._batch.fill(parts, n, all_logits=all_logits)
        began = time.perf_counter()
        status = lib.llama_decode(self.pointer, self._batch.native)
        self.busy_s += time.perf_counter() - began
        self.evaluated += n
        if status == 0:
            return
        for sequence, start, _ in parts:
            self.forget(sequence, start)
        if status == _ABORTED:
            raise Aborted
        if status == _NO_SLOT:
            raise BadRequestError("the prompt does not fit the model's context")
        raise BadRequestError(f"llama.cpp could not evaluate a batch (status {status})")

    def logits(self, index: int = -1) -> Logits:
        """The scores behind the batch's token `index`, shape [vocabulary].

        llama.cpp's own memory: the next batch overwrites it, and nobody else may.
        """
        began = time.perf_counter()
        address = logits_address(self.pointer, index)  # a GPU is waited for here
        self.busy_s += time.perf_counter() - began
        row = self._rows.get(address)
        if row is None:
            if len(self._rows) > _MOST_ROWS:
                self._rows.clear()
            memory = (ctypes.c_float * self.vocabulary).from_address(address)
            row = self._rows[address] = np.ctypeslib.as_array(memory)
        return row

    def forget(self, sequence: int, start: int) -> None:
        """Drop a sequence's cells from position `start` on."""
        began = time.perf_counter()
        # Dropping looks at every cell there is; most often there is nothing to drop.
        if lib.llama_memory_seq_pos_max(self.memory, sequence) >= start:
            lib.llama_memory_seq_rm(self.memory, sequence, start, -1)
        self.busy_s += time.perf_counter() - began

    def copy(self, source: int, target: int, end: int) -> None:
        """Let `target` share `source`'s first `end` positions; costs no evaluation."""
        self.forget(target, 0)
        if end > 0:
            began = time.perf_counter()
            lib.llama_memory_seq_cp(self.memory, source, target, 0, end)
            self.busy_s += time.perf_counter() - began

    def state_size(self, sequence: int) -> int:
        """Bytes of a sequence's state."""
        return int(lib.llama_state_seq_get_size(self.pointer, sequence))

    def save(self, sequence: int) -> bytes:
        """A sequence's cells, to be restored in a context of the same model and settings."""
        size = self.state_size(sequence)
        buffer = (ctypes.c_uint8 * size)()
        written = lib.llama_state_seq_get_data(self.pointer, buffer, size, sequence)
        return bytes(memoryview(buffer)[:written])

    def restore(self, sequence: int, data: bytes) -> bool:
        """Fill an empty sequence; False where llama.cpp finds no place for it."""
        buffer = (ctypes.c_uint8 * len(data)).from_buffer_copy(data)
        return bool(lib.llama_state_seq_set_data(self.pointer, buffer, len(data), sequence))

    def set_threads(self, threads: int) -> None:
        """Evaluate with so many threads from now on."""
        if threads == self.threads:
            return
        self.threads = threads
        lib.llama_set_n_threads(self.pointer, threads, threads)

    def close(self) -> None:
        """Free cache and buffers."""
        if self.pointer:
            lib.llama_free(self.pointer)
            self.pointer = None
