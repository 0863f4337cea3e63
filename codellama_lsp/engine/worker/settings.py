"""What has to be known to load a model. Fixed for the life of an engine."""

from __future__ import annotations

from pathlib import Path

import attrs


@attrs.frozen
class WorkerSettings:
    """Load-time settings; engines with equal ones can be shared."""

    model_path: Path
    context_tokens: int = 0
    """KV cells in all; 0: as the model's size and training length suggest."""
    threads: int = 0
    """0: one for tiny models, else the machine's physical cores."""
    gpu_layers: int = -1
    """-1: as many as the build can take."""
    sequences: int = 8
    """Prompts that stay in the KV cache side by side."""
    extra_buffers: bool | None = None
    """llama.cpp's repacked weight buffers (AMX among them); None: probed once per machine."""
    healing_tokens: int = 3
    park_mb: int | None = None
    """Memory for documents beyond `sequences`; None: an eighth of what is free, at most 2 GiB."""
    remember_drafts: bool = True
    """Whether a start begins with what earlier ones have learnt of drafts for this model."""
    batch_ms: str = ""
    """Costs of batches as ``SIZE:MS,…``, to draft as another machine would; empty: measured."""
    warm_cache_mb: int = 0
    """Disk for the KV cells of documents, for the next start; 0: none."""
    batch_tokens: int = 512
    """Tokens of a batch, at most."""
    micro_batch_tokens: int = 0
    """Tokens that llama.cpp computes at once, at most; 0: a whole batch."""
    flash_attention: bool | None = None
    """None: where llama.cpp finds that the backend has it."""
    kv_type: str = "f16"
    """How keys and values are kept: f16, q8_0, q5_1 or q4_0."""
