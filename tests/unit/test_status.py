"""What a status bar is told, and the progress bar while a model loads."""

from __future__ import annotations

from typing import Any
from unittest.mock import Mock

import pytest

from codellama_lsp.config.options import Options
from codellama_lsp.engine.supervisor import EngineStage, EngineState
from codellama_lsp.lsp import status
from codellama_lsp.lsp.session import Session
from codellama_lsp.lsp.status import LoadingProgress, StatusReporter, status_of
from codellama_lsp.telemetry.pace import Slow


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


@pytest.mark.parametrize("supported", [True, False])
async def test_progress(supported: bool, session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    timers: list[Any] = []
    monkeypatch.setattr(
        status.asyncio,
        "get_running_loop",
        lambda: Mock(call_later=lambda _, call, token: timers.append((call, token)) or Mock()),
    )
    server = Mock(session=session)
    server.client_capabilities.window.work_done_progress = supported
    bar = server.work_done_progress
    progress = LoadingProgress(server, session)
    for percent in (1, 2):
        session.engine_state = EngineState(EngineStage.LOADING, "m", percent)
        progress.show(session)
    ((create, token),) = timers
    create(token)
    assert bar.create.call_count == int(supported)
    if supported:
        bar.create.call_args.args[1](None)
    session.engine_state = EngineState(EngineStage.LOADING, "m", 50)
    progress.show(session)
    session.engine_state = EngineState(EngineStage.READY, "m")
    progress.show(session)
    progress.show(session)
    calls = (bar.begin.call_count, bar.report.call_count, bar.end.call_count)
    assert calls == ((1, 1, 1) if supported else (0, 0, 0))
