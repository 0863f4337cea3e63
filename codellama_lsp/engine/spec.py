"""What an engine process should run, as a value that fits on a command line."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import attrs

from codellama_lsp import __version__
from codellama_lsp.engine.protocol import PROTOCOL_VERSION, EngineStartError
from codellama_lsp.engine.wishes import Wishes

SCRIPTED = "scripted:"

LoadValue = str | int | float | bool | None


@attrs.frozen
class EngineSpec:
    """A model file with its load-time settings, or a script for the scripted engine."""

    model: Path | None = None
    script: Path | None = None
    load: Mapping[str, LoadValue] = attrs.field(factory=dict)
    """Fields of the worker's `WorkerSettings` by name; its defaults stand for the rest."""
    shared: bool = False
    """Whether other clients of this user may use the same process. Not chosen for scripts."""
    nice: int = 10
    """Of work that nobody waits for."""
    wishes: Wishes = attrs.field(factory=Wishes)

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

    @property
    def identity(self) -> str:
        """What two specs have in common when one engine can serve both: 12 hexadecimal digits.

        Versions are part of it: two installations each have an engine of their own.
        """
        facts: list[object] = [PROTOCOL_VERSION, __version__, self.nice, dict(self.load)]
        path = self.script or self.model
        if path is not None:
            facts.append(str(path.resolve()))
            try:
                status = path.stat()
            except OSError:
                facts.append("missing")
            else:
                facts += [status.st_size, status.st_mtime_ns]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:12]

    def arguments(self) -> list[str]:
        """For the command line of ``codellama-lsp engine``."""
        if self.script is not None:
            return ["--scripted", str(self.script), "--nice", str(self.nice)]
        if self.model is None:
            raise EngineStartError("no model is chosen", "Pass --model NAME or PATH.")
        arguments = ["--model", str(self.model), "--nice", str(self.nice)]
        if self.load:
            arguments += ["--load", json.dumps(dict(self.load), sort_keys=True)]
        return arguments
