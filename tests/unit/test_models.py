"""What `--model` means, and what a GGUF file says of itself."""

import json
import os
from pathlib import Path

import pytest

from codellama_lsp.cli import main as cli
from codellama_lsp.models import catalogue
from codellama_lsp.models.catalogue import NoSuchModelError, models_dir, resolve_model

REAL = Path(os.environ.get("CODELLAMA_LSP_MODEL") or catalogue.EMBEDDED_PATH)


@pytest.fixture(autouse=True)
def three_models(state_dir, monkeypatch, tmp_path):
    monkeypatch.delenv("CODELLAMA_LSP_MODEL", raising=False)
    embedded = tmp_path / "file.gguf"
    embedded.write_bytes(b"GGUF")
    monkeypatch.setattr(catalogue, "EMBEDDED_PATH", embedded)
    models_dir().mkdir(parents=True)
    for name in ("codellama-7b.Q4_K_M", "codellama-13b"):
        (models_dir() / f"{name}.gguf").write_bytes(b"GGUF")
    return embedded


def test_no_name_means_the_embedded_model(three_models, monkeypatch):
    assert resolve_model(None).path == three_models
    assert resolve_model("embedded").source == "embedded"
    other = models_dir() / "codellama-13b.gguf"
    monkeypatch.setenv("CODELLAMA_LSP_MODEL", str(other))
    assert resolve_model(None).path == other
    three_models.unlink()
    with pytest.raises(NoSuchModelError, match="missing"):
        resolve_model("embedded")


def test_names_and_paths(three_models, monkeypatch):
    assert resolve_model("codellama-13b").source == "installed"
    assert resolve_model(str(three_models)).source == "path"
    monkeypatch.chdir(three_models.parent)
    assert resolve_model("file.gguf").path == three_models


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ("codelama-7b", r"Known: .*codellama-7b\.Q4_K_M"),
        ("zzz", "Known: embedded, "),
        ("{dir}/fille.gguf", "there is file.gguf"),
        ("{dir}/nowhere/x.gguf", "no GGUF file in"),
        ("{dir}", "is a directory.*there is file.gguf"),
    ],
)
def test_what_is_not_there_gets_the_nearest(three_models, wanted, words):
    with pytest.raises(NoSuchModelError, match=words):
        resolve_model(wanted.format(dir=three_models.parent))


def run(monkeypatch, capsys, *arguments):
    monkeypatch.setattr("sys.argv", ["codellama-lsp", *arguments])
    code = cli.main()
    return code, *capsys.readouterr()


def test_list(monkeypatch, capsys):
    code, out, _ = run(monkeypatch, capsys, "models", "list", "--json")
    names = [row["name"] for row in json.loads(out)]
    assert (code, names) == (0, ["embedded", "codellama-13b", "codellama-7b.Q4_K_M"])
    assert "codellama-13b" in run(monkeypatch, capsys, "models", "list")[1]


@pytest.mark.parametrize("content", [b"", b"GGUF", b"GGUF\x03\x00\x00\x00" + b"\xff" * 64, b"PK12"])
def test_inspect_refuses_what_is_no_model(monkeypatch, capsys, tmp_path, content):
    if content.startswith(b"GGUF"):
        pytest.importorskip("gguf")
    path = tmp_path / "broken.gguf"
    path.write_bytes(content)
    code, out, err = run(monkeypatch, capsys, "models", "inspect", str(path))
    assert (code, out) == (1, "")
    assert "GGUF file" in err and err.count("\n") == 1


def test_inspect_reads_a_real_model(monkeypatch, capsys):
    if not REAL.is_file():
        pytest.skip("the embedded model is not there")
    code, out, _ = run(monkeypatch, capsys, "models", "inspect", str(REAL), "--json")
    facts = json.loads(out)
    assert code == 0 and facts["can_infill"] and facts["architecture"] == "llama"
    assert facts["parameters"] > 1e6 and facts["rope_base"] == 1e6
    assert "infilling" in run(monkeypatch, capsys, "models", "inspect", str(REAL))[1]
