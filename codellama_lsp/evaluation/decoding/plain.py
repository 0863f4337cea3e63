"""Plain decoding beside a bare loop of llama.cpp, alone and with the other sequences full."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median

import attrs
import numpy as np

from codellama_lsp.engine.protocol import GenerateRequest
from codellama_lsp.engine.worker.backend import LlamaBackend
from codellama_lsp.engine.worker.bare import bare_decode
from codellama_lsp.engine.worker.context import Context
from codellama_lsp.evaluation.decoding.runs import Greedy, decode, prefilled, request_at

Report = Callable[[int, int], None]
"""Steps done, and steps in all."""


@attrs.define
class Plain:
    """Milliseconds per token, one number a round."""

    prompt_tokens: int = 0
    cells: int = 0
    full_cells: int = 0
    """Cells that other sequences held in the second half."""
    parked_cells: int = 0
    """Tokens of other prompts that had been copied out, to come back without a prefill."""
    bare_ms: list[float] = attrs.field(factory=list)
    ours_ms: list[float] = attrs.field(factory=list)
    bare_then_ms: list[float] = attrs.field(factory=list)
    """The bare loop again, its context still its own, in turns with `full_ms`."""
    full_ms: list[float] = attrs.field(factory=list)

    def as_json(self) -> dict[str, object]:
        """Medians, and ratios as medians of each round's own: other load falls on both."""
        answer: dict[str, object] = {
            "prompt_tokens": self.prompt_tokens,
            "cells": self.cells,
            "full_cells": self.full_cells,
            "rounds": len(self.ours_ms),
            "bare_ms": round(median(self.bare_ms), 3),
            "ours_ms": round(median(self.ours_ms), 3),
            "ratio": _ratio(self.ours_ms, self.bare_ms),
        }
        if self.full_ms:
            answer["parked_cells"] = self.parked_cells
            answer["full_ms"] = round(median(self.full_ms), 3)
            answer["ratio_full"] = _ratio(self.full_ms, self.bare_then_ms)
        return answer


def _ratio(ours: list[float], bare: list[float]) -> float:
    return round(median(a / b for a, b in zip(ours, bare, strict=True)), 4)


def measure_plain(
    backend: LlamaBackend,
    text: str,
    *,
    prompt_chars: int,
    tokens: int,
    rounds: int,
    report: Report,
    found: Plain,
) -> None:
    """Fill `found` round by round; `text` is code, much longer than the prompt."""
    model, context, cache = backend.loaded()
    request = request_at(text, prompt_chars, text[prompt_chars + 200 :], prompt_chars, tokens)
    ids = backend.build(request).ids
    found.prompt_tokens, found.cells = len(ids), context.cells
    alone = Context(
        model,
        cells=len(ids) + tokens + 64,
        sequences=1,
        threads=context.threads,
        batch_tokens=min(context.batch_tokens, len(ids)),
    )
    try:
        for start in range(0, len(ids), alone.batch_tokens):
            alone.evaluate(0, start, ids[start : start + alone.batch_tokens])
        first = int(alone.logits().argmax())
        prefilled(backend, request)
        for number in range(rounds):
            bare = bare_decode(alone, 0, len(ids), first, tokens - 1)
            found.bare_ms.append(1000 * bare / (tokens - 1))
            found.ours_ms.append(_ours(backend, request, tokens))
            report(number + 1, 2 * rounds)
        _fill(backend, text, len(ids) + tokens + 64)
        prefilled(backend, request)
        while backend.rest():  # as after a while without a request
            pass
        _, *others = cache.latest_first()
        found.full_cells, found.parked_cells = sum(map(len, others)), cache.lot.parked_tokens
        for number in range(rounds):
            bare = bare_decode(alone, 0, len(ids), first, tokens - 1)
            found.bare_then_ms.append(1000 * bare / (tokens - 1))
            found.full_ms.append(_ours(backend, request, tokens))
            report(rounds + number + 1, 2 * rounds)
    finally:
        alone.close()


def _ours(backend: LlamaBackend, request: GenerateRequest, tokens: int) -> float:
    """Milliseconds per evaluated token; the first one needs no evaluation."""
    run = decode(backend, request, Greedy(), None)
    return 1000 * run.seconds / (tokens - 1)


def _fill(backend: LlamaBackend, text: str, kept: int) -> None:
    """Give the other sequences prompts until all cells but `kept` are taken."""
    _, context, cache = backend.loaded()
    room, others = context.cells - kept, len(cache.latest_first())
    ids = backend.loaded()[0].encoder.infill(text)
    each = max(room // max(cache.sequences - others, 1), 1)
    filled = 0
    for number in range(cache.sequences - others):
        prompt = [ids[(number * 17 + i) % len(ids)] for i in range(min(each, room - filled))]
        if len(prompt) < 2:
            break
        resident, _ = cache.take(np.array(prompt, dtype=np.int32), len(prompt), f"other{number}")
        start = len(resident)
        for at in range(start, len(prompt), context.batch_tokens):
            step = prompt[at : at + context.batch_tokens]
            context.evaluate(resident.sequence, at, step)
            cache.extend(resident, step)
        filled += len(resident)
