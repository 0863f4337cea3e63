"""What an engine process should run, as a value that fits on a command line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import attrs

from codellama_lsp.engine.protocol import EngineStartError

SCRIPTED = "scripted:"

LoadValue = str | int | float | bool | None


@attrs.frozen
class EngineSpec:
    """A model file with its load-time settings, or a script for the scripted engine."""

    model: Path | None = None
    script: Path | None = None
    load: Mapping[str, LoadValue] = attrs.field(factory=dict)
    """Fields of the worker's `WorkerSettings` by name; its defaults stand for the rest."""

    @classmethod
    def of_engine(cls, text: str) -> EngineSpec:
        """From ``scripted:FILE``; raises `EngineStartError` for any other kind of engine."""
        if text.startswith(SCRIPTED) and len(text) > len(SCRIPTED):
            return cls(script=Path(text.removeprefix(SCRIPTED)).absolute())
        raise EngineStartError(f"no engine {text!r}", "Known is scripted:FILE.json.")

    @classmethod
    def of_model(cls, path: Path, load: Mapping[str, LoadValue] | None = None) -> EngineSpec:
        """For a GGUF file on this machine, run by llama.cpp."""
        return cls(model=path.absolute(), load=dict(load or {}))

    @property
    def name(self) -> str:
        """For status messages."""
        if self.model is not None:
            return self.model.stem
        return "scripted" if self.script is not None else "none"

    def arguments(self) -> list[str]:
        """For the command line of ``codellama-lsp engine``."""
        if self.script is not None:
            return ["--scripted", str(self.script)]
        if self.model is None:
            raise EngineStartError("no model is chosen", "Pass --model NAME or PATH.")
        arguments = ["--model", str(self.model)]
        if self.load:
            arguments += ["--load", json.dumps(dict(self.load), sort_keys=True)]
        return arguments
