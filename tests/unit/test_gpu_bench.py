"""The GPU script as far as it goes without a GPU: what it would do, and the table it writes."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

_SCRIPT = Path(__file__).parents[2] / "scripts" / "gpu_bench.py"
spec = importlib.util.spec_from_file_location("gpu_bench", _SCRIPT)
assert spec and spec.loader
gpu_bench = importlib.util.module_from_spec(spec)
spec.loader.exec_module(gpu_bench)

SPREAD = {"median": 1, "mean": 1.5, "p95": 3, "max": 9}
ANSWER = {
    "classes": {"jump": {"first_token_ms": SPREAD}},
    "together": {
        "typed": dict.fromkeys(("fresh_tokens", "first_token_ms", "first_overhead_ms"), SPREAD)
    },
}


def test_a_dry_run_says_every_command(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert gpu_bench.main(["--dry-run", "--out", str(tmp_path / "out"), "--wheels", "w"]) == 0
    said = capsys.readouterr().out
    assert said.count("bench keystrokes --json") == 20 + 4 * len(gpu_bench.VARIANTS)
    assert "--kv-type q8_0" in said
    assert "--shape 13b --quant q8_0 --context-tokens 102400" in said
    assert said.count("--no-index --find-links w") == 3
    assert not list(tmp_path.iterdir())


def test_without_a_gpu_nothing_is_done(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(gpu_bench, "_gpu", lambda: None)
    assert gpu_bench.main(["--out", str(tmp_path / "out")]) == 0
    assert "no NVIDIA GPU was found" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


def test_rows_and_failures_are_in_the_table(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(gpu_bench, "_gpu", lambda: "Some GPU, 80 GiB, 1.2")
    python = tmp_path / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(
        "#!/bin/sh\ncase \"$*\" in *13b*) echo 'does not fit' >&2; exit 1;; esac\n"
        f"echo '{json.dumps(ANSWER)}'\n"
    )
    python.chmod(0o755)
    options = ["--no-build", "--venv", str(tmp_path / "venv"), "--out", str(tmp_path / "out")]
    assert gpu_bench.main([*options, "--quants", "q4_k", "--contexts", "2048"]) == 0
    table = (tmp_path / "out" / "table.md").read_text()
    assert "| 7b | q4_k | 2048 | batch 512 | 1 / 1.5 / 3 | 1.0 / 3.0 | 1 / 9 | 1.00 |" in table
    assert "| 13b | q4_k | 2048 | batch 512 | does not fit |" in table
    assert json.loads((tmp_path / "out" / "7b-q4_k-2048.json").read_text()) == ANSWER
    assert "does not fit" in capsys.readouterr().out
