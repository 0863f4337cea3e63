"""The benches of the engine itself, on the embedded model: they run, and count what they say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from codellama_lsp.cli.main import main
from codellama_lsp.evaluation.decoding.drafts import find_places
from codellama_lsp.evaluation.positions import SourceFile

pytestmark = pytest.mark.engine

ROWS = "".join(
    f'    ("case", Setting(name="size", value={n // 30}, unit="bytes")),\n' for n in range(90)
)
PROSE = "".join(
    f"def {word}_{other}(a_{other}):\n    return {word!r} * len(a_{other}[{index}:])\n\n\n"
    for index, (word, other) in enumerate(
        zip(
            "oak elm ash fir yew bay fig pear plum lime palm pine teak".split(),
            "red tan sky jet ivy sea sun fog dew ice mud ore tin".split(),
            strict=True,
        )
    )
)


@pytest.fixture
def code(tmp_path: Path) -> Path:
    (tmp_path / "rows.py").write_text(f"ROWS = [\n{ROWS}]\n")
    (tmp_path / "prose.py").write_text(PROSE * 4)
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict:
    assert main(["bench", *arguments, "--model", "embedded", "--threads", "1", "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_decode(capsys: pytest.CaptureFixture[str], code: Path) -> None:
    sizes = ["--context-tokens", "200", "--tokens", "6", "--rounds", "2", "--cells", "1024"]
    found = run(capsys, "decode", str(code), *sizes)
    assert found["rounds"] == 2
    assert found["cells"] == 1024
    assert found["full_cells"] + found["parked_cells"] > 400
    assert min(found[name] for name in ("bare_ms", "ours_ms", "full_ms", "ratio")) > 0


def test_drafting(capsys: pytest.CaptureFixture[str], code: Path) -> None:
    sizes = ["--context-tokens", "64", "--tokens", "24", "--rounds", "1", "--n", "8"]
    found = run(capsys, "drafting", str(code), *sizes, "--repeats", "1", "--directly", "2")
    assert found["written"]["else"] == 0
    assert found["written"]["same"] + found["written"]["ties"] > 0
    assert found["written"]["acceptance_repetitive"] > 0.2
    assert list(found["batch_ms"]) == "1 2 3 4 6 8 12 16".split()
    assert found["directly"]["repetitive"]["gain"] > 0
    assert found["directly"]["repetitive"]["gain_by_table"] > 0
    row = found["by_table"]["repetitive"]
    assert row["gain_low"] <= row["gain"] <= row["gain_high"]


def test_drafting_by_costs_known_from_elsewhere(
    capsys: pytest.CaptureFixture[str], code: Path
) -> None:
    sizes = ["--context-tokens", "64", "--tokens", "48", "--n", "12"]
    cheap = run(capsys, "drafting", str(code), *sizes, "--batch-ms", "1:100,16:130")
    row = cheap["by_table"]["repetitive"]
    assert row["gain"] > 1.3
    assert row["drafted"] - row["accepted"] == round(row["wasted_per_token"] * row["tokens"])
    assert "directly" not in cheap
    dear = run(capsys, "drafting", str(code), *sizes, "--batch-ms", "1:100,16:1600")
    assert dear["by_table"]["repetitive"]["drafted"] == 0
    assert dear["by_table"]["repetitive"]["gain"] == 1.0


def test_places_are_told_apart_by_what_a_copier_foresees() -> None:
    rows = SourceFile(Path("rows.py"), "python", f"ROWS = [\n{ROWS}]\n")
    assert all(place.repetitive for place in find_places([rows], 4, seed=1))


def test_interrupt(capsys: pytest.CaptureFixture[str], code: Path) -> None:
    found = run(capsys, "interrupt", str(code), "--context-tokens", "1500", "--rounds", "2")
    for kind in ("preempted", "replaced"):
        assert found[kind]["n"] == 2
        assert found[kind]["prompt_tokens"] > 800
        assert 0 <= found[kind]["wait_ms"] <= found[kind]["wait_ms_max"]
        # What was evaluated of it is kept; of a batch that was broken off nothing is.
        assert found[kind]["resumed"] == 2
        # Give or take a token of the start that both prompts share: it was seen to be one less.
        assert -4 <= found[kind]["twice_tokens_max"] <= 512
