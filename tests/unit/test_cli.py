"""The command line: contracts, exit statuses, and one line for each error."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from codellama_lsp import __version__
from codellama_lsp.cli.main import main


@pytest.fixture
def script(tmp_path: Path) -> str:
    path = tmp_path / "script.json"
    path.write_text(json.dumps(["compute(1)\nx", "compute(2)", ""]))
    return f"scripted:{path}"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "a.py"
    path.write_bytes("s = '😀'\r\né = \r\n".encode())
    return path


def check(
    capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, *words: str
) -> tuple[str, str]:
    """Run, and look for one line on stderr with all `words`; stdout and stderr."""
    try:
        assert main(arguments) == code
    except SystemExit as exit_:  # The argument parser's own way.
        assert exit_.code == code
    out, err = capsys.readouterr()
    if words:
        assert not out
        assert "Traceback" not in err
        last = err.strip().splitlines()[-1]
        for word in words:
            assert word in last
    return out, err


def test_version_and_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert check(capsys, ["--version"], 0)[0] == f"codellama-lsp {__version__}\n"
    assert "complete" in check(capsys, ["--help"], 0)[0]
    check(capsys, ["bogus"], 2, "bogus")
    check(capsys, ["complete"], 2, "FILE:LINE:COLUMN")
    check(capsys, ["serve", "--tcp", "nowhere"], 2, "HOST:PORT")


def test_complete(capsys: pytest.CaptureFixture[str], source: Path, script: str) -> None:
    arguments = ["complete", f"{source}:2:5", "--engine", script, "--no-cache"]
    answer = json.loads(check(capsys, [*arguments, "--json"], 0)[0])
    position = {"line": 1, "character": 4}
    assert answer["text"] == "compute(1)"
    assert answer["range"] == {"start": position, "end": position}
    assert (answer["outcome"], answer["model"]) == ("offered", "scripted")
    assert set(answer["tokens"]) >= {
        "prompt", "reused", "fresh", "healed", "generated", "drafted", "accepted"
    }  # fmt: skip
    assert set(answer["ms"]) == {"total", "prefill", "decode", "overhead"}
    answers = json.loads(check(capsys, [*arguments, "--json", "--repeat", "3"], 0)[0])
    assert [a["text"] for a in answers] == ["compute(1)", "compute(2)", ""]
    assert answers[1]["tokens"]["fresh"] <= 2
    assert answers[2]["outcome"] == "empty"
    assert check(capsys, arguments, 0)[0] == "compute(1)\n"


def test_complete_in_astral_lines(
    capsys: pytest.CaptureFixture[str], source: Path, script: str
) -> None:
    arguments = ["complete", f"{source}:1:7", "--engine", script, "--json", "--plan", "line"]
    answer = json.loads(check(capsys, arguments, 0)[0])
    assert answer["range"]["start"] == {"line": 0, "character": 7}


def test_complete_where_it_cannot(
    capsys: pytest.CaptureFixture[str], source: Path, script: str, tmp_path: Path
) -> None:
    engine = ["--engine", script]
    check(capsys, ["complete", "a.py", *engine], 2, "FILE:LINE:COLUMN")
    check(capsys, ["complete", "a.py:0:1", *engine], 2, "counted from 1")
    check(capsys, ["complete", f"{source}:4:1", *engine], 2, "3 lines")
    check(capsys, ["complete", f"{source}:2:6", *engine], 2, "ends at column 5")
    check(capsys, ["complete", f"{tmp_path}/no.py:1:1", *engine], 1, "no.py", "No such file")
    check(capsys, ["complete", f"{source}:1:1", "--engine", "x"], 1, "scripted:FILE")
    check(capsys, ["complete", f"{source}:1:1", "--engine", "scripted:/no.json"], 1, "no.json")
    check(capsys, ["complete", f"{source}:1:1", "--model", "/no.gguf"], 1, "no.gguf")
    secret = tmp_path / ".env"
    secret.write_text("A=")
    check(capsys, ["complete", f"{secret}:1:3", *engine], 0, "excluded", "secrets")


def test_debug_shows_where(source: Path) -> None:
    with pytest.raises(Exception, match="scripted:FILE"):
        main(["complete", f"{source}:1:1", "--engine", "x", "--debug"])


def test_nothing_heavy_for_the_version() -> None:
    code = (
        "import sys; from codellama_lsp.cli.main import main; main(['--version']); "
        "heavy = {'pygls', 'lsprotocol', 'cattrs', 'asyncio', 'llama_cpp'} & set(sys.modules); "
        "sys.exit(str(heavy) if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_our_verbs_do_not_import_llama_cpp() -> None:
    code = (
        "import sys; import codellama_lsp.lsp.server, codellama_lsp.cli.serve; "
        "import codellama_lsp.completion.pipeline, codellama_lsp.cli.complete; "
        "sys.exit('llama_cpp' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
