"""Real GGUFs for the engine's tests: the embedded model, and vocabularies where they are found."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

gguf = pytest.importorskip("gguf", reason="the gguf package writes the test vocabularies")
pytest.importorskip("llama_cpp", reason="llama-cpp-python is not installed")

from codellama_lsp.engine.worker.library import quiet  # noqa: E402
from codellama_lsp.engine.worker.model import Model  # noqa: E402

_EMBEDDED = Path(__file__).parents[2] / "codellama_lsp" / "data" / "tiny.gguf"


def _datasets() -> Path | None:
    places = [
        os.environ.get("CODELLAMA_LSP_DATASETS"),
        Path(__file__).parents[3] / "shared/datasets",
    ]
    return next((Path(p) for p in places if p and Path(p).is_dir()), None)


@pytest.fixture(scope="session")
def embedded_path() -> Path:
    path = Path(os.environ.get("CODELLAMA_LSP_MODEL") or _EMBEDDED)
    if not path.is_file():
        pytest.skip("the embedded model is not there")
    return path


@pytest.fixture(scope="session")
def embedded(embedded_path: Path) -> Model:
    quiet()
    return Model(embedded_path, gpu_layers=0, extra_buffers=False)


@pytest.fixture(scope="session")
def code_llama(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """Code Llama's tokenizer: Llama 2's pieces, where they are found, and the 16 of its own."""
    folder = _datasets()
    source = folder / "ggml-vocab-llama-spm.gguf" if folder else None
    if source is None or not source.is_file():
        pytest.skip("Llama's vocabulary is not there (set CODELLAMA_LSP_DATASETS)")
    quiet()
    target = tmp_path_factory.mktemp("vocabulary") / "CodeLlama-7b.gguf"
    write_code_llama_vocabulary(source, target)
    return Model(target, gpu_layers=0, extra_buffers=False, vocabulary_only=True)


def write_code_llama_vocabulary(source: Path, target: Path, *, name: str = "CodeLlama 7B") -> None:
    """Add Code Llama's 16 pieces to Llama 2's vocabulary."""
    fields = gguf.GGUFReader(source).fields
    tokens = [bytes(fields["tokenizer.ggml.tokens"].parts[i]) for i in _data(fields, "tokens")]
    scores = [float(fields["tokenizer.ggml.scores"].parts[i][0]) for i in _data(fields, "scores")]
    types = [
        int(fields["tokenizer.ggml.token_type"].parts[i][0]) for i in _data(fields, "token_type")
    ]
    helpers = ["▁<SU", "▁<SUF", "▁<PRE", "▁<M", "▁<MID", "▁<E", "▁<EOT"]
    sentinels = ["▁<PRE>", "▁<SUF>", "▁<MID>", "▁<EOT>", *("▁<EOT>" * n for n in range(2, 7))]
    tokens += [piece.encode() for piece in [*helpers, *sentinels]]
    scores += [-1e9] * len(helpers) + [-1e18] * len(sentinels)
    types += [int(gguf.TokenType.NORMAL)] * 16
    writer = gguf.GGUFWriter(target, "llama")
    writer.add_name(name)
    writer.add_context_length(16384)
    writer.add_embedding_length(64)
    writer.add_block_count(1)
    writer.add_feed_forward_length(64)
    writer.add_head_count(1)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores(scores)
    writer.add_token_types(types)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _data(fields, key):
    return fields[f"tokenizer.ggml.{key}"].data
