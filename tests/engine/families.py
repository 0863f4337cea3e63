"""Small GGUFs of random weights in other families' architectures and spelling.

What is real in them: llama.cpp's loader and graph of that architecture, its pre-tokenizer, the
sentinels' spelling and where they are named. The pieces are bytes, some words, and the sentinels.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import attrs
import gguf
import numpy as np

_WIDTH, _HEADS, _WIDE, _LAYERS = 64, 2, 128, 2
_NORMAL, _CONTROL, _BYTE = 1, 3, 6
_WORDS = (
    "def",
    " return",
    "    ",
    " =",
    "self",
    " self",
    "add",
    "(a",
    ", b",
    "):",
    "total",
    "\n    ",
)


@attrs.frozen
class Family:
    """How a family's files are made."""

    architecture: str
    sentinels: tuple[str, str, str, str]
    """Prefix, suffix, middle, end of text."""
    pre: str = ""
    """llama.cpp's name of the pre-tokenizer; empty for SentencePiece."""
    keys: bool = False
    """Whether the file names its sentinels' ids, as newer ones do."""
    bos: str = ""
    """A piece that begins every prompt, where the family wants one."""


FAMILIES = {
    "qwen2.5-coder": Family(
        "qwen2",
        ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|endoftext|>"),
        pre="qwen2",
        keys=True,
    ),
    "starcoder2": Family(
        "starcoder2",
        ("<fim_prefix>", "<fim_suffix>", "<fim_middle>", "<|endoftext|>"),
        pre="starcoder",
    ),
    "deepseek-coder": Family(
        "llama",
        ("<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>", "<｜end▁of▁sentence｜>"),
        pre="deepseek-coder",
        bos="<｜begin▁of▁sentence｜>",
    ),
    "codegemma": Family(
        "gemma",
        ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|file_separator|>"),
        bos="<bos>",
    ),
}


def write_family(family: Family, path: Path) -> dict[str, int]:
    """Write a model's file; the id of each special piece."""
    writer = gguf.GGUFWriter(path, family.architecture)
    writer.add_name("random weights")
    special = [*family.sentinels, *([family.bos] if family.bos else [])]
    pieces = _byte_level() if family.pre else _sentence_pieces()
    ids = {text: len(pieces) + number for number, text in enumerate(special)}
    tokens = [*(piece for piece, _ in pieces), *(text.encode() for text in special)]
    writer.add_tokenizer_model("gpt2" if family.pre else "llama")
    writer.add_token_list(tokens)
    writer.add_token_types([*(kind for _, kind in pieces), *([_CONTROL] * len(special))])
    if family.pre:
        writer.add_tokenizer_pre(family.pre)
        writer.add_token_merges(_merges())
    else:
        writer.add_token_scores([-float(number) for number in range(len(tokens))])
        writer.add_add_space_prefix(False)
    writer.add_add_bos_token(bool(family.bos))
    if family.bos:
        writer.add_bos_token_id(ids[family.bos])
    writer.add_eos_token_id(ids[family.sentinels[3]])
    if family.keys:
        for name, text in zip(("pre", "suf", "mid"), family.sentinels, strict=False):
            writer.add_uint32(f"tokenizer.ggml.fim_{name}_token_id", ids[text])
    _add_shape(writer, len(tokens))
    rng = np.random.default_rng(7)
    for name, *shape in _tensors(family.architecture, len(tokens)):
        is_norm = "norm" in name and name.endswith("weight")
        values = np.ones(shape) if is_norm else rng.normal(0, 0.08, shape)
        writer.add_tensor(name, values.astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return ids


def _add_shape(writer: gguf.GGUFWriter, pieces: int) -> None:
    writer.add_context_length(2048)
    writer.add_embedding_length(_WIDTH)
    writer.add_block_count(_LAYERS)
    writer.add_feed_forward_length(_WIDE)
    writer.add_head_count(_HEADS)
    writer.add_head_count_kv(_HEADS)
    writer.add_key_length(_WIDTH // _HEADS)
    writer.add_value_length(_WIDTH // _HEADS)
    writer.add_rope_dimension_count(_WIDTH // _HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_layer_norm_eps(1e-5)
    writer.add_vocab_size(pieces)


def _tensors(architecture: str, pieces: int) -> Iterator[tuple[str, *tuple[int, ...]]]:
    """Name and shape, outputs first."""
    biased = architecture == "starcoder2"
    yield "token_embd.weight", pieces, _WIDTH
    yield "output_norm.weight", _WIDTH
    if biased:
        yield "output_norm.bias", _WIDTH
    if architecture != "gemma":
        yield "output.weight", pieces, _WIDTH
    gate = () if biased else ("ffn_gate",)
    for layer in range(_LAYERS):
        for kind in ("attn_norm", "ffn_norm"):
            yield f"blk.{layer}.{kind}.weight", _WIDTH
            if biased:
                yield f"blk.{layer}.{kind}.bias", _WIDTH
        for kind in ("attn_q", "attn_k", "attn_v", "attn_output"):
            yield f"blk.{layer}.{kind}.weight", _WIDTH, _WIDTH
            if biased or (architecture == "qwen2" and kind != "attn_output"):
                yield f"blk.{layer}.{kind}.bias", _WIDTH
        for kind in (*gate, "ffn_up"):
            yield f"blk.{layer}.{kind}.weight", _WIDE, _WIDTH
            if biased:
                yield f"blk.{layer}.{kind}.bias", _WIDE
        yield f"blk.{layer}.ffn_down.weight", _WIDTH, _WIDE
        if biased:
            yield f"blk.{layer}.ffn_down.bias", _WIDTH


def _byte_level() -> list[tuple[bytes, int]]:
    """Every byte as byte-level BPE writes it, and what the merges make of them."""
    merged = [left + right for left, right in (merge.split(" ") for merge in _merges())]
    return [(text.encode(), _NORMAL) for text in [*map(_letter, range(256)), *merged]]


def _merges() -> list[str]:
    """The words, from left to right; a byte's letter is never a blank."""
    found: dict[str, None] = {}
    for word in _WORDS:
        letters = [_letter(byte) for byte in word.encode()]
        for end in range(1, len(letters)):
            found[f"{''.join(letters[:end])} {letters[end]}"] = None
    return list(found)


def _letter(byte: int) -> str:
    """As GPT-2's encoder does: what is not seen is moved behind the first 256 characters."""
    seen = [*range(33, 127), *range(161, 173), *range(174, 256)]
    if byte in seen:
        return chr(byte)
    return chr(256 + [b for b in range(256) if b not in seen].index(byte))


def _sentence_pieces() -> list[tuple[bytes, int]]:
    unknown = [(b"<unk>", 2)]
    raw = [(f"<0x{byte:02X}>".encode(), _BYTE) for byte in range(256)]
    whole = dict.fromkeys(
        word[:end].replace(" ", "▁") for word in _WORDS for end in range(2, len(word) + 1)
    )
    letters = [chr(code) for code in range(33, 127)] + ["▁", "\n"]
    return [*unknown, *raw, *((text.encode(), _NORMAL) for text in [*whole, *letters])]
