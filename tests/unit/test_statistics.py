"""Scores, positions and their uncertainty."""

from __future__ import annotations

from pathlib import Path

import pytest

from codellama_lsp.evaluation.positions import SourceFile, draw, source_files
from codellama_lsp.evaluation.rest_of_line import COPIER, rows
from codellama_lsp.evaluation.statistics import bootstrap_interval, share_before_first_error

TEXT = "def total(values):\n    return sum(values)\n\n\nprint(total([1, 2]))  \n"
FILE = SourceFile(Path("a.py"), "python", TEXT)


@pytest.mark.parametrize(
    ("answer", "truth", "share"),
    [("abc", "abc", 1), ("abx", "abc", 2 / 3), ("", "abc", 0), ("abcdef", "abc", 1), ("x", "a", 0)],
)
def test_share_before_first_error(answer: str, truth: str, share: float) -> None:
    assert share_before_first_error(answer, truth) == pytest.approx(share)


def test_an_interval_holds_the_mean_and_narrows_with_n() -> None:
    few, many = [0.0, 1.0] * 10, [0.0, 1.0] * 1000
    low, high = bootstrap_interval(few)
    assert low < 0.5 < high
    narrow_low, narrow_high = bootstrap_interval(many)
    assert narrow_high - narrow_low < high - low
    assert bootstrap_interval([]) == (0.0, 0.0)


def test_positions_are_where_they_say() -> None:
    positions = draw([FILE], 200, seed=1)
    assert draw([FILE], 200, seed=1) == positions
    assert draw([FILE], 200, seed=2) != positions
    for position in positions:
        assert position.rest.strip() == position.rest.rstrip() or position.rest.startswith(" ")
        assert position.rest
        tail = TEXT[position.offset :].split("\n", 1)[0]
        assert tail.rstrip() == position.rest
        assert position.prefix + tail + position.suffix == TEXT
        around = TEXT[position.offset - 1 : position.offset + 1]
        is_word = position.offset > 0 and all(c.isalnum() or c == "_" for c in around)
        assert position.inside_word == is_word


def test_nothing_to_draw_from_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        source_files([tmp_path / "missing"])
    (tmp_path / "notes.txt").write_text("no code")
    with pytest.raises(ValueError, match="no source files"):
        source_files([tmp_path])


def test_rows_compare_by_position() -> None:
    positions = draw([FILE], 40, seed=3)
    truth = [position.rest for position in positions]
    table = rows(positions, {"right": truth, "wrong": ["?"] * 40, COPIER: ["?"] * 40})
    by = {(row.what, row.where): row for row in table}
    assert by["right", "all"].exact == 1
    assert by["right", "all"].ahead_of_copier == 1
    assert by["wrong", "all"].before_first_error == 0
    assert by["right", "inside"].n + by["right", "boundary"].n == 40
