"""Fill-in-the-middle examples: spans are pieces of the document, layouts are the server's."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
import spans

DOCUMENT = '''"""A module."""

import os


class Store:
    """Keeps things."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.items: dict[str, str] = {}

    def add(self, name: str, value: str) -> str:
        if name in self.items:
            raise KeyError(name)

        self.items[name] = value
        return os.path.join(self.root, name)
'''


class Characters:
    """A tokenizer of single characters, with a dummy space as SentencePiece has."""

    bos, eos, pre, suf, mid, eot = -1, -2, -3, -4, -5, -6

    def encode(self, text: str) -> list[int]:
        return [ord(" "), *map(ord, text)] if text else []

    def encode_infill(self, text: str) -> list[int]:
        return list(map(ord, text))


CODEC = Characters()


def text_of(ids: list[int]) -> str:
    """Characters of a piece of an example."""
    return "".join(map(chr, ids))


@pytest.mark.parametrize("cut", spans.CUTS.values(), ids=spans.CUTS)
def test_spans_lie_in_the_document(cut: Callable[[random.Random, str], tuple[int, int]]) -> None:
    rng = random.Random(0)
    for _ in range(500):
        start, stop = cut(rng, DOCUMENT)
        assert 0 <= start <= stop <= len(DOCUMENT)
        assert stop - start <= max(spans.MIDDLE_LIMIT, 100)


def test_rest_of_line_ends_at_the_line_or_at_closing_text() -> None:
    rng = random.Random(1)
    early = 0
    for _ in range(500):
        start, stop = spans.rest_of_line(rng, DOCUMENT)
        line_start, line_end = spans.line_bounds(DOCUMENT, start)
        middle, rest = DOCUMENT[start:stop], DOCUMENT[stop:line_end]
        assert middle and "\n" not in middle
        assert DOCUMENT[line_start:start].strip() or start == line_start + spans.indent(
            DOCUMENT[line_start:line_end]
        )
        assert set(rest) <= set(spans.CLOSERS)
        early += bool(rest)
    assert 0 < early < 250


def test_inside_line_stays_in_one_line() -> None:
    rng = random.Random(2)
    for _ in range(500):
        start, stop = spans.inside_line(rng, DOCUMENT)
        assert start < stop and "\n" not in DOCUMENT[start:stop]


def test_blocks_end_where_a_line_ends() -> None:
    rng = random.Random(3)
    several = 0
    for _ in range(500):
        start, stop = spans.block(rng, DOCUMENT)
        assert DOCUMENT[start:stop].strip()
        assert not DOCUMENT[stop : spans.line_bounds(DOCUMENT, stop)[1]].strip()
        several += DOCUMENT[start:stop].strip().count("\n") > 0
    assert several > 100


@pytest.mark.parametrize("budget", [96, 200, 2000])
@pytest.mark.parametrize("suffix_first", [True, False])
def test_layouts_hold_one_window_of_the_document(budget: int, suffix_first: bool) -> None:
    rng = random.Random(4)
    made = 0
    for _ in range(300):
        cut, stop = spans.rest_of_line(rng, DOCUMENT)
        example = spans.fim(CODEC, rng, DOCUMENT, (cut, stop), suffix_first, budget)
        if example is None:
            continue
        made += 1
        ids, weights = example.ids, example.weights
        assert len(ids) == len(weights) <= budget
        assert ids[:2] == [CODEC.bos, CODEC.pre] and ids[-1] == CODEC.eot
        suf, mid = ids.index(CODEC.suf), ids.index(CODEC.mid)
        suffix, after = text_of(ids[suf + 1 : mid]), text_of(ids[mid + 1 : -1])
        middle = DOCUMENT[cut:stop]
        if suffix_first:
            assert suf == 2
            window = after.removeprefix(" ")
            assert window.endswith(middle)
            assert after[:1] == " "
        else:
            prefix = text_of(ids[2:suf])
            assert after == middle
            assert not prefix or prefix[0] == " "
            window = prefix.removeprefix(" ") + middle
        assert DOCUMENT[:stop].endswith(window)
        assert DOCUMENT[stop:].startswith(suffix)
        weighed = [i for i, w in zip(ids, weights, strict=True) if w == spans.MIDDLE]
        learnt = text_of(weighed[:-1])
        if suffix_first and after == " " + middle:  # no prefix: the dummy space is the middle's
            learnt = learnt.removeprefix(" ")
        assert learnt == middle and weighed[-1] == CODEC.eot
        marks = (CODEC.bos, CODEC.pre, CODEC.suf, CODEC.mid)
        assert all(w == 0 for i, w in zip(ids, weights, strict=True) if i in marks)
    assert made > 200


def test_a_window_that_fits_is_the_whole_document() -> None:
    rng = random.Random(5)
    for suffix_first in (True, False):
        seen = set()
        for _ in range(60):
            example = spans.fim(CODEC, rng, DOCUMENT, (60, 70), suffix_first, 5000)
            assert example is not None
            seen.add(len(example.ids))
        assert max(seen) == len(DOCUMENT) + 1 + 5


def test_left_to_right_ends_whole_documents_only() -> None:
    rng = random.Random(6)
    whole = spans.left_to_right(CODEC, rng, DOCUMENT, 4000)
    assert whole.ids == [CODEC.bos, *CODEC.encode(DOCUMENT), CODEC.eos]
    cut = spans.left_to_right(CODEC, rng, DOCUMENT * 20, 100)
    assert len(cut.ids) == 100 and cut.ids[-1] != CODEC.eos


def test_rows_are_exact_and_never_cut_an_infilling_example() -> None:
    rng = random.Random(7)
    for _ in range(40):
        row = spans.row(CODEC, rng, lambda _: DOCUMENT, 513)
        assert len(row.ids) == len(row.weights) == 513
        assert row.ids.count(CODEC.pre) == row.ids.count(CODEC.eot) == row.ids.count(CODEC.mid)
        assert row.weights[0] == 0


def test_shares_add_up() -> None:
    assert sum(share for _, share in spans.SPANS) == pytest.approx(1)
    assert {kind for kind, _ in spans.SPANS} == {*spans.CUTS, "left to right"}
