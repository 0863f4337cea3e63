"""Which engine to run, from what a user wrote: a scripted one, a model's path or name, or none.

Must not import the engine's worker: the process that asks never loads a model itself.
"""

from __future__ import annotations

import argparse
from importlib import resources
from pathlib import Path

from codellama_lsp.engine.protocol import EngineStartError
from codellama_lsp.engine.spec import EngineSpec

_EMBEDDED = "embedded"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options that choose an engine."""
    parser.add_argument("--model", metavar="M", help="a GGUF file, or 'embedded' (default)")
    parser.add_argument("--engine", metavar="scripted:FILE", help="play answers from a JSON list")


def choose(engine: str | None, model: str | None) -> EngineSpec:
    """What to run. Raises `EngineStartError` where there is no such thing."""
    if engine is not None:
        return EngineSpec.of_engine(engine)
    if model is None or model == _EMBEDDED:
        return EngineSpec.of_model(_embedded())
    path = Path(model).expanduser()
    if path.is_file():
        return EngineSpec.of_model(path)
    raise EngineStartError(
        f"there is no model file {model!r}",
        "Pass the path of a GGUF file, or 'embedded' for the one that comes with this program.",
    )


def _embedded() -> Path:
    folder = Path(str(resources.files("codellama_lsp"))) / "models"
    found = sorted(folder.glob("*.gguf"))
    if not found:
        raise EngineStartError(
            "this copy of codellama-lsp has no embedded model",
            'Pass --model PATH, or set "model" to the path of a GGUF file.',
        )
    return found[0]
