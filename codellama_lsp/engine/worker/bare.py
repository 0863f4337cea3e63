"""A decode loop of nothing but llama.cpp and the likeliest token, for measuring ours beside it."""

from __future__ import annotations

import ctypes
import time

import numpy as np

from codellama_lsp.engine.worker.context import Context
from codellama_lsp.engine.worker.library import lib


def bare_decode(context: Context, sequence: int, start: int, token: int, steps: int) -> float:
    """Seconds of `steps` single tokens behind position `start`, the first one `token`.

    What it evaluated is dropped again.
    """
    batch = lib.llama_batch_init(1, 0, 1)
    batch.n_tokens = 1
    batch.n_seq_id[0] = 1
    batch.seq_id[0][0] = sequence
    batch.logits[0] = 1
    size = context.vocabulary
    try:
        began = time.perf_counter()
        for step in range(steps):
            batch.token[0], batch.pos[0] = token, start + step
            status = lib.llama_decode(context.pointer, batch)
            if status:
                raise RuntimeError(f"llama_decode answered {status}")
            pointer = lib.llama_get_logits_ith(context.pointer, -1)
            address = ctypes.addressof(pointer.contents)
            row = np.frombuffer((ctypes.c_float * size).from_address(address), dtype=np.float32)  # type: ignore[call-overload]
            token = int(row.argmax())
        return time.perf_counter() - began
    finally:
        lib.llama_batch_free(batch)
        context.forget(sequence, start)
