"""What a status bar is told, and the progress bar while a model loads."""

from __future__ import annotations

from concurrent.futures import Future
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from codellama_lsp.config.options import Options
from codellama_lsp.engine.supervisor import EngineStage, EngineState
from codellama_lsp.lsp import progress
from codellama_lsp.lsp.indexing import IndexingReporter, index_status
from codellama_lsp.lsp.progress import ProgressBar, Shown
from codellama_lsp.lsp.session import Session
from codellama_lsp.lsp.status import StatusReporter, status_of
from codellama_lsp.telemetry.pace import Slow
from codellama_lsp.workspace.folders import State


@pytest.fixture
def session() -> Session:
    return Session(lambda model: pytest.fail("no engine is needed"), Options())


@pytest.mark.parametrize(
    ("engine", "running", "enabled", "expected"),
    [
        (EngineState(EngineStage.OFF), 0, True, {"state": "starting"}),
        (
            EngineState(EngineStage.LOADING, "m", 40),
            1,
            True,
            {"state": "loading", "model": "m", "percent": 40},
        ),
        (EngineState(EngineStage.LOADING, "m", 0), 0, True, {"state": "loading", "percent": 0}),
        (EngineState(EngineStage.READY, "m"), 0, True, {"state": "ready"}),
        (EngineState(EngineStage.READY, "m"), 2, True, {"state": "busy"}),
        (EngineState(EngineStage.READY, "m"), 2, False, {"state": "off"}),
        (
            EngineState(EngineStage.ERROR, "m", None, "broken", "mend it"),
            1,
            True,
            {"state": "error", "message": "broken", "remedy": "mend it"},
        ),
    ],
)
def test_payload(
    engine: EngineState, running: int, enabled: bool, expected: dict[str, Any], session: Session
) -> None:
    session.engine_state, session.running = engine, running
    if not enabled:
        session.toggle()
    told = status_of(session)
    assert told | expected == told


@pytest.mark.parametrize(
    ("uri", "language", "stage", "state", "words"),
    [
        ("file:///a.py", "python", EngineStage.READY, "ready", ""),
        ("file:///.env", "dotenv", EngineStage.READY, "off", "holds secrets"),
        ("file:///gen/a.py", "python", EngineStage.READY, "off", "excluded by 'gen/**'"),
        ("file:///a.md", "markdown", EngineStage.READY, "off", "off for markdown"),
        ("file:///a.md", "markdown", EngineStage.LOADING, "loading", ""),
        ("file:///a.md", "markdown", EngineStage.ERROR, "error", ""),
    ],
)
def test_off_here(
    uri: str, language: str, stage: EngineStage, state: str, words: str, session: Session
) -> None:
    session.set_initialization({"exclude": ["gen/**"], "languages_off": ["markdown"]})
    session.engine_state = EngineState(stage)
    session.look_at(uri, language)
    told = status_of(session)
    assert told["state"] == state
    assert words in told.get("message", "")
    session.look_away(uri)
    session.engine_state = EngineState(EngineStage.READY)
    assert status_of(session)["state"] == "ready"


def test_slow(session: Session) -> None:
    session.engine_state = EngineState(EngineStage.READY)
    session.pace.slow = Slow("it takes long", "do something")
    told = {"message": "it takes long", "remedy": "do something"}
    assert status_of(session) == {"state": "slow", **told}
    session.running = 1
    assert status_of(session) == {"state": "busy", **told}
    session.engine_state = EngineState(EngineStage.ERROR, message="broken")
    assert status_of(session)["message"] == "broken"


def test_nothing_is_told_twice_or_too_early(session: Session) -> None:
    server = Mock(session=session)
    reporter = StatusReporter(server, session)
    session.on_problem("early")
    session.on_change()
    server.protocol.notify.assert_not_called()
    reporter.begin()
    session.on_change()
    assert server.protocol.notify.call_count == 1
    assert server.window_show_message.call_count == 1
    reporter.end()
    session.toggle()
    assert server.protocol.notify.call_count == 1


class Bar:
    """A progress bar over a client that is not there."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, supported: bool = True) -> None:
        self.timers: list[Any] = []
        loop = Mock(call_later=lambda _, *call: self.timers.append(call) or Mock())
        monkeypatch.setattr(progress.asyncio, "get_running_loop", lambda: loop)
        self.server = Mock()
        self.server.client_capabilities.window.work_done_progress = supported
        self.client = self.server.work_done_progress
        self.client.tokens = {}
        self.cancelled = 0
        self.bar = ProgressBar(self.server, on_cancel=self._cancel)

    def _cancel(self) -> None:
        self.cancelled += 1

    def wait_a_moment(self) -> None:
        create, token = self.timers.pop()
        create(token)

    def client_agrees(self) -> None:
        token, begin = self.client.create.call_args.args
        self.client.tokens[token] = Future()
        begin(None)

    @property
    def calls(self) -> tuple[int, int, int]:
        bars = self.client
        return bars.begin.call_count, bars.report.call_count, bars.end.call_count


@pytest.mark.parametrize("supported", [True, False])
def test_progress(supported: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = Bar(monkeypatch, supported=supported)
    shown.bar.show(Shown("Loading m", 1))
    shown.bar.show(Shown("Loading m", 2))
    shown.wait_a_moment()
    assert shown.client.create.call_count == int(supported)
    if supported:
        shown.client_agrees()
    shown.bar.show(Shown("Loading m", 50))
    shown.bar.show(Shown("Loading m", 50))
    shown.bar.end()
    shown.bar.end()
    assert shown.calls == ((1, 1, 1) if supported else (0, 0, 0))
    assert shown.client.tokens == {}


def test_work_that_is_over_at_once_has_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = Bar(monkeypatch)
    shown.bar.show(Shown("Loading m"))
    shown.wait_a_moment()
    shown.bar.end()
    shown.client_agrees()
    assert shown.calls == (0, 0, 0) and shown.client.tokens == {}


def test_a_bar_can_be_cancelled_while_it_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = Bar(monkeypatch)
    shown.bar.show(Shown("Reading"))
    shown.wait_a_moment()
    shown.client_agrees()
    (token,) = shown.client.tokens
    future = shown.client.tokens[token]
    assert shown.client.begin.call_args.args[1].cancellable
    future.cancel()
    assert shown.cancelled == 1
    shown.bar.end()


def _building(done: int, total: int, **rest: Any) -> State:
    return {"state": "building", "done": done, "total": total, **rest}


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ([], None),
        ([{"state": "ready"}], {"state": "ready"}),
        ([{"state": "reading"}], {"state": "ready"}),
        ([_building(0, 0)], {"state": "building"}),
        (
            [_building(1, 4), _building(1, 4), {"state": "ready"}],
            {"state": "building", "percent": 25},
        ),
        (
            [{"state": "ready"}, {"state": "failed", "message": "full"}],
            {"state": "failed", "message": "full"},
        ),
        ([{"state": "off", "message": "home"}], {"state": "off", "message": "home"}),
    ],
)
def test_the_index_in_a_status(states: list[State], expected: dict[str, Any] | None) -> None:
    assert index_status(states) == expected


def test_a_failed_index_is_said_once() -> None:
    said: list[str] = []
    states = {Path("/w/app"): {"state": "failed", "message": "the disk is full"}}
    reporter = IndexingReporter(Mock(), Mock(states=states), said.append)
    reporter.show()
    reporter.show()
    assert len(said) == 1 and "app" in said[0] and "the disk is full" in said[0]
