"""What stays in a prompt that has room for so many tokens."""

from __future__ import annotations

import pytest

from codellama_lsp.prompt.budget import fit
from codellama_lsp.prompt.fitting import fitting
from codellama_lsp.prompt.layout import PromptParts

#: lengths of texts, room, which of them stay
FITTING = [
    ([], 0, []),
    ([10, 20], 30, [0, 1]),
    ([10, 20, 30], 59, [1, 2]),  # the smallest that is enough
    ([10, 20, 30], 45, [0, 2]),
    ([10, 20, 10], 35, [0, 1]),  # the later one of equals
    ([10, 20, 30], 25, [1]),  # the largest, and then the smallest that is enough
    ([10, 20, 30], 3, []),
    ([10], -5, []),
]


@pytest.mark.parametrize(("counts", "most", "kept"), FITTING)
def test_as_little_as_possible_is_left_out(counts: list[int], most: int, kept: list[int]) -> None:
    assert fitting(counts, most) == kept


@pytest.mark.parametrize("room", [16, 40, 100, 500, 1000])
@pytest.mark.parametrize("suffix", [0, 30, 400])
def test_windows_are_cut_in_steps(room: int, suffix: int) -> None:
    starts, ends = set(), set()
    for prefix in range(300, 700):
        parts = fit(PromptParts(range(5), range(prefix), range(suffix)), room)
        assert len(parts.prefix) + len(parts.suffix) + 5 <= room
        assert parts.context == range(5)
        if parts.prefix:
            assert parts.prefix[-1] == prefix - 1  # what is at the cursor stays
            starts.add(parts.prefix[0])
        ends.add(len(parts.suffix))
    step = max(1, room // 8)
    assert len(starts) <= 400 // step + 2 and len(ends) <= suffix // step + 2


def test_no_room_is_an_error() -> None:
    with pytest.raises(ValueError, match="no room"):
        fit(PromptParts((), (), ()), 0)
