"""`doctor` on a healthy and on a broken set-up, with the scripted engine."""

import json
import os

import pytest

from codellama_lsp import dirs
from codellama_lsp.cli import main as cli


@pytest.fixture
def doctor(monkeypatch, capsys, tmp_path):
    def run(*arguments, script=("a b", "c d e")):
        path = tmp_path / "script.json"
        path.write_text(json.dumps(script))
        monkeypatch.setattr(
            "sys.argv", ["codellama-lsp", "doctor", "--engine", f"scripted:{path}", *arguments]
        )
        return cli.main(), capsys.readouterr().out

    return run


def test_a_healthy_engine(doctor):
    code, out = doctor("--json")
    found = json.loads(out)
    checks = {check["name"]: check for check in found["checks"]}
    assert (code, found["ok"]) == (0, True)
    assert checks["engine"]["value"].startswith("scripted ready")
    assert checks["answer"]["value"].endswith("1 generated")
    assert "5 tokens" in checks["decode speed"]["value"]
    assert "(0700)" in checks["runtime directory"]["value"]


def test_in_words(doctor):
    code, out = doctor()
    assert code == 0 and out.endswith("Completions work here.\n")


def test_an_engine_that_cannot_start(doctor):
    code, out = doctor(script={})
    assert code == 1
    assert "PROBLEM  engine" in out and "-> A script is a JSON list" in out


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_a_directory_that_cannot_be_written(doctor, state_dir):
    state_dir.chmod(0o500)
    code, out = doctor()
    assert code == 1 and "PROBLEM  runtime directory" in out
    state_dir.chmod(0o700)


def test_a_directory_that_is_a_link(doctor, tmp_path):
    dirs.log_dir().symlink_to(tmp_path)
    code, out = doctor()
    assert code == 1 and "PROBLEM  log directory" in out


def test_a_model_that_is_not_there(doctor, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["codellama-lsp", "doctor", "--model", "nonesuch"])
    assert cli.main() == 1
    assert "no model is called 'nonesuch'" in capsys.readouterr().out
