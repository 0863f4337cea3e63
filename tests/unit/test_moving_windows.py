"""Windows that have outgrown their budget move once that has been read: no keystroke waits."""

from __future__ import annotations

import itertools

import pytest

from codellama_lsp.context.windows import WindowBudget, Windows, WindowTracker

BUDGET = WindowBudget(400, 200)
BELOW = "\n\nprint(total)\n" * 40


def text_of(lines: int) -> str:
    return "".join(f"\nvalue_{number} = compute({number})\n" for number in range(lines))


def typed(tracker: WindowTracker, above: str, new: str) -> list[Windows]:
    """The windows after each character of `new`, typed behind `above`."""
    found = []
    for end in range(len(new) + 1):
        text = above + new[:end]
        found.append(tracker.windows(text + BELOW, len(text), BUDGET))
    return found


def outgrow(tracker: WindowTracker, above: str) -> str:
    """Type until the window should move; what was typed."""
    for count in itertools.count():
        new = "x" * count
        text = above + new
        tracker.windows(text + BELOW, len(text), BUDGET)
        if tracker.outgrown(suffix_first=True):
            return new
    raise AssertionError


def test_nothing_moves_by_itself_for_a_while() -> None:
    tracker, above = WindowTracker("d"), text_of(60)
    new = outgrow(tracker, above)
    first, *later = typed(tracker, above + new, "y" * 30)
    assert tracker.outgrown(suffix_first=True)
    assert all(w.prefix.text.startswith(first.prefix.text[:100]) for w in later)
    assert {w.suffix.version for w in later} == {first.suffix.version}


def test_nothing_moves_where_nothing_is_typed() -> None:
    # A document whose text takes more tokens than usual: its budget shrinks once that is known.
    tracker, above = WindowTracker("d"), text_of(60)
    first = tracker.windows(above + BELOW, len(above), BUDGET)
    dense = BUDGET.scaled(0.76)
    assert tracker.windows(above + BELOW, len(above), dense).prefix == first.prefix
    assert len(first.prefix.text) > dense.prefix_chars
    assert not tracker.outgrown(suffix_first=True)
    assert not tracker.outgrown(suffix_first=False)


def test_it_moves_where_it_said() -> None:
    tracker, above = WindowTracker("d"), text_of(60)
    new = outgrow(tracker, above)
    said = tracker.moved()
    assert said is not None
    [before] = typed(tracker, above + new, "")
    assert len(said.prefix.text) < len(before.prefix.text)
    assert before.prefix.text.endswith(said.prefix.text)
    assert said.prefix.key != before.prefix.key
    tracker.move()
    *_, after = typed(tracker, above + new, "yz")
    assert after.prefix.text == said.prefix.text + "yz"
    assert after.suffix.version == said.suffix.version
    assert after.typed_chars == 2
    assert not tracker.outgrown(suffix_first=True)


def test_what_was_typed_meanwhile_is_read_again_from_the_same_start() -> None:
    tracker, above = WindowTracker("d"), text_of(60)
    new = outgrow(tracker, above)
    first = tracker.moved()
    typed(tracker, above + new, "abc")
    second = tracker.moved()
    assert first is not None
    assert second is not None
    assert second.prefix.text == first.prefix.text + "abc"
    assert second.prefix.version != first.prefix.version
    assert tracker.moved() == second


@pytest.mark.parametrize("where", [0, 300])
def test_a_cursor_that_goes_elsewhere_is_not_moved(where: int) -> None:
    tracker, above = WindowTracker("d"), text_of(60)
    new = outgrow(tracker, above)
    assert tracker.moved() is not None
    tracker.move()
    text = above + new + BELOW
    there = tracker.windows(text, where, BUDGET)
    assert text[:where].endswith(there.prefix.text)
    assert tracker.moved() is None or not tracker.outgrown(suffix_first=True)
    back = tracker.windows(text, len(above), BUDGET)
    assert text[: len(above)].endswith(back.prefix.text)


def test_an_edit_above_drops_it() -> None:
    tracker, above = WindowTracker("d"), text_of(60)
    new = outgrow(tracker, above)
    assert tracker.moved() is not None
    tracker.move()
    text = "import os\n" + above + new
    after = tracker.windows(text + BELOW, len(text), BUDGET)
    assert text.endswith(after.prefix.text)


def test_prefix_first_moves_for_what_was_typed() -> None:
    tracker = WindowTracker("d")
    above = "\nx = 1\n"
    typed(tracker, above, "y" * 100)
    assert not tracker.outgrown(suffix_first=True)
    assert tracker.outgrown(suffix_first=False)
    said = tracker.moved()
    assert said is not None
    assert said.typed_chars == 0
    tracker.move()
    *_, after = typed(tracker, above + "y" * 100, "z")
    assert after.typed_chars == 1
    assert after.prefix.text == above + "y" * 100 + "z"


def test_a_scaled_budget() -> None:
    assert BUDGET.scaled(0.5) == WindowBudget(200, 100)
