"""`codellama/status` notifications for status bars, and progress while a model loads.

Payload: ``{"state", "percent"?, "model"?, "message"?, "remedy"?, "last_ms"?}``.
"""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from codellama_lsp.engine.supervisor import EngineStage
from codellama_lsp.lsp.session import Session

STATUS = "codellama/status"

#: Loading that is over sooner than this is not worth a progress bar.
_PROGRESS_AFTER_S = 1.0


class StatusReporter:
    """Tells the client what changed, never the same twice."""

    def __init__(self, server: LanguageServer, session: Session) -> None:
        self._server, self._session = server, session
        self._last: dict[str, Any] | None = None
        self._on = False
        self._progress = LoadingProgress(server, session)
        session.on_change = self._changed
        session.on_problem = self._problem
        self._early_problems: list[str] = []

    def begin(self) -> None:
        """The client is ready to be told."""
        self._on = True
        for problem in self._early_problems:
            self._problem(problem)
        self._early_problems.clear()
        self._changed()

    def end(self) -> None:
        """Tell nothing any more."""
        self._on = False

    def _changed(self) -> None:
        if not self._on:
            return
        status = status_of(self._session)
        if status != self._last:
            self._last = status
            self._server.protocol.notify(STATUS, status)
        self._progress.show(self._session)

    def _problem(self, sentence: str) -> None:
        if not self._on:
            self._early_problems.append(sentence)
            return
        self._server.window_show_message(
            types.ShowMessageParams(types.MessageType.Warning, f"codellama-lsp: {sentence}")
        )


def status_of(session: Session) -> dict[str, Any]:
    """The payload for a session as it is now."""
    engine = session.engine_state
    status: dict[str, Any] = {"state": _state(session)}
    details = {
        "percent": engine.percent,
        "model": engine.model,
        "message": engine.message,
        "remedy": engine.remedy,
        "last_ms": None if session.last_ms is None else round(session.last_ms, 1),
    }
    status.update({key: value for key, value in details.items() if value not in (None, "")})
    return status


def _state(session: Session) -> str:
    if not session.settings.enabled:
        return "off"
    if session.engine_state.stage is EngineStage.READY:
        return "busy" if session.running else "ready"
    if session.engine_state.stage is EngineStage.OFF:
        return "starting"
    return session.engine_state.stage.value


class LoadingProgress:
    """A progress bar while a model loads, for clients that have one. Nothing here is awaited."""

    def __init__(self, server: LanguageServer, session: Session) -> None:
        self._server, self._session = server, session
        self._token: str | None = None
        self._shown = False
        self._timer: asyncio.TimerHandle | None = None

    def show(self, session: Session) -> None:
        """Begin, go on or end, as the engine's state wants."""
        loading = session.engine_state.stage is EngineStage.LOADING
        if loading and self._token is None:
            self._token = str(uuid.uuid4())
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(_PROGRESS_AFTER_S, self._create, self._token)
        elif loading and self._shown and self._token is not None:
            report = types.WorkDoneProgressReport(percentage=session.engine_state.percent)
            self._server.work_done_progress.report(self._token, report)
        elif not loading and self._token is not None:
            self._end()

    def _create(self, token: str) -> None:
        window = self._server.client_capabilities.window
        if window is not None and window.work_done_progress:
            self._server.work_done_progress.create(token, lambda _: self._begin(token))

    def _begin(self, token: str) -> None:
        if token != self._token:
            return
        self._shown = True
        begin = types.WorkDoneProgressBegin(
            title=f"Loading {self._session.engine_state.model}", percentage=0
        )
        self._server.work_done_progress.begin(token, begin)

    def _end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._shown and self._token is not None:
            self._server.work_done_progress.end(self._token, types.WorkDoneProgressEnd())
        self._token, self._shown = None, False
