"""Which engine to run, from what a user wrote: a scripted one, a model's path or name, or none.

Must not import the engine's worker: the process that asks never loads a model itself.
"""

from __future__ import annotations

import argparse

import attrs

from codellama_lsp.config.settings import Settings
from codellama_lsp.engine.spec import EngineSpec
from codellama_lsp.models.catalogue import resolve_model


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options that choose an engine."""
    parser.add_argument("--model", metavar="M", help="a GGUF file or a name (see `models list`)")
    parser.add_argument("--engine", metavar="scripted:FILE", help="play answers from a JSON list")


def choose(engine: str | None, model: str | None, settings: Settings) -> EngineSpec:
    """What to run: `engine`, else `model`, else what the settings name.

    Raises `EngineStartError` where there is no such thing.
    """
    if engine is not None:
        return EngineSpec.of_engine(engine)
    spec = EngineSpec.of_model(resolve_model(model or settings.model).path, settings.engine_load)
    return attrs.evolve(spec, shared=True, nice=settings.engine_nice, wishes=settings.wishes)
