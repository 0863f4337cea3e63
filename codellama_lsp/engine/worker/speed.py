"""How fast a loaded model is on this machine, measured at load and followed since."""

from __future__ import annotations

import time
from collections.abc import Sequence

from codellama_lsp.engine.worker.context import Context
from codellama_lsp.engine.worker.memory import KV_TYPES, Shape

#: Batch sizes whose cost is measured when a model is loaded.
MEASURED_SIZES = (1, 2, 4, 8, 16)
#: Shorter prefills say little about speed.
_LEAST_TOKENS = 16
_FOLLOW = 0.3
#: A batch should be over in about this time: what is broken off is lost.
_BATCH_SECONDS = 0.5
#: Where nothing breaks off a batch, as on an NVIDIA GPU, whatever interrupts it waits for its end.
_WHOLE_BATCH_SECONDS = 0.1
_WHOLE_UNASKED_BATCH_SECONDS = 0.05
#: The same for work that nobody waits for, which the next keystroke breaks off. llama.cpp looks at
#: the abort callback between the parts of its graph, and over a long context a single part of a
#: large batch takes tens of milliseconds.
_UNASKED_BATCH_SECONDS = 0.002
_LEAST_STEP = 16
#: Where a batch of that size takes less, smaller ones cost hardly more a token.
_BRISK_SECONDS = 0.05
_LEAST_BRISK_STEP = 2
#: What flash attention on a CPU takes to skip a cell, for each head of each layer: 0.9 to 1.1 ns on
#: an AMD EPYC with AVX-512.
_SKIPPED_CELL_S = 1.1e-9
_LEAST_SLOWER = 0.03


class Speed:
    """Prefill speed, and what follows from it."""

    def __init__(self, prefill_tokens_per_s: float, *, abortable: bool = True) -> None:
        self.prefill_tokens_per_s = prefill_tokens_per_s
        self._asked_seconds = _BATCH_SECONDS if abortable else _WHOLE_BATCH_SECONDS
        self._unasked_seconds = (
            _UNASKED_BATCH_SECONDS if abortable else _WHOLE_UNASKED_BATCH_SECONDS
        )

    def note(self, tokens: int, seconds: float) -> None:
        """Follow the machine as it is now: under load, throttled, with a longer context."""
        if tokens >= _LEAST_TOKENS and seconds > 0:
            now = tokens / seconds
            self.prefill_tokens_per_s += _FOLLOW * (now - self.prefill_tokens_per_s)

    def step_tokens(self, most: int, *, asked: bool) -> int:
        """Prompt tokens to evaluate in one batch, at most `most`."""
        seconds = self._asked_seconds if asked else self._unasked_seconds
        brisk = not asked and self.prefill_tokens_per_s * _BRISK_SECONDS > _LEAST_STEP
        least = _LEAST_BRISK_STEP if brisk else _LEAST_STEP
        return max(least, min(most, int(self.prefill_tokens_per_s * seconds)))


def comfortable_cells(shape: Shape | None, threads: int, token_s: float) -> int | None:
    """Cells of other prompts that make a token, `token_s` seconds alone, no more than 3% dearer.

    Skipping a cell costs little. But llama.cpp gives each thread an equal stretch of all cells up
    to the last one in use, so that a prompt's own may all fall to one thread wherever a few others
    lie behind them: 9% of a token on the 7B with two threads and 512 own cells, whether there are
    206 others or 1,442. So none is comfortable. Cells that are no halves are not shared out so.
    """
    if shape is None:
        return None
    cell_s = shape.heads * shape.layers * _SKIPPED_CELL_S / threads
    if threads > 1 and shape.kv_type is KV_TYPES["f16"]:
        return 0
    return int(_LEAST_SLOWER * token_s / cell_s)


def measure_prefill(context: Context, tokens: Sequence[int]) -> float:
    """Tokens per second of a batch, after a first one that warms the weights up."""
    tokens = tokens[: context.batch_tokens]
    context.evaluate(0, 0, tokens)
    context.forget(0, 0)
    started = time.perf_counter()
    context.evaluate(0, 0, tokens)
    context.logits()
    seconds = time.perf_counter() - started
    context.forget(0, 0)
    return len(tokens) / max(seconds, 1e-6)


def measure_batches(context: Context, sample: Sequence[int]) -> dict[int, float]:
    """Seconds of a batch by its size: the best of three rounds, since the first one warms up."""
    sizes = [size for size in MEASURED_SIZES if size <= context.batch_tokens]
    costs = dict.fromkeys(sizes, float("inf"))
    start = min(64, len(sample), context.batch_tokens)
    context.evaluate(0, 0, sample[:start])
    # In turns, so that other load for a moment falls on all sizes.
    for size in sizes * 3:
        began = time.perf_counter()
        context.evaluate(0, start, [*sample, *sample][:size], all_logits=True)
        context.logits(size - 1)
        costs[size] = min(costs[size], time.perf_counter() - began)
        context.forget(0, start)
    context.forget(0, 0)
    return costs


def batch_costs(text: str) -> dict[int, float]:
    """Seconds of a batch by its size, written as ``1:97,4:155,16:414`` in milliseconds.

    Raises `ValueError`.
    """
    pairs = [part.split(":") for part in text.replace(",", " ").split()]
    costs = {int(size): float(ms) / 1000 for size, ms in pairs}
    if len(costs) < 2 or 1 not in costs or min(costs) < 1 or min(costs.values()) <= 0:
        raise ValueError(text)
    return costs
