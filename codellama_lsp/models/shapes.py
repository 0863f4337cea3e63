"""GGUFs with a model's shape and random weights: for measuring speed where no model is at hand.

Written tensor by tensor, so that a 13B shape never stands in memory. Needs the `gguf` package and
numpy; must not load a model, and knows nothing of Llama's own vocabulary.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs

from codellama_lsp import dirs
from codellama_lsp.models.catalogue import resolve_model
from codellama_lsp.models.vocabulary import (
    ShapeError,
    Vocabulary,
    gguf_package,
    padded,
    read_vocabulary,
)

#: Code Llama's: 32,000 pieces of Llama 2 and 16 of its own.
VOCABULARY_SIZE = 32016
TRAINED_TOKENS = 16384
ROPE_BASE = 1e6
_NORM_EPSILON = 1e-5
#: Goes up when the same shape and vocabulary would make another file.
_FORMAT = 1
_KEPT_FREE_BYTES = 512 * 2**20


@attrs.frozen
class Shape:
    """What decides the cost of a token."""

    width: int
    layers: int
    heads: int
    """As many for keys and values."""
    feed_forward: int


SHAPES = {
    "nano": Shape(256, 4, 4, 704),
    "1b": Shape(2048, 22, 16, 5632),
    "7b": Shape(4096, 32, 32, 11008),
    "13b": Shape(5120, 40, 40, 13824),
}


@attrs.frozen
class Quantization:
    """A block format: `weights` numbers in `size_bytes`."""

    name: str
    weights: int
    size_bytes: int


QUANTIZATIONS = {
    "q4_0": Quantization("Q4_0", 32, 18),
    "q8_0": Quantization("Q8_0", 32, 34),
    "q4_k": Quantization("Q4_K", 256, 144),
}


def shape_path(name: str, quantization: str, vocabulary: Vocabulary, trained_tokens: int) -> Path:
    """Where the file of a shape lies in the user's cache directory."""
    length = "" if trained_tokens == TRAINED_TOKENS else f"-{trained_tokens}"
    file = f"{name}-{quantization}{length}-v{_FORMAT}-{vocabulary.digest}.gguf"
    return dirs.cache_dir() / "shapes" / file


def ensure_shape(
    name: str,
    *,
    quantization: str = "q4_0",
    trained_tokens: int = TRAINED_TOKENS,
    report: Callable[[float], None] = lambda share: None,
) -> Path:
    """The file of a shape, made now if it is not there yet; `report` gets the share done.

    Raises `ShapeError` where the disk is too full or a package is missing.
    """
    vocabulary = padded(read_vocabulary(resolve_model(None).path), VOCABULARY_SIZE)
    path = shape_path(name, quantization, vocabulary, trained_tokens)
    if path.is_file():
        return path
    dirs.make_private(dirs.cache_dir())
    path.parent.mkdir(exist_ok=True)
    wanted = size_bytes(SHAPES[name], quantization)
    free = shutil.disk_usage(path.parent).free
    if free < wanted + _KEPT_FREE_BYTES:
        raise ShapeError(
            f"the {name} shape needs {wanted / 1e9:.1f} GB in {path.parent}, "
            f"and {free / 1e9:.1f} GB are free there",
            f"Make room, or set {dirs.STATE_VARIABLE} to a directory on another disk.",
        )
    partial = path.with_suffix(f".partial-{os.getpid()}")
    try:
        write_shape(
            partial,
            name=f"random weights, {name} shape",
            shape=SHAPES[name],
            vocabulary=vocabulary,
            quantization=quantization,
            trained_tokens=trained_tokens,
            report=report,
        )
        partial.replace(path)
    except OSError as error:
        raise ShapeError(f"{path} could not be written ({error.strerror})") from error
    finally:
        partial.unlink(missing_ok=True)
    return path


def size_bytes(shape: Shape, quantization: str) -> int:
    """About what a shape's file takes on disk."""
    weights = sum(_bytes_of(rows, width, quantization) for _, rows, width in _matrices(shape))
    return weights + 2**20


