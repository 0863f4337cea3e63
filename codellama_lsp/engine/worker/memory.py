"""Whether a model and its KV cache fit the memory that is free, before anything is loaded."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import attrs

from codellama_lsp.engine.protocol import EngineStartError

#: Left to everything else on the machine.
_RESERVE_BYTES = 512 * 2**20
_MOST_PARKED_BYTES = 2 * 2**30
_LEAST_CELLS, _MOST_CELLS = 2048, 8192


@attrs.frozen
class KvType:
    """How keys and values are kept: llama.cpp's number of the type, and bytes of one value."""

    code: int
    value_bytes: float


#: By llama.cpp's names. Quantized ones need flash attention.
KV_TYPES = {
    "f16": KvType(1, 2.0),
    "q8_0": KvType(8, 34 / 32),
    "q5_1": KvType(7, 24 / 32),
    "q4_0": KvType(2, 18 / 32),
}


@attrs.frozen
class Shape:
    """What decides the size of a KV cache; from a GGUF's metadata."""

    layers: int
    heads: int
    kv_heads: int
    key_length: int
    value_length: int
    kv_type: KvType = KV_TYPES["f16"]

    @property
    def bytes_per_token(self) -> int:
        """KV cache of one token."""
        values = self.layers * self.kv_heads * (self.key_length + self.value_length)
        return int(values * self.kv_type.value_bytes)


def shape_of(metadata: Mapping[str, str], kv_type: str = "f16") -> Shape | None:
    """The shape of a model with one kind of layer; None where its metadata don't tell."""
    prefix = metadata.get("general.architecture", "llama")

    def number(key: str, default: int | None = None) -> int:
        text = metadata.get(f"{prefix}.{key}")
        if text is None and default is not None:
            return default
        return int(text or "")

    try:
        heads = number("attention.head_count")
        size = number("embedding_length") // heads
        return Shape(
            layers=number("block_count"),
            heads=heads,
            kv_heads=number("attention.head_count_kv", heads),
            key_length=number("attention.key_length", size),
            value_length=number("attention.value_length", size),
            kv_type=KV_TYPES[kv_type],
        )
    except (ValueError, ZeroDivisionError):
        return None


def available_bytes() -> int | None:
    """Memory that can be taken without swapping; None where the system doesn't tell."""
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    except (AttributeError, OSError, ValueError):
        return None


def cells_for(shape: Shape | None, trained_tokens: int, free: int | None) -> int:
    """KV cells to take where nobody said: at most a quarter of `free`, and 2,048 at least."""
    most = min(max(trained_tokens, _LEAST_CELLS) * 2, _MOST_CELLS)
    if shape is None or free is None:
        return most
    share = free // 4 // shape.bytes_per_token // 256 * 256
    return min(most, max(share, _LEAST_CELLS))


def check_weights(path: Path, free: int | None, others: Iterable[Path] = ()) -> None:
    """Raise `EngineStartError` where the weights alone do not fit `free` bytes of memory.

    The largest of `others` (model files) that does fit is named.
    """
    if free is None:
        return
    size, room = path.stat().st_size, free - _RESERVE_BYTES // 4
    if size <= room:
        return
    fitting = [(_size(other), other) for other in others if 0 < _size(other) <= room]
    if fitting:
        of_best, best = max(fitting)
        remedy = f"{best.name} ({_gb(of_best)}) is here and fits; or close other programs."
    else:
        remedy = "Choose a smaller model or quantization, or close other programs."
    raise EngineStartError(
        f"{path.name} needs {_gb(size)} of memory and {_gb(free)} are free", remedy
    )


def check_cache(shape: Shape | None, cells: int, free: int | None) -> None:
    """Raise `EngineStartError`, naming the most that fits, where `cells` KV cells do not."""
    if shape is None or free is None:
        return
    room = max(free - _RESERVE_BYTES // 4, 0)
    if cells * shape.bytes_per_token <= room:
        return
    fits = room // shape.bytes_per_token // 256 * 256
    remedy = f"Set engine_context_tokens to {fits} or less" if fits else "Choose a smaller model"
    smaller = attrs.evolve(shape, kv_type=KV_TYPES["q8_0"])
    if smaller.bytes_per_token < shape.bytes_per_token and (
        cells * smaller.bytes_per_token <= room
    ):
        remedy += ', or engine_kv_type to "q8_0", with which all of it fits'
    wanted = f"a context of {cells} tokens needs {_gb(cells * shape.bytes_per_token)}"
    raise EngineStartError(
        f"{wanted} of memory for its KV cache and {_gb(free)} are free", f"{remedy}."
    )


def parking_bytes(megabytes: int | None, free: int | None) -> int:
    """Memory for parked documents, where the user said so or by what is free."""
    if megabytes is not None:
        return megabytes * 2**20
    return min((free or 0) // 8, _MOST_PARKED_BYTES)


def _gb(size: int) -> str:
    return f"{size / 2**30:.1f} GiB"


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
