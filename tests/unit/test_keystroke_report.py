"""Samples to numbers, and the bench through the scripted engine from the command line."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import attrs
import pytest

from codellama_lsp.cli.main import main
from codellama_lsp.completion.pipeline import Completer
from codellama_lsp.engine.local import LocalEngine
from codellama_lsp.engine.protocol import GenerateRequest, Priority, Segment
from codellama_lsp.engine.scripted import ScriptedBackend
from codellama_lsp.engine.spec import EngineSpec
from codellama_lsp.evaluation.keystrokes.editor import EventClass
from codellama_lsp.evaluation.keystrokes.play import play
from codellama_lsp.evaluation.keystrokes.plot import PlotError, check_plot, draw
from codellama_lsp.evaluation.keystrokes.report import Report
from codellama_lsp.evaluation.keystrokes.samples import (
    VALUES,
    Sample,
    Summary,
    by_class,
    ratios,
    together,
)
from codellama_lsp.evaluation.keystrokes.sources import choose_files
from codellama_lsp.evaluation.keystrokes.traces import trace
from codellama_lsp.evaluation.keystrokes.watch import WatchedProvider
from tests.unit.conftest import OneEngine


def sample(kind: EventClass = EventClass.TYPE, fresh: int = 2, first_ms: float = 4.0) -> Sample:
    return Sample(kind, fresh, 3, first_ms, 1.0, 0.5, 10.0, 100, 8, fresh + 8)


@pytest.mark.parametrize(("numbers", "expected"), [
    ([5], Summary(5, 5, 5, 5)),
    ([1, 2, 3, 4], Summary(2.5, 2.5, 4, 4)),
    (range(1, 101), Summary(50.5, 50.5, 95, 100)),
    (range(1, 21), Summary(10.5, 10.5, 19, 20)),
])  # fmt: skip
def test_summary(numbers: list[float], expected: Summary) -> None:
    assert Summary.of(numbers) == expected


def test_classes_and_what_is_typed() -> None:
    samples = [sample(EventClass.JUMP, 50), sample(), sample(EventClass.AUTO_CLOSE, 4)]
    assert list(by_class(samples)) == ["type", "auto_close", "jump"]
    rows = together(samples)
    assert (rows["typed"].n, rows["typed"].values["fresh_tokens"].mean) == (2, 3)
    assert (rows["all"].n, rows["all"].values["fresh_tokens"].max) == (3, 50)


def test_ratios_are_ours_by_theirs_over_what_both_answered() -> None:
    ours = [sample(fresh=2, first_ms=4.0), sample(EventClass.JUMP, 10), sample()]
    peers = [sample(fresh=100, first_ms=40.0), sample(EventClass.JUMP, 20, 8.0)]
    found = ratios(ours, peers)
    assert found["fresh_tokens"] == 0.02
    assert found["first_token_ms"] == 0.1
    assert found["jump_first_token_ms"] == 0.5
    assert found["all_tokens"] == round((10 + 18) / (108 + 28), 4)
    assert ratios(ours, []) == {}


def test_json_has_what_is_promised() -> None:
    report = Report("m", {"seed": 7}, ours=[sample()], peer_name="llama-server", peers=[sample()])
    answer = json.loads(json.dumps(report.as_json()))
    row = answer["classes"]["type"]
    assert row["n"] == 1
    for name in VALUES:
        assert set(row[name]) == {"median", "mean", "p95", "max"}
    assert answer["peer"]["classes"] == answer["classes"]
    assert answer["ratio"]["fresh_tokens"] == 1
    assert "typed" in answer["together"]
    assert "llama-server" in report.as_text()


def scripted(tmp_path: Path, items: list[object]) -> WatchedProvider:
    path = tmp_path / "script.json"
    path.write_text(json.dumps(items))
    return WatchedProvider(OneEngine(LocalEngine(ScriptedBackend(path))))


async def test_a_trace_through_the_pipeline(tmp_path: Path) -> None:
    watched = scripted(tmp_path, ["compute(1)"] * 30)
    source = Path(__file__).parents[2] / "codellama_lsp" / "completion"
    events = list(trace(choose_files([source], 2, __import__("random").Random(1)), 30, 1))
    played = [pair async for pair in play(events, Completer(watched), watched)]
    assert [event for event, _ in played] == events
    assert [one.kind for _, one in played] == [event.kind for event in events]
    for _, one in played:
        assert 0 < one.first_token_ms <= one.total_ms
    await (await watched.engine()).close()


async def test_unasked_work_is_told_apart_and_ended(tmp_path: Path) -> None:
    watched = scripted(tmp_path, ["a"])
    engine = await watched.engine()
    asked = GenerateRequest("d", Segment("p", 1, "x"), Segment("s", 1, ""))
    engine.generate(asked)
    engine.generate(attrs.evolve(asked, priority=Priority.WARM, max_tokens=0))
    seen = await asyncio.wait_for(watched.settle(5.0), 5.0)
    assert [one.asked_for for one in seen] == [True, False]
    watched.begin()
    assert await watched.settle(0.0) == []
    await engine.close()


@pytest.fixture
def scripted_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`bench` plays to the scripted engine, in a process of its own as usual."""
    path = tmp_path / "script.json"
    path.write_text(json.dumps(["x = 1"] * 50))
    monkeypatch.setattr(
        "codellama_lsp.cli.bench_keystrokes._spec", lambda args: EngineSpec(script=path)
    )
    source = tmp_path / "a.py"
    source.write_text("def f(a):\n    return a + 1\n\n\n" * 200)
    return source


def test_the_command(scripted_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["bench", "keystrokes", str(scripted_model), "--events", "12", "--pace-ms", "1"]
    assert main([*command, "--json"]) == 0
    out, err = capsys.readouterr()
    answer = json.loads(out)
    assert sum(row["n"] for row in answer["classes"].values()) == 12
    assert "12 of 12" in err
    assert main(command) == 0
    assert "(typed)" in capsys.readouterr().out


def test_an_interrupt_prints_what_there_is(
    scripted_model: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*args: object, **kwargs: object) -> object:
        yield from list(trace(*args, **kwargs))[:3]  # type: ignore[arg-type]
        raise KeyboardInterrupt

    monkeypatch.setattr("codellama_lsp.evaluation.keystrokes.traces.trace", interrupted)
    assert main(["bench", "keystrokes", str(scripted_model), "--pace-ms", "0", "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["interrupted"]
    # The third one's answer was not complete: what followed it unasked is part of it.
    assert sum(row["n"] for row in answer["classes"].values()) == 2


def test_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "keystrokes", str(tmp_path / "none")]) == 2
    assert "no such file" in capsys.readouterr().err


def test_plotting_without_matplotlib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(PlotError, match="codellama-lsp\\[plot\\]"):
        check_plot(tmp_path / "a.png")


def test_plotting(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    report = Report("m", {}, ours=[sample(), sample(EventClass.JUMP)], peers=[sample()])
    draw(report, tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
