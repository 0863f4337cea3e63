"""Shared by unit tests: a completer over the scripted engine, in this process."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from codellama_lsp.completion.pipeline import Completer
from codellama_lsp.completion.types import Completion, CompletionRequest, DocumentSnapshot
from codellama_lsp.config.settings import Settings
from codellama_lsp.engine.backend import Engine
from codellama_lsp.engine.local import LocalEngine
from codellama_lsp.engine.scripted import ScriptedBackend

Recorded = list[tuple[CompletionRequest, Completion]]


class OneEngine:
    """Provides the engine it is given."""

    def __init__(self, engine: Engine) -> None:
        self.it = engine

    async def engine(self) -> Engine:
        return self.it


class Recorder:
    """Remembers how requests ended."""

    def __init__(self) -> None:
        self.open = 0
        self.ended_ones: Recorded = []

    def began(self, request: CompletionRequest) -> None:
        self.open += 1

    def ended(self, request: CompletionRequest, completion: Completion) -> None:
        self.open -= 1
        self.ended_ones.append((request, completion))


class Bench:
    """A completer, and what it was told and tells."""

    def __init__(self, script: Path) -> None:
        self.settings = Settings()
        self.recorder = Recorder()
        self.engine = LocalEngine(ScriptedBackend(script))
        self.provider = OneEngine(self.engine)
        self.completer = Completer(self.provider, lambda: self.settings, self.recorder)

    async def ask(
        self, marked: str, uri: str = "file:///a.py", language: str = "python", **rest: object
    ) -> Completion:
        """Complete at the | in `marked`."""
        offset = marked.index("|")
        text = marked[:offset] + marked[offset + 1 :]
        snapshot = DocumentSnapshot(uri, language, 1, text)
        return await self.completer.complete(CompletionRequest(snapshot, offset, **rest))  # type: ignore[arg-type]


@pytest.fixture
def bench_of(tmp_path: Path) -> object:
    """Makes a `Bench` whose engine answers with the given items."""

    def make(*items: object) -> Bench:
        script = tmp_path / "script.json"
        script.write_text(json.dumps(items), encoding="utf-8")
        return Bench(script)

    return make


BenchOf = Callable[..., Bench]
Ask = Callable[..., Awaitable[Completion]]
