"""A model that cannot infill is used for what it can do, and says so."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from codellama_lsp.engine.backend import CancelFlag
from codellama_lsp.engine.protocol import GenerateRequest, Layout, Segment
from codellama_lsp.engine.worker.backend import LlamaBackend
from codellama_lsp.engine.worker.settings import WorkerSettings

pytestmark = pytest.mark.engine

TEXT = "def add(a, b):\n    return "


@pytest.fixture
def thirty_four(embedded_path: Path, tmp_path: Path) -> Path:
    """A file whose name says that it was not trained to infill, whatever pieces it has."""
    return Path(shutil.copy(embedded_path, tmp_path / "codellama-34b.Q8_0.gguf"))


def test_the_prompt_is_what_stands_before_the_cursor(thirty_four: Path) -> None:
    backend = LlamaBackend(WorkerSettings(thirty_four, extra_buffers=False))
    info = backend.load(lambda share: None)
    assert not info.can_infill
    assert "34B" in info.infill_reason
    made = GenerateRequest(
        "doc", Segment("p", 1, TEXT), Segment("s", 1, "\n\nprint(add(1, 2))\n"), max_tokens=4
    )
    prompt = backend.build(made)
    model = backend.loaded()[0]
    assert prompt.layout is Layout.LEFT_TO_RIGHT
    assert model.forbidden.isdisjoint(prompt.ids.tolist())
    assert b"print" not in model.pieces.spell(prompt.ids.tolist())
    result = backend.generate(made, lambda *_: None, CancelFlag())
    assert result.layout is Layout.LEFT_TO_RIGHT
    backend.close()


def test_the_command_line_says_so(thirty_four: Path, tmp_path: Path) -> None:
    source = tmp_path / "a.py"
    source.write_text(TEXT)
    command = [sys.executable, "-m", "codellama_lsp", "complete", f"{source}:2:12", "--json"]
    done = subprocess.run(
        [*command, "--model", str(thirty_four)], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout)["layout"] == "ltr"
    assert "cannot infill" in done.stderr
