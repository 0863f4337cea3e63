"""A model's vocabulary without its weights: for measurements that count its tokens."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import attrs

from codellama_lsp.engine.worker.backend import SAMPLE
from codellama_lsp.engine.worker.library import quiet
from codellama_lsp.engine.worker.model import Model


@attrs.frozen
class Vocabulary:
    """How many tokens a text has."""

    name: str
    count: Callable[[str], int]
    """Tokens of a text as it stands inside a prompt."""
    chars_per_token: float
    """As an engine with this model says it."""


def vocabulary(path: Path) -> Vocabulary:
    """Read a GGUF's vocabulary. Raises `EngineStartError` for a bad file."""
    quiet()
    model = Model(path, gpu_layers=0, extra_buffers=False, vocabulary_only=True)

    def count(text: str) -> int:
        return len(model.encoder.infill(text))

    return Vocabulary(model.name, count, len(SAMPLE) / max(count(SAMPLE), 1))
