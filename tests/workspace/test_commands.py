"""`complete` and `context` read the project around a file, and only that."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from codellama_lsp import dirs
from codellama_lsp.cli.main import main
from codellama_lsp.cli.roots import project_of

SHAPES = "def scale_shape(shape, by):\n    '''Makes it larger.'''\n    return shape\n"
MAIN = "from pkg.shapes import scale_shape\n\nx = \n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "outer" / "project"
    (root / "pkg").mkdir(parents=True)
    (root / "pkg" / "shapes.py").write_text(SHAPES)
    (root / "main.py").write_text(MAIN)
    (root / "pyproject.toml").write_text("[project]\nname = 'p'\n")
    (root.parent / "stranger.py").write_text("def scale_shape_elsewhere(shape): ...\n")
    return root


def run(capsys: pytest.CaptureFixture[str], arguments: list[str], code: int = 0) -> tuple[str, str]:
    assert main(arguments) == code
    captured = capsys.readouterr()
    return captured.out, captured.err


def complete(
    capsys: pytest.CaptureFixture[str], project: Path, *options: str, file: str = "main.py"
) -> tuple[int, str]:
    """How long the prompt was, in the scripted engine's tokens, and what was said on stderr."""
    script = project.parent / "script.json"
    script.write_text('["scale_shape(1, 2)"]')
    where = [f"{project / file}:3:5", "--engine", f"scripted:{script}"]
    out, err = run(capsys, ["complete", *where, "--json", *options])
    answer = json.loads(out)
    assert answer["text"] == "scale_shape(1, 2)"
    return answer["tokens"]["prompt"], err


def test_complete_reads_the_project(capsys: pytest.CaptureFixture[str], project: Path) -> None:
    with_it, _ = complete(capsys, project)
    without, _ = complete(capsys, project, "--no-workspace")
    assert with_it > without
    (project / "pkg" / "shapes.py").unlink()
    assert complete(capsys, project)[0] == without


def test_without_a_project_it_reads_the_file_alone(
    capsys: pytest.CaptureFixture[str], project: Path
) -> None:
    with_it, _ = complete(capsys, project)
    (project / "pyproject.toml").unlink()
    without, err = complete(capsys, project)
    assert with_it > without and err == ""
    named, _ = complete(capsys, project, "--root", str(project))
    assert named == with_it


@pytest.mark.parametrize(
    ("marks", "expected"),
    [
        (["pyproject.toml"], ""),
        (["a/package.json", "pyproject.toml"], "a"),
        ([".git", "a/package.json"], ""),
        (["a/.git", ".git"], "a"),
        ([], None),
    ],
)
def test_which_folder_is_the_project(
    tmp_path: Path, marks: list[str], expected: str | None
) -> None:
    root = tmp_path / "root"
    (root / "a" / "b").mkdir(parents=True)
    for mark in marks:
        (root / mark).touch()
    found = project_of(root / "a" / "b" / "c.py")
    assert found == (None if expected is None else root / expected)


def test_a_home_directory_that_is_a_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / ".git").touch()
    monkeypatch.setenv("HOME", str(tmp_path))
    assert project_of(tmp_path / "a" / "c.py") is None
    (tmp_path / "a" / "go.mod").touch()
    assert project_of(tmp_path / "a" / "c.py") == tmp_path / "a"


def test_the_users_settings_count(capsys: pytest.CaptureFixture[str], project: Path) -> None:
    config = dirs.config_dir()
    config.mkdir(parents=True, exist_ok=True)
    with_it, _ = complete(capsys, project)
    (config / "codellama.toml").write_text("workspace = false\n")
    without, _ = complete(capsys, project)
    (config / "codellama.toml").write_text('exclude = ["**/pkg/**"]\n')
    excluded, _ = complete(capsys, project)
    assert with_it > without == excluded


def test_a_home_directory_is_said_and_left_alone(
    capsys: pytest.CaptureFixture[str], project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without, _ = complete(capsys, project, "--no-workspace")
    monkeypatch.setenv("HOME", str(project))
    prompt, err = complete(capsys, project)
    assert prompt == without and "home" in err and "only this file" in err


def test_context_says_what_and_why(capsys: pytest.CaptureFixture[str], project: Path) -> None:
    out, _ = run(capsys, ["context", f"{project / 'main.py'}:3:5"])
    for said in (
        "pkg/shapes.py",
        "scale_shape, line 1",
        "imported",
        "│ def scale_shape(shape, by)",
    ):
        assert said in out
    assert "elsewhere" not in out
    after, rest, before = (
        out.index(part) for part in ("after the cursor", "rest of the project", "before the cursor")
    )
    assert rest < after < before  # as the suffix-first prompt has them


def test_context_as_json(capsys: pytest.CaptureFixture[str], project: Path) -> None:
    out, _ = run(capsys, ["context", f"{project / 'main.py'}:3:5", "--json", "--budget", "400"])
    shown = json.loads(out)
    assert [chunk["path"] for chunk in shown["chunks"]] == ["pkg/shapes.py"]
    assert shown["tokens"] == sum(chunk["tokens"] for chunk in shown["chunks"])
    assert 0 < shown["tokens"] <= shown["budget_tokens"] == 400
    assert shown["order"] == ["chunks", "suffix", "prefix"]
    assert shown["windows"]["prefix"]["text"].endswith("x = ")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["{project}/../stranger.py:1:1"], ["--root"]),
        (["{project}/main.py:1:1", "--root", "{project}/pkg"], ["--root"]),
        (["{project}/.env:1:1"], ["secrets"]),
    ],
)
def test_context_says_what_is_wrong(
    capsys: pytest.CaptureFixture[str], project: Path, arguments: list[str], words: list[str]
) -> None:
    (project / ".env").write_text("KEY=1\n")
    _, err = run(capsys, ["context", *(a.format(project=project) for a in arguments)], 1)
    for word in words:
        assert word in err.strip().splitlines()[-1]
