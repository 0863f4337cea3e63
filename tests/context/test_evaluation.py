"""Places drawn from packages, recall without a model, and the commands."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from codellama_lsp.context.candidates import Query
from codellama_lsp.engine.local import LocalEngine
from codellama_lsp.engine.scripted import ScriptedBackend, split_tokens
from codellama_lsp.evaluation.defining import shows
from codellama_lsp.evaluation.lift import Bench, Kept, collect, lift_rows
from codellama_lsp.evaluation.recall import BUDGETS, CONTENDERS, Hit, look, recall_rows
from codellama_lsp.evaluation.references import (
    NEAR_AFTER_CHARS,
    NEAR_BEFORE_CHARS,
    Place,
    draw_places,
    library_of,
)
from codellama_lsp.evaluation.related import Room
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
    places = draw_places(package, 50, 7)
    assert {place.name for place in places} == {"LARGEST_SHAPE", "scale_shape"}
    heads = {"LARGEST_SHAPE": "LARGEST_SHAPE =", "scale_shape": "def scale_shape"}
    for place in places:
        assert place.targets == (("shapes.py", heads[place.name]),)
        start = place.offset - place.typed
        near = place.without_rest[start - NEAR_BEFORE_CHARS : start]
        near += " " + place.without_rest[place.offset :][:NEAR_AFTER_CHARS]
        assert not re.search(rf"\b{place.name}\b", near)
        assert place.text[start:].startswith(place.name)
        assert place.without_rest.count(place.name) == place.text.count(place.name) - 1
    assert places == draw_places(package, 50, 7)


#: language, what defines `scale_shape` (or what is named), the name, its head, what uses it
DEFINED = [
    ("py", "class A:\n    def scale_shape(self): ...", "scale_shape", "def scale_shape",
     "a.scale_shape(1)"),
    ("py", "class A:\n    def f(self):\n        self.scale_by = 1", "scale_by", "self.scale_by",
     "x = a.scale_by"),
    ("js", "exports.scaleShape = function (s) {}", "scaleShape", "exports.scaleShape",
     "x(m.scaleShape(2))"),
    ("ts", "export interface ShapeSorter {\n  a: 1;\n}", "ShapeSorter", "interface ShapeSorter",
     "let x: ShapeSorter"),
    ("java", "class A {\n  public static int scaleShape(int s) {}\n}", "scaleShape",
     "int scaleShape", "x = A.scaleShape(1);"),
    ("c", "struct shape *\nscale_shape(int by)\n{\n}", "scale_shape", "* scale_shape",
     "x = scale_shape(1);"),
    ("h", "#define LARGEST_SHAPE 9", "LARGEST_SHAPE", "#define LARGEST_SHAPE",
     "x = LARGEST_SHAPE;"),
    ("cpp", "namespace n {\nclass EXPORTED ShapeSorter {\n};\n}", "ShapeSorter",
     "EXPORTED ShapeSorter", "  ShapeSorter x;"),
    ("cs", "class A\n{\n    public int ScaleShape(int s)\n    {\n    }\n}", "ScaleShape",
     "int ScaleShape", "x = a.ScaleShape(1);"),
    ("php", "<?php\nfunction scaleShape($s) {}", "scaleShape", "function scaleShape",
     "<?php\n$x = scaleShape(1);"),
    ("sh", "scale_shape() {\n  :\n}", "scale_shape", "scale_shape(", "if scale_shape 1; then"),
    ("go", "package a\nfunc (s *Shape) ScaleBy(n int) {}", "ScaleBy", "*Shape) ScaleBy",
     "package a\nx := s.ScaleBy(1)"),
    ("rs", "pub fn scale_shape(s: i32) {}", "scale_shape", "fn scale_shape", "x(scale_shape(1))"),
]  # fmt: skip


@pytest.mark.parametrize(("ending", "text", "name", "head", "use"), DEFINED)
def test_the_resolver_reads_every_language(
    tmp_path: Path, ending: str, text: str, name: str, head: str, use: str
) -> None:
    root = tmp_path / "package"
    root.mkdir()
    (root / f"shapes.{ending}").write_text(text + "\n")
    (root / f"main.{'c' if ending == 'h' else ending}").write_text(f"{use}\n")
    assert [(p.name, p.targets) for p in draw_places(root, 9, 7)] == [
        (name, ((f"shapes.{ending}", head),))
    ]
    assert shows(text, head)


@pytest.mark.parametrize(
    ("text", "use"),
    [
        ("def scale_shape(): ...", "scale_shape = 1\nx = scale_shape()"),
        ("def scale_shape(): ...", "# scale_shape()\nx = 'scale_shape()'"),
        ("def scale_shape(): ...", "from shapes import (\n  scale_shape,\n)"),
        ("def scale(): ...", "scale()"),
        ("class Shape: ...", "x = other.Shape()"),
        ("def as_shape(): ...", "def as_shape(): ...\nas_shape()"),
    ],
)
def test_doubtful_names_do_not_count(tmp_path: Path, text: str, use: str) -> None:
    (tmp_path / "shapes.py").write_text(text + "\n")
    (tmp_path / "main.py").write_text(use + "\n")
    assert draw_places(tmp_path, 9, 7) == []


def test_recall(package: Path) -> None:
    library = library_of(package)
    places = draw_places(package, 50, 7)
    hits: list[Hit] = []
    done: list[int] = []
    look(library, places, hits, done.append)
    rows = recall_rows(hits)
    assert {(row.what, row.budget_tokens) for row in rows} == {
        (what, budget) for what in CONTENDERS for budget in BUDGETS
    }
    assert all(row.recall == 1.0 and row.n == len(places) for row in rows if row.what == "ours")
    assert done[-1] == len(places)


def _by_words(text: str) -> int:
    return len(split_tokens(text))


async def test_lift_asks_everyone_the_same(package: Path, tmp_path: Path) -> None:
    library = library_of(package)
    places = draw_places(package, 9, 7)
    rest = places[0].rest
    script = tmp_path / "script.json"
    script.write_text(json.dumps(["wrong", "wrong", "wrong", rest, rest]))
    provider = OneEngine(LocalEngine(ScriptedBackend(script)))
    bench = Bench(provider, library, package, _by_words, placement="prefix", tokens=300)
    found: dict = {}
    answered: list[Place] = []
    await collect(found, answered, bench, places, 1, lambda done: None)
    assert answered == places[:1]
    rows = {row.what: row for row in lift_rows(answered, found)}
    assert list(rows) == ["none", "tabs", "bm25", "ours", "ours, before PRE"]
    assert rows["ours"].exact == 1.0 and rows["none"].exact == 0.0
    assert rows["none"].ours_ahead_exact == 1.0 and rows["ours"].ours_ahead_exact == 0.0
    assert rows["ours"].name_in_prompt == 1.0 and rows["none"].name_in_prompt == 0.0


async def test_an_interrupted_lift_goes_on(package: Path, tmp_path: Path) -> None:
    places = draw_places(package, 9, 7)
    script = tmp_path / "script.json"
    script.write_text(json.dumps(["a", "b", "c", "d", "e"]))
    found: list[dict] = []
    for _ in range(2):  # the script has answers for one place alone
        provider = OneEngine(LocalEngine(ScriptedBackend(script)))
        library = library_of(package)
        bench = Bench(provider, library, package, _by_words, placement="prefix", tokens=300)
        found.append({})
        kept = Kept(tmp_path / "kept.jsonl")
        await collect(found[-1], [], bench, places, 1, lambda done: None, kept)
        script.write_text("[]")
    assert found[0] == found[1] and len(found[0]["ours"]) == 1
    assert found[0]["ours"][0].text == "d"


async def test_lift_passes_over_what_a_window_shows(package: Path, tmp_path: Path) -> None:
    script = tmp_path / "script.json"
    script.write_text("[]")
    provider = OneEngine(LocalEngine(ScriptedBackend(script)))
    bench = Bench(
        provider, library_of(package), package, _by_words, placement="prefix", tokens=9000
    )
    found: dict = {}
    answered: list[Place] = []
    await collect(found, answered, bench, draw_places(package, 9, 7), 9, lambda done: None)
    # With room for the whole file, "none" sees the import that names it.
    assert not answered and not found


@pytest.mark.parametrize("what", sorted(CONTENDERS))
@pytest.mark.parametrize("tokens", [60, 400])
def test_contenders_keep_to_their_room(package: Path, what: str, tokens: int) -> None:
    library = library_of(package)
    place = draw_places(package, 1, 7)[0]
    query = Query(place.path, place.language, place.without_rest, place.offset)
    chunks = CONTENDERS[what](library, query, Room(tokens, 3.0, _by_words))
    assert sum(_by_words(chunk.text) for chunk in chunks) <= tokens


def test_prompts_keep_to_their_budgets(package: Path) -> None:
    pytest.importorskip("llama_cpp")
    done = _run("eval", "budget", str(package), "--n", "6", "--json")
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["rows"]
    assert [row["budget_tokens"] for row in rows] == [512, 1024, 4096, 16_384]
    assert all(row["n"] and row["over"] == 0 and 0 < row["most"] <= 1 for row in rows)


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
