"""A model's vocabulary without its weights: for measurements that count its tokens."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import attrs

from codellama_lsp.engine.protocol import GenerateRequest
from codellama_lsp.engine.worker.backend import SAMPLE
from codellama_lsp.engine.worker.library import quiet
from codellama_lsp.engine.worker.model import Model
from codellama_lsp.engine.worker.prompting import PromptBuilder

_MOST_TOKENS = 1 << 20


@attrs.frozen
class Vocabulary:
    """How many tokens a text has."""

    name: str
    count: Callable[[str], int]
    """Tokens of a text as it stands inside a prompt."""
    chars_per_token: float
    """As an engine with this model says it."""
    prompt_tokens: Callable[[GenerateRequest], int]
    """Length of the prompt that an engine with a large context builds for a request."""


def vocabulary(path: Path) -> Vocabulary:
    """Read a GGUF's vocabulary. Raises `EngineStartError` for a bad file."""
    quiet()
    model = Model(path, gpu_layers=0, extra_buffers=False, vocabulary_only=True)

    def count(text: str) -> int:
        return len(model.encoder.infill(text))

    builder = PromptBuilder(model, most_tokens=_MOST_TOKENS, healing_tokens=0)

    def prompt_tokens(request: GenerateRequest) -> int:
        return len(builder.build(request).ids)

    return Vocabulary(model.name, count, len(SAMPLE) / max(count(SAMPLE), 1), prompt_tokens)
