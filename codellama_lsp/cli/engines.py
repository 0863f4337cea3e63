"""Which engine to run, from what a user wrote: a scripted one, a model's path or name, or none.

Must not import the engine's worker: the process that asks never loads a model itself.
"""

from __future__ import annotations

import argparse

from codellama_lsp.engine.spec import EngineSpec
from codellama_lsp.models.catalogue import resolve_model


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options that choose an engine."""
    parser.add_argument("--model", metavar="M", help="a GGUF file or a name (see `models list`)")
    parser.add_argument("--engine", metavar="scripted:FILE", help="play answers from a JSON list")


def choose(engine: str | None, model: str | None) -> EngineSpec:
    """What to run. Raises `EngineStartError` where there is no such thing."""
    if engine is not None:
        return EngineSpec.of_engine(engine)
    return EngineSpec.of_model(resolve_model(model).path)