def write_shape(
    path: Path,
    *,
    name: str,
    shape: Shape,
    vocabulary: Vocabulary,
    quantization: str,
    trained_tokens: int = TRAINED_TOKENS,
    seed: int = 0,
    report: Callable[[float], None] = lambda share: None,
) -> None:
    """Write a GGUF of random weights; the same arguments give the same file."""
    import numpy as np

    gguf = gguf_package()
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name(name)
    _add_shape(writer, shape, len(vocabulary.tokens), trained_tokens)
    _add_vocabulary(writer, vocabulary)
    norms = [f"blk.{i}.{kind}_norm.weight" for i in range(shape.layers) for kind in ("attn", "ffn")]
    norms.append("output_norm.weight")
    for norm in norms:
        writer.add_tensor_info(norm, (shape.width,), np.dtype(np.float32), 4 * shape.width)
    matrices = list(_matrices(shape, len(vocabulary.tokens)))
    for tensor, rows, width in matrices:
        block = _block(width, quantization)
        row_bytes = width // block.weights * block.size_bytes
        writer.add_tensor_info(
            tensor,
            (rows, row_bytes),
            np.dtype(np.uint8),
            rows * row_bytes,
            raw_dtype=gguf.GGMLQuantizationType[block.name],
        )
    rng = np.random.default_rng(seed)
    try:
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        for _ in norms:
            writer.write_tensor_data(np.ones(shape.width, dtype=np.float32))
        total = sum(rows * width for _, rows, width in matrices)
        done = 0
        for _, rows, width in matrices:
            writer.write_tensor_data(_random_blocks(rng, rows, width, _block(width, quantization)))
            done += rows * width
            report(done / total)
    finally:
        writer.close()


def _matrices(shape: Shape, pieces: int = VOCABULARY_SIZE) -> Iterator[tuple[str, int, int]]:
    """Name, rows (outputs) and width (inputs) of every quantized tensor."""
    width, wide = shape.width, shape.feed_forward
    yield "token_embd.weight", pieces, width
    for layer in range(shape.layers):
        for kind in ("attn_q", "attn_k", "attn_v", "attn_output"):
            yield f"blk.{layer}.{kind}.weight", width, width
        yield f"blk.{layer}.ffn_gate.weight", wide, width
        yield f"blk.{layer}.ffn_up.weight", wide, width
        yield f"blk.{layer}.ffn_down.weight", width, wide
    yield "output.weight", pieces, width


def _block(width: int, quantization: str) -> Quantization:
    block = QUANTIZATIONS[quantization]
    # As llama.cpp's own quantizer does where a row is no whole number of blocks.
    return block if width % block.weights == 0 else QUANTIZATIONS["q8_0"]


def _bytes_of(rows: int, width: int, quantization: str) -> int:
    block = _block(width, quantization)
    return rows * width // block.weights * block.size_bytes


def _random_blocks(rng: Any, rows: int, width: int, block: Quantization) -> Any:
    """Blocks of weights with mean 0 and deviation 1/sqrt(width), shape [rows, bytes of a row]."""
    import numpy as np

    count = rows * width // block.weights
    raw = np.frombuffer(rng.bytes(count * block.size_bytes), dtype=np.uint8)
    raw = raw.reshape(count, block.size_bytes).copy()
    deviation = width**-0.5
    if block.name == "Q8_0":
        scales = [deviation / 73.9]  # of a byte, -128 to 127
    elif block.name == "Q4_0":
        scales = [deviation / 4.61]  # of half a byte, -8 to 7
    else:
        scale = deviation / 170.0  # half a byte times six bits, the mean taken off
        scales = [scale, scale * 7.5]
    head = np.array(scales, dtype=np.float16).view(np.uint8)
    raw[:, : len(head)] = head
    return raw.reshape(rows, -1)


def _add_shape(writer: Any, shape: Shape, pieces: int, trained_tokens: int) -> None:
    writer.add_context_length(trained_tokens)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.feed_forward)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.heads)
    writer.add_rope_dimension_count(shape.width // shape.heads)
    writer.add_rope_freq_base(ROPE_BASE)
    writer.add_layer_norm_rms_eps(_NORM_EPSILON)
    writer.add_vocab_size(pieces)


def _add_vocabulary(writer: Any, vocabulary: Vocabulary) -> None:
    writer.add_tokenizer_model("llama")
    writer.add_token_list(vocabulary.tokens)
    writer.add_token_scores(vocabulary.scores)
    writer.add_token_types(vocabulary.types)
    for key, value in vocabulary.ids.items():
        writer.add_uint32(key, value)
    for key, flag in vocabulary.flags.items():
        writer.add_bool(key, flag)
