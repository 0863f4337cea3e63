"""Threads that keep to a core, or off one, for a moment."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import pytest

from codellama_lsp.engine import placing
from codellama_lsp.engine.placing import KeptOff, Place

needs_cores = pytest.mark.skipif(
    sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2, reason="needs Linux and two cores"
)


@needs_cores
def test_a_thread_keeps_its_core_and_is_freed() -> None:
    allowed = os.sched_getaffinity(0)
    place = Place(virtual=True)
    place.keep()
    kept = os.sched_getaffinity(0)
    place.keep()  # no matter how often
    place.free()
    assert len(kept) == 1
    assert os.sched_getaffinity(0) == allowed
    place.free()
    assert os.sched_getaffinity(0) == allowed


@needs_cores
def test_a_sleeper_wakes_up_on_another_core() -> None:
    allowed = os.sched_getaffinity(0)
    mine, his = Place(virtual=True), Place(virtual=True)
    wake, seen = threading.Event(), list[set[int]]()

    def sleep() -> None:
        wake.wait()
        seen.append(os.sched_getaffinity(0))
        his.free()
        seen.append(os.sched_getaffinity(0))

    thread = threading.Thread(target=sleep)
    thread.start()
    mine.keep()
    core = os.sched_getaffinity(0)
    assert thread.native_id is not None
    his.avoid(thread.native_id)
    mine.free()
    wake.set()
    thread.join()
    assert seen == [allowed - core, allowed]


@needs_cores
def test_a_thread_keeps_off_whichever_core_was_named_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placing, "in_virtual_machine", lambda: True)
    allowed = sorted(os.sched_getaffinity(0))
    seen = list[set[int]]()

    def work() -> None:
        kept_off = KeptOff()
        for core in (allowed[0], allowed[1], allowed[1], max(allowed) + 1):
            kept_off.keep_off(core)
            seen.append(os.sched_getaffinity(0))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    without = [set(allowed) - {core} for core in allowed[:2]]
    assert seen == [without[0], without[1], without[1], set(allowed)]


@needs_cores
@pytest.mark.parametrize("virtual", [True, False])
def test_only_in_virtual_machines(virtual: bool) -> None:
    allowed = os.sched_getaffinity(0)
    place = Place(virtual=virtual)
    place.keep()
    placed = os.sched_getaffinity(0) != allowed
    place.free()
    assert placed is virtual


@needs_cores
def test_a_thread_stays_as_long_as_anybody_wants(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placing._here, "place", Place(virtual=True))
    allowed = os.sched_getaffinity(0)
    one, other = object(), object()
    placing.stay(one)
    placing.stay(other)
    placing.leave(one)
    placing.leave(one)
    assert len(os.sched_getaffinity(0)) == 1
    placing.leave(other)
    assert os.sched_getaffinity(0) == allowed


@needs_cores
def test_a_system_that_does_not_say_where(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placing, "_core_getter", lambda: lambda: -1)
    allowed = os.sched_getaffinity(0)
    place = Place(virtual=True)
    place.keep()
    place.avoid(threading.get_native_id())
    place.free()
    assert os.sched_getaffinity(0) == allowed


@pytest.mark.parametrize(
    ("text", "virtual"),
    [
        ("processor: 0\nflags\t\t: fpu vme hypervisor avx\nflags\t\t: fpu\n", True),
        ("processor: 0\nflags\t\t: fpu vme avx\nmodel name: hypervisor\n", False),
        ("Features\t: fp asimd\n", False),
        (None, False),
    ],
)
def test_what_tells(
    text: str | None, virtual: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "cpuinfo"
    if text is not None:
        info.write_text(text)
    monkeypatch.setattr(placing, "_CPU_INFO", info)
    placing.in_virtual_machine.cache_clear()
    try:
        assert placing.in_virtual_machine() is virtual
    finally:
        placing.in_virtual_machine.cache_clear()
