"""Whose tokens make room in the cache. The context behind it is a stand-in."""

from __future__ import annotations

from typing import cast

import numpy as np

from codellama_lsp.engine.worker.cache import KvCache
from codellama_lsp.engine.worker.context import Context


class NoContext:
    def __init__(self, cells: int) -> None:
        self.cells = cells

    def copy(self, source: int, target: int, end: int) -> None: ...

    def forget(self, sequence: int, start: int) -> None: ...


def make(sequences: int, cells: int) -> KvCache:
    return KvCache(cast(Context, NoContext(cells)), sequences)


def visit(cache: KvCache, document: str, spot: int, tokens: int = 100) -> int:
    """How many tokens of a spot's prompt were there already; all of them afterwards."""
    first = sum(map(ord, document)) * 1000 + spot * 200
    prompt = np.arange(first, first + tokens, dtype=np.int32)
    resident, reused = cache.take(prompt, tokens + 10, document)
    cache.extend(resident, prompt[reused:].tolist())
    return reused


def test_a_spot_stays_while_others_are_visited() -> None:
    cache = make(sequences=4, cells=10_000)
    for document in "abc":
        assert visit(cache, document, 0) == 0
    for document in "abc":
        assert visit(cache, document, 0) == 100


def test_jumping_about_in_one_file_keeps_the_others() -> None:
    cache = make(sequences=4, cells=10_000)
    visit(cache, "a", 0)
    visit(cache, "b", 0)
    for spot in range(10):
        visit(cache, "c", spot)
    assert visit(cache, "a", 0) == 100
    assert visit(cache, "b", 0) == 100


def test_the_same_when_cells_run_out() -> None:
    cache = make(sequences=16, cells=450)
    visit(cache, "a", 0)
    for spot in range(10):
        visit(cache, "b", spot)
    assert visit(cache, "a", 0) == 100


def test_the_oldest_document_goes_first() -> None:
    cache = make(sequences=2, cells=10_000)
    for document in "abc":
        visit(cache, document, 0)
    assert visit(cache, "b", 0) == 100
    assert visit(cache, "a", 0) == 0
