"""Run in a child process: evaluates one batch with llama.cpp's extra buffers, or dies of it."""

from __future__ import annotations

import sys
from pathlib import Path

from codellama_lsp.engine.worker.context import Context
from codellama_lsp.engine.worker.library import quiet
from codellama_lsp.engine.worker.model import Model


def main() -> int:
    """Exit with 0 if the batch was evaluated."""
    quiet(keep_errors=False)
    model = Model(Path(sys.argv[1]), gpu_layers=0, extra_buffers=True)
    context = Context(model, cells=256, sequences=1, threads=1, batch_tokens=64)
    context.evaluate(0, 0, list(range(1, 33)))
    return 0 if bool((context.logits() == context.logits()).all()) else 1


if __name__ == "__main__":
    sys.exit(main())
