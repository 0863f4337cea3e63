"""The shipped model: its tokens are SentencePiece's, its keys are those the server reads."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

gguf = pytest.importorskip("gguf", reason="gguf is not installed")
ROOT = Path(__file__).parents[2]
MODEL = Path(os.environ.get("CODELLAMA_LSP_TINY", ROOT / "codellama_lsp" / "data" / "tiny.gguf"))
VOCABULARY = ROOT / "models" / "tiny" / "tokenizer.model"
needs_model = pytest.mark.skipif(not MODEL.exists(), reason=f"{MODEL.name} is not there")


def value(reader: gguf.GGUFReader, key: str) -> object:
    """One metadata value."""
    return reader.fields[key].contents()


@needs_model
def test_keys() -> None:
    reader = gguf.GGUFReader(MODEL)
    pieces = reader.fields["tokenizer.ggml.tokens"].contents()
    marks = {"pre": "▁<PRE>", "suf": "▁<SUF>", "mid": "▁<MID>"}
    for name, piece in marks.items():
        assert pieces[value(reader, f"tokenizer.ggml.fim_{name}_token_id")] == piece
    assert pieces[value(reader, "tokenizer.ggml.eot_token_id")] == "▁<EOT>"
    assert value(reader, "general.architecture") == "llama"
    assert value(reader, "general.license") == "mit"
    assert value(reader, "llama.rope.freq_base") == 1e6
    assert value(reader, "llama.context_length") == 1024
    assert len(set(pieces)) == len(pieces) == 8192
    kinds = reader.fields["tokenizer.ggml.token_type"].contents()
    assert kinds.count(gguf.TokenType.BYTE) == 256
    assert kinds[pieces.index("\n")] == gguf.TokenType.NORMAL
    assert gguf.TokenType.USER_DEFINED not in kinds
    assert MODEL.stat().st_size < 24_000_000


def texts() -> list[str]:
    """Awkward strings, then source files: held-out ones where they are, else the tests."""
    awkward = [
        "\n", " ", "x", "    ", "\t\treturn\n", "  \n\n   a", "naïve ☺ 漢字 \U0001f600", "1.5e10",
        "\r\n", ")", " <MID>", "▁<MID>", "<PRE>", "a▁b", "\x00\x7f",
    ]  # fmt: skip
    folder = os.environ.get("CODELLAMA_LSP_HELD_OUT")
    files = sorted(Path(folder).rglob("*.py"))[::7] if folder else sorted(ROOT.rglob("*.py"))[:60]
    return awkward + [p.read_text(encoding="utf-8", errors="replace") for p in files]


@needs_model
@pytest.mark.skipif(not VOCABULARY.exists(), reason="tokenizer.model is not there")
def test_llama_cpp_and_sentencepiece_agree() -> None:
    pytest.importorskip("sentencepiece", reason="sentencepiece is not installed")
    llama_cpp = pytest.importorskip("llama_cpp", reason="llama-cpp-python is not installed")
    from tokenizer import Codec

    codec = Codec(VOCABULARY)
    parameters = llama_cpp.llama_model_default_params()
    parameters.vocab_only = True
    parameters.use_extra_bufts = False
    model = llama_cpp.llama_model_load_from_file(str(MODEL).encode(), parameters)
    assert model
    vocabulary = llama_cpp.llama_model_get_vocab(model)
    try:
        for text in texts():
            if "▁" in text:  # a literal U+2581 means a space to both, but never a mark
                assert not {codec.pre, codec.suf, codec.mid, codec.eot} & set(codec.encode(text))
            data = text.encode()
            room = (llama_cpp.llama_token * (len(data) + 8))()
            count = llama_cpp.llama_tokenize(
                vocabulary, data, len(data), room, len(room), False, False
            )
            assert list(room[:count]) == codec.encode(text), text[:80]
    finally:
        llama_cpp.llama_model_free(model)
