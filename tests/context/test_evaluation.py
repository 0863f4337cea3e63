"""Places drawn from packages, recall without a model, and the commands."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from codellama_lsp.engine.local import LocalEngine
from codellama_lsp.engine.scripted import ScriptedBackend
from codellama_lsp.evaluation.lift import Bench, collect, lift_rows
from codellama_lsp.evaluation.recall import BUDGETS, recall_rows
from codellama_lsp.evaluation.references import (
    NEAR_AFTER_CHARS,
    NEAR_BEFORE_CHARS,
    draw_places,
    library_of,
)
from tests.unit.conftest import OneEngine

FILLER = "\n".join(f"def local_{i}(value):\n    return value + {i}\n\n" for i in range(90))


@pytest.fixture
def package(tmp_path: Path) -> Path:
    root = tmp_path / "package"
    root.mkdir()
    (root / "shapes.py").write_text(
        "LARGEST_SHAPE = 9\n\n\ndef scale_shape(shape, by):\n    return shape\n\n\n"
        "class ShapeSorter:\n    def sorted_shapes(self): ...\n"
    )
    uses = "def f(shape):\n    x = scale_shape(shape, 2)\n    return LARGEST_SHAPE + x\n"
    (root / "main.py").write_text(
        f"from shapes import LARGEST_SHAPE, scale_shape\n\n\n{FILLER}\n{uses}\n\n{FILLER}"
    )
    return root


def test_places_need_another_file(package: Path) -> None:
    library = library_of(package)
    places = draw_places(package, library, 50, 7)
    assert {place.name for place in places} == {"LARGEST_SHAPE", "scale_shape"}
    for place in places:
        assert [path for path, _ in place.targets] == ["shapes.py"]
        start = place.offset - place.typed
        near = place.without_rest[start - NEAR_BEFORE_CHARS : start]
        near += " " + place.without_rest[place.offset :][:NEAR_AFTER_CHARS]
        assert not re.search(rf"\b{place.name}\b", near)
        assert place.text[start:].startswith(place.name)
        assert place.without_rest.count(place.name) == place.text.count(place.name) - 1
    assert places == draw_places(package, library_of(package), 50, 7)


def test_recall(package: Path) -> None:
    library = library_of(package)
    places = draw_places(package, library, 50, 7)
    done: list[int] = []
    rows = recall_rows(library, places, done.append)
    assert {(row.what, row.budget_tokens) for row in rows} == {
        (what, budget) for what in ("tabs", "bm25", "ours") for budget in BUDGETS
    }
    assert all(row.definition == 1.0 for row in rows if row.what == "ours")
    assert done[-1] == len(places)


async def test_lift_asks_everyone_the_same(package: Path, tmp_path: Path) -> None:
    library = library_of(package)
    places = draw_places(package, library, 1, 7)
    rest = places[0].rest
    script = tmp_path / "script.json"
    script.write_text(json.dumps(["wrong", "wrong", "wrong", rest]))
    provider = OneEngine(LocalEngine(ScriptedBackend(script)))
    bench = Bench(provider, library, package, placement="prefix", tokens=300)
    found: dict = {}
    await collect(found, bench, places, lambda done: None)
    rows = {row.what: row for row in lift_rows(places, found)}
    assert list(rows) == ["none", "tabs", "bm25", "ours"]
    assert rows["ours"].exact == 1.0 and rows["none"].exact == 0.0
    assert rows["none"].ours_ahead_exact == 1.0 and rows["ours"].ours_ahead_exact == 0.0
    assert rows["ours"].name_in_prompt == 1.0 and rows["none"].name_in_prompt == 0.0


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "codellama_lsp", *arguments],
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_context_command(package: Path) -> None:
    line = (
        package.joinpath("main.py").read_text().split("\n").index("    x = scale_shape(shape, 2)")
    )
    where = f"{package / 'main.py'}:{line + 1}:9"
    done = _run("context", where, "--root", str(package), "--budget", "300", "--json")
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert shown["tokens"] == sum(chunk["tokens"] for chunk in shown["chunks"]) <= 300
    (chunk,) = [c for c in shown["chunks"] if c["path"] == "shapes.py"]
    assert "def scale_shape(shape, by):" in chunk["text"]
    assert {p["name"] for p in chunk["pieces"]} >= {"scale_shape", "LARGEST_SHAPE"}
    assert all(p["reasons"] for p in chunk["pieces"])
    told = _run("context", where, "--root", str(package), "--budget", "300")
    assert "imported" in told.stdout and "shapes.py" in told.stdout


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["context", "nothing.py:1:1"], 1),
        (["context", "x"], 2),
        (["eval", "recall", "/nowhere"], 1),
    ],
)
def test_wrong_usage(arguments: list[str], code: int) -> None:
    done = _run(*arguments)
    assert done.returncode == code
    assert done.stderr.count("\n") == 1 and "Traceback" not in done.stderr
