"""Where small windows are, and that they stay there while someone types."""

from __future__ import annotations

import attrs

from codellama_lsp.engine.protocol import GenerateRequest, Segment
from codellama_lsp.engine.worker.growing import SmallWindows

BEFORE = "".join(f"line number {i}\n" for i in range(100))
AFTER = "".join(f"\nafter {i}" for i in range(100))


def request(prefix: str, suffix: str = AFTER) -> GenerateRequest:
    return GenerateRequest("doc", Segment("p", len(prefix), prefix), Segment("s", 1, suffix))


def test_small_windows_are_whole_lines_around_the_cursor() -> None:
    small = SmallWindows().shrink(request(BEFORE + "typ"), 200)
    assert BEFORE.endswith(small.prefix.text.removesuffix("typ"))
    assert small.prefix.text.startswith("line number")
    assert 0 < len(small.prefix.text) <= 160
    assert AFTER.startswith(small.suffix.text)
    assert 0 < len(small.suffix.text) <= 60


def test_typing_appends() -> None:
    windows = SmallWindows()
    before = windows.shrink(request(BEFORE + "t"), 200)
    after = windows.shrink(request(BEFORE + "typed"), 200)
    assert after.prefix.text == before.prefix.text + "yped"
    assert after.suffix.text == before.suffix.text


def test_they_move_when_the_suffix_does_or_when_they_outgrow_their_budget() -> None:
    windows = SmallWindows()
    first = windows.shrink(request(BEFORE), 200)
    assert windows.shrink(request(BEFORE, "\nnew"), 200).suffix.text == "\nnew"
    grown = windows.shrink(request(BEFORE + "x = 1\n" * 60), 200)
    assert len(grown.prefix.text) <= 200
    assert not grown.prefix.text.startswith(first.prefix.text)


def test_a_line_without_end_is_cut_anywhere() -> None:
    small = SmallWindows().shrink(request("x" * 5000, "y" * 5000), 200)
    assert small.prefix.text == "x" * 150
    assert small.suffix.text == "y" * 50


def test_context_is_left_for_later() -> None:
    made = attrs.evolve(request(BEFORE), context=(Segment("c", 1, "# other file\n"),))
    assert SmallWindows().shrink(made, 200).context == ()


def test_a_machine_that_slows_down_moves_no_window() -> None:
    windows = SmallWindows()
    before = windows.shrink(request(BEFORE), 400)
    after = windows.shrink(request(BEFORE), 40)
    assert (before.prefix.text, before.suffix.text) == (after.prefix.text, after.suffix.text)


def test_they_are_in_use_until_the_full_ones_take_over() -> None:
    windows = SmallWindows()
    assert not windows.in_use(request(BEFORE))
    windows.shrink(request(BEFORE), 200)
    assert windows.in_use(request(BEFORE + "typed"))
    assert not windows.in_use(request(BEFORE, "\nelsewhere"))
    windows.forget(request(BEFORE).document)
    assert not windows.in_use(request(BEFORE))
