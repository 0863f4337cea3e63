"""How many cells of other prompts may stay beside the one that is decoded."""

from __future__ import annotations

from codellama_lsp.engine.worker.memory import KV_TYPES, Shape
from codellama_lsp.engine.worker.speed import comfortable_cells

_7B = Shape(layers=32, heads=32, kv_heads=32, key_length=128, value_length=128)
_Q8 = Shape(32, 32, 32, 128, 128, KV_TYPES["q8_0"])
_TOKEN_S = 0.12


def cells(shape: Shape, threads: int) -> int:
    found = comfortable_cells(shape, threads, _TOKEN_S)
    assert found is not None
    return found


def test_one_thread_pays_only_for_skipping() -> None:
    assert cells(_7B, 1) == int(0.03 * _TOKEN_S / (32 * 32 * 1.1e-9))


def test_several_threads_pay_for_an_uneven_share() -> None:
    assert cells(_7B, 2) == cells(_7B, 8) == 0


def test_quantized_cells_are_not_shared_out_among_threads() -> None:
    assert cells(_Q8, 2) > 1000


def test_nothing_is_known_without_a_shape() -> None:
    assert comfortable_cells(None, 2, _TOKEN_S) is None
