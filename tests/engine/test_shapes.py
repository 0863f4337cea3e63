"""Models of random weights load, can infill, and read text as the model they got pieces from."""

from __future__ import annotations

import types
from pathlib import Path

import numpy as np
import pytest

from codellama_lsp.engine.backend import CancelFlag
from codellama_lsp.engine.protocol import GenerateRequest, Segment
from codellama_lsp.engine.worker.backend import LlamaBackend
from codellama_lsp.engine.worker.model import Model
from codellama_lsp.engine.worker.settings import WorkerSettings
from codellama_lsp.models import shapes
from codellama_lsp.models.vocabulary import ShapeError, Vocabulary, padded, read_vocabulary
from codellama_lsp.prompt.special import InfillIds

SMALL = shapes.Shape(64, 2, 2, 96)


@pytest.fixture(scope="module")
def vocabulary(embedded_path: Path) -> Vocabulary:
    return padded(read_vocabulary(embedded_path), shapes.VOCABULARY_SIZE)


def write(path: Path, vocabulary: Vocabulary, quantization: str) -> Path:
    shapes.write_shape(
        path, name="small", shape=SMALL, vocabulary=vocabulary, quantization=quantization
    )
    return path


@pytest.mark.parametrize("quantization", shapes.QUANTIZATIONS)
def test_it_evaluates_to_finite_scores(
    quantization: str, tmp_path: Path, vocabulary: Vocabulary
) -> None:
    path = write(tmp_path / "small.gguf", vocabulary, quantization)
    backend = LlamaBackend(WorkerSettings(path, extra_buffers=False, threads=1))
    info = backend.load(lambda share: None)
    try:
        assert info.can_infill
        request = GenerateRequest(
            document="d", prefix=Segment("p", 1, "def f("), suffix=Segment("s", 1, "\n"),
            max_tokens=4,
        )  # fmt: skip
        result = backend.generate(request, lambda *_: None, CancelFlag())
        assert result.tokens.prompt > 4
        _, context, _ = backend.loaded()
        assert np.isfinite(context.logits()).all()
        assert context.logits().std() > 0
    finally:
        backend.close()


def test_text_is_encoded_as_before(tmp_path: Path, vocabulary: Vocabulary, embedded: Model) -> None:
    path = write(tmp_path / "small.gguf", vocabulary, "q4_0")
    model = Model(path, gpu_layers=0, extra_buffers=False)
    assert model.size == shapes.VOCABULARY_SIZE
    assert model.trained_tokens == shapes.TRAINED_TOKENS
    assert isinstance(model.infill, InfillIds)
    assert model.infill.suffix_first
    for source in sorted(Path(shapes.__file__).parent.glob("*.py")):
        text = source.read_text()
        assert model.encoder.ordinary(text) == embedded.encoder.ordinary(text)
    model.close()


def test_the_same_arguments_give_the_same_file(tmp_path: Path, vocabulary: Vocabulary) -> None:
    one = write(tmp_path / "one.gguf", vocabulary, "q4_0")
    two = write(tmp_path / "two.gguf", vocabulary, "q4_0")
    assert one.read_bytes() == two.read_bytes()
    assert abs(one.stat().st_size - shapes.size_bytes(SMALL, "q4_0")) < 2**20


def test_it_is_made_once_and_whole(
    tmp_path: Path, embedded_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CODELLAMA_LSP_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("CODELLAMA_LSP_MODEL", str(embedded_path))
    monkeypatch.setitem(shapes.SHAPES, "nano", SMALL)
    shares: list[float] = []
    path = shapes.ensure_shape("nano", report=shares.append)
    assert shares[-1] == 1.0
    assert list(path.parent.iterdir()) == [path]
    written = path.stat().st_mtime_ns
    assert shapes.ensure_shape("nano") == path
    assert path.stat().st_mtime_ns == written


def test_a_failure_leaves_nothing_behind(
    tmp_path: Path, embedded_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CODELLAMA_LSP_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("CODELLAMA_LSP_MODEL", str(embedded_path))
    monkeypatch.setitem(shapes.SHAPES, "nano", SMALL)

    def interrupt(share: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        shapes.ensure_shape("nano", report=interrupt)
    assert not list((tmp_path / "cache" / "shapes").iterdir())


def test_a_full_disk_is_said_before_anything_is_written(
    tmp_path: Path, embedded_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CODELLAMA_LSP_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("CODELLAMA_LSP_MODEL", str(embedded_path))
    usage = types.SimpleNamespace(free=10**9)
    monkeypatch.setattr(shapes.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(ShapeError, match="7b shape needs"):
        shapes.ensure_shape("7b")


def test_healing_is_short_whatever_the_model_prefers(
    tmp_path: Path, vocabulary: Vocabulary
) -> None:
    path = write(tmp_path / "small.gguf", vocabulary, "q4_0")
    backend = LlamaBackend(WorkerSettings(path, extra_buffers=False, threads=1))
    backend.load(lambda share: None)
    try:
        text = "def retrieve_everything(arguments):\n                return arguments"
        for end in range(10, len(text)):
            made = GenerateRequest(
                "d", Segment("p", end, text[:end]), Segment("s", 1, "\n"), max_tokens=8
            )
            result = backend.generate(made, lambda *_: None, CancelFlag())
            tokens = result.tokens
            # Up to three more where random bytes have to become a character first.
            assert tokens.before_text - tokens.drafted <= tokens.fresh + tokens.healed + 4
    finally:
        backend.close()
