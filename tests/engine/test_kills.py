"""The engine is killed under load from several clients: `scripts/kill_engine.py` in short."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.engine


async def test_killed_under_load(embedded_path: Path) -> None:
    path = Path(__file__).parents[2] / "scripts" / "kill_engine.py"
    found = importlib.util.spec_from_file_location("kill_engine", path)
    assert found is not None and found.loader is not None
    script = importlib.util.module_from_spec(found)
    sys.modules["kill_engine"] = script
    found.loader.exec_module(script)
    tally = await script.kill_again_and_again(
        embedded_path, rounds=2, clients=3, pause_s=0.3, places=120, wanted=8
    )
    assert tally.good, tally
    assert tally.kills == 2
    assert tally.asked >= 6
