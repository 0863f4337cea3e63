"""Planted secrets and files that stay out, looked for in the tokens that reach llama.cpp."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from codellama_lsp.completion.pipeline import Completer
from codellama_lsp.completion.types import CompletionRequest, DocumentSnapshot
from codellama_lsp.config.settings import Settings
from codellama_lsp.engine.local import LocalEngine
from codellama_lsp.engine.worker.backend import LlamaBackend
from codellama_lsp.engine.worker.batch import Batch, Part
from codellama_lsp.engine.worker.settings import WorkerSettings
from codellama_lsp.evaluation.related import Contender, ours
from tests.context.conftest import Folder
from tests.context.test_secrets import SECRETS
from tests.unit.conftest import OneEngine


class Given:
    """Every token given to `llama_decode` when prompts of a workspace are completed."""

    def __init__(self, backend: LlamaBackend, monkeypatch: pytest.MonkeyPatch) -> None:
        self._backend = backend
        self._engine = LocalEngine(backend)
        self._tokens: list[int] = []
        fill = Batch.fill

        def noting(batch: Batch, parts: Sequence[Part], count: int, *, all_logits: bool) -> None:
            for _, _, tokens in parts:
                self._tokens += [int(token) for token in tokens]
            fill(batch, parts, count, all_logits=all_logits)

        monkeypatch.setattr(Batch, "fill", noting)

    async def complete(self, folder: Folder, marked: str) -> str:
        """Complete at `|` in main.py; the tokens that this took, as text."""
        await self._engine.info()
        self._tokens.clear()
        source = Contender(ours, folder.index(), itertools.count(1))
        source.path = "main.py"
        completer = Completer(OneEngine(self._engine), lambda uri: Settings(), related=source)
        offset = marked.index("|")
        text = marked.replace("|", "", 1)
        document = DocumentSnapshot((folder.root / "main.py").as_uri(), "python", 1, text)
        await completer.complete(CompletionRequest(document, offset))
        model, _, _ = self._backend.loaded()
        pieces = model.pieces.pieces
        return b"".join(pieces[token] for token in self._tokens).decode("utf-8", "replace")

    async def close(self) -> None:
        await self._engine.close()


@pytest.fixture
async def given(embedded_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Given]:
    made = Given(LlamaBackend(WorkerSettings(embedded_path, extra_buffers=False)), monkeypatch)
    yield made
    await made.close()


async def test_no_kind_of_secret_is_among_them(given: Given, tmp_path: Path) -> None:
    for number, (_, secret, text) in enumerate(SECRETS):
        root = tmp_path / str(number)
        root.mkdir()
        folder = Folder(root)
        inside = "\n".join(f"    {line}" for line in text.split("\n"))
        name = f"scale_shape_{number}"
        folder.write({"shapes.py": f"def {name}(shape):\n{inside}\n    return shape\n"})
        tokens = await given.complete(folder, f"from shapes import {name}\n{text}\nx = {name}(|\n")
        # The prompt before it began alike, and that is not evaluated again.
        assert f"{number}(shape):" in tokens
        assert secret not in tokens


async def test_no_ignored_file_is_and_none_behind_a_link(given: Given, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "far.py").write_text("def canary_outside(): ...\n")
    (tmp_path / "project").mkdir()
    folder = Folder(tmp_path / "project")
    folder.write(
        {
            ".gitignore": "private.py\n",
            "private.py": "def canary_private(): ...\n",
            ".env": "CANARY=canary_env\n",
            "fine.py": "def canary_fine(): ...\n",
        }
    )
    (folder.root / "link.py").symlink_to(outside / "far.py")
    tokens = await given.complete(folder, "import private, link, fine\n\nx = canary_|\n")
    assert "def canary_fine" in tokens
    assert "def canary_outside" not in tokens
    assert "def canary_private" not in tokens
    assert "canary_env" not in tokens
