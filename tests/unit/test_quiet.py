"""When a machine should be left in peace."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from codellama_lsp.engine.backend import CancelFlag
from codellama_lsp.engine.quiet import Machine, cpu_seconds, on_battery, saves_power
from codellama_lsp.engine.wishes import Background, Wishes, from_json, least, to_json


def supply(root: Path, name: str, **facts: str) -> None:
    (root / name).mkdir(parents=True)
    for key, value in facts.items():
        (root / name / key).write_text(value + "\n")


BATTERY = {"type": "Battery", "status": "Discharging"}


@pytest.mark.parametrize(
    ("supplies", "expected"),
    [
        ({}, False),
        ({"BAT0": BATTERY}, True),
        ({"BAT0": BATTERY, "AC": {"type": "Mains", "online": "0"}}, True),
        ({"BAT0": BATTERY, "AC": {"type": "Mains", "online": "1"}}, False),
        ({"BAT0": {"type": "Battery", "status": "Charging"}}, False),
        ({"mouse": {**BATTERY, "scope": "Device"}}, False),
        ({"odd": {}}, False),
    ],
)
def test_battery(tmp_path: Path, supplies: dict[str, dict[str, str]], expected: bool) -> None:
    for name, facts in supplies.items():
        supply(tmp_path, name, **facts)
    assert on_battery(tmp_path) is expected
    assert on_battery(tmp_path / "missing") is False


@pytest.mark.parametrize(("load", "expected"), [(0.0, Background.FULL), (100.0, Background.LIGHT)])
def test_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, load: float, expected: Background
) -> None:
    monkeypatch.setattr(os, "getloadavg", lambda: (load, load, load))
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    assert Machine(tmp_path).level() is expected
    supply(tmp_path, "BAT0", **BATTERY)
    assert Machine(tmp_path).level() is Background.OFF


def test_our_own_work_is_no_load_from_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(os, "getloadavg", lambda: (3.9, 0.0, 0.0))
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    machine = Machine(tmp_path, lambda: now[0], own_cpu_s=lambda: now[0] * 3.9)
    assert machine.level() is Background.LIGHT  # nothing known of ourselves yet
    for _ in range(60):
        now[0] += 6.0
        level = machine.level()
    assert level is Background.FULL


def test_a_set_flag_ends_a_rest() -> None:
    flag = CancelFlag()
    flag.share = 1e-9
    flag.set()
    flag.rest(3600.0)


def test_wishes_travel() -> None:
    wishes = Wishes(3.0, 60.0, Background.LIGHT)
    assert from_json(to_json(wishes)) == wishes
    for odd in (None, [], {"linger_s": float("nan"), "background": "loud"}, {"linger_s": True}):
        assert from_json(odd) == Wishes()
    assert least(Background.FULL, Background.OFF, Background.LIGHT) is Background.OFF


@pytest.mark.parametrize(
    ("profile", "expected"),
    [("low-power", True), ("quiet", True), ("balanced", False), ("performance", False)],
)
def test_power_profile(tmp_path: Path, profile: str, expected: bool) -> None:
    path = tmp_path / "platform_profile"
    assert saves_power(path) is False
    path.write_text(profile + "\n")
    assert saves_power(path) is expected


def test_processor_time_of_a_process() -> None:
    assert cpu_seconds(None) == 0.0
    assert cpu_seconds(2**30) == 0.0
    if Path("/proc/self/stat").exists():
        assert cpu_seconds(os.getpid()) > 0.0
