"""Tokens of a text in a model's own vocabulary, without its weights: for measurements."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from codellama_lsp.engine.worker.library import quiet
from codellama_lsp.engine.worker.model import Model


def token_counter(path: Path) -> Callable[[str], int]:
    """Counts tokens as they stand inside a prompt. Raises `EngineStartError` for a bad file."""
    quiet()
    model = Model(path, gpu_layers=0, extra_buffers=False, vocabulary_only=True)

    def count(text: str) -> int:
        return len(model.encoder.infill(text))

    return count
