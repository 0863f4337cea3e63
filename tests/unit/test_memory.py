"""What a model needs is compared with what is free, and the nearest choice is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from codellama_lsp.engine.protocol import EngineStartError
from codellama_lsp.engine.worker.memory import cells_for, check_cache, check_weights, shape_of

GIB = 2**30
SEVEN_B = {
    "general.architecture": "llama",
    "llama.block_count": "32",
    "llama.attention.head_count": "32",
    "llama.embedding_length": "4096",
}


def test_the_7b_takes_half_a_mebibyte_a_token() -> None:
    shape = shape_of(SEVEN_B)
    assert shape is not None
    assert shape.bytes_per_token == 512 * 1024


def test_grouped_queries_take_less() -> None:
    shape = shape_of({**SEVEN_B, "llama.attention.head_count_kv": "8"})
    assert shape is not None
    assert shape.bytes_per_token == 128 * 1024


def test_unknown_shapes_are_not_judged() -> None:
    assert shape_of({"general.architecture": "other"}) is None
    check_cache(None, 10**9, GIB)
    check_cache(shape_of(SEVEN_B), 10**9, None)


def test_too_large_a_cache_names_what_fits() -> None:
    with pytest.raises(EngineStartError, match="16384") as caught:
        check_cache(shape_of(SEVEN_B), 16384, 3 * GIB)
    fits = int(caught.value.remedy.split("context_tokens to ")[1].split()[0])
    check_cache(shape_of(SEVEN_B), fits, 3 * GIB)
    assert 4096 < fits < 6144
    assert "q8_0" not in caught.value.remedy
    with pytest.raises(EngineStartError, match="q8_0"):
        check_cache(shape_of(SEVEN_B), 8192, 3 * GIB)
    check_cache(shape_of(SEVEN_B, "q8_0"), 8192, 3 * GIB)


def test_too_large_weights(tmp_path: Path) -> None:
    path = tmp_path / "big.gguf"
    with path.open("wb") as file:
        file.truncate(2 * GIB)
    with pytest.raises(EngineStartError, match=r"2\.0 GiB"):
        check_weights(path, GIB)
    small, smaller = tmp_path / "small.gguf", tmp_path / "smaller.gguf"
    for other, size in ((small, GIB // 2), (smaller, GIB // 4)):
        with other.open("wb") as file:
            file.truncate(size)
    with pytest.raises(EngineStartError, match=r"small\.gguf \(0\.5 GiB\) is here and fits"):
        check_weights(path, GIB, [smaller, small, tmp_path / "gone.gguf", path])
    check_weights(path, 4 * GIB)


def test_cells_follow_the_free_memory() -> None:
    shape = shape_of(SEVEN_B)
    assert cells_for(shape, 16384, 64 * GIB) == 8192
    assert cells_for(shape, 16384, 12 * GIB) == 6144
    assert cells_for(shape, 16384, 2 * GIB) == 2048
    assert cells_for(None, 1024, None) == 4096
