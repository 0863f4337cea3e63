"""The demo as a person starts it, with the scripted engine and, where there is one, the model."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from codellama_lsp.cli.demo import PROJECT, SCENES
from codellama_lsp.cli.ghost import Screen
from codellama_lsp.lsp.client import Offer
from codellama_lsp.models.catalogue import EMBEDDED_PATH

MODEL = Path(os.environ.get("CODELLAMA_LSP_MODEL") or EMBEDDED_PATH)


def demo(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "codellama_lsp", "demo", *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.about)
def test_scenes_fit_the_project(scene):
    text = (PROJECT / scene.file).read_text()
    assert text.count(scene.line) == 1
    assert scene.line.startswith(scene.keep)
    assert scene.line.removeprefix(scene.keep).startswith(scene.typed)


def test_with_a_script(tmp_path):
    script = tmp_path / "script.json"
    script.write_text(json.dumps(["ghost_text", *["other_text"] * 200]))
    done = demo("--engine", f"scripted:{script}")
    assert (done.returncode, done.stderr) == (0, "")
    assert "«ghost_text»" in done.stdout and "\x1b" not in done.stdout
    assert "suggestions by the model" in done.stdout


@pytest.mark.parametrize(("script", "words"), [([], "suggested nothing"), ({}, "not a list")])
def test_nothing_suggested_is_a_failure(tmp_path, script, words):
    path = tmp_path / "script.json"
    path.write_text(json.dumps(script))
    done = demo("--engine", f"scripted:{path}")
    assert done.returncode == 1
    assert words in done.stderr and "Traceback" not in done.stderr


@pytest.mark.engine
@pytest.mark.skipif(not MODEL.is_file(), reason="the embedded model is not there")
def test_with_the_model():
    done = demo("--model", str(MODEL))
    assert (done.returncode, done.stderr) == (0, "")
    assert "«" in done.stdout


OFFER = Offer("pre+ghost\n  more", 3, {})


def test_ghost_text_in_marks_and_in_colour(monkeypatch):
    shown = {}
    for colour in (False, True):
        stream = io.StringIO()
        Screen(stream, colour).ghost("a\nb\npre)\nc\nd\ne\n", 7, OFFER)
        shown[colour] = stream.getvalue().splitlines()
    assert shown[False] == [
        "    1 | a",
        "    2 | b",
        "    3 | pre«+ghost»)",
        "      | «  more»",
        "    4 | c",
        "    5 | d",
    ]
    assert shown[True][2] == "    3 | pre\x1b[2m\x1b[36m+ghost\x1b[0m)"


@pytest.mark.parametrize(
    ("tty", "environment", "colour"),
    [
        (True, {}, True),
        (False, {}, False),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"TERM": "dumb"}, False),
    ],
)
def test_when_there_is_colour(monkeypatch, tty, environment, colour):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: tty, raising=False)
    assert Screen.of(stream).colour is colour
