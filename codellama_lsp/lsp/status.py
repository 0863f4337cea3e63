"""`codellama/status` notifications for status bars, and progress while a model loads.

Payload: ``{"state", "percent"?, "model"?, "message"?, "remedy"?, "last_ms"?, "index"?}``.
"""

from __future__ import annotations

from typing import Any

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from codellama_lsp.engine.supervisor import EngineStage
from codellama_lsp.lsp.indexing import IndexingReporter, index_status
from codellama_lsp.lsp.progress import ProgressBar, Shown
from codellama_lsp.lsp.session import Session

STATUS = "codellama/status"


class StatusReporter:
    """Tells the client what changed, never the same twice."""

    def __init__(self, server: LanguageServer, session: Session) -> None:
        self._server, self._session = server, session
        self._last: dict[str, Any] | None = None
        self._on = False
        self._loading = ProgressBar(server)
        self._indexing = IndexingReporter(server, session.workspace, self._problem)
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
        engine = self._session.engine_state
        if engine.stage is EngineStage.LOADING:
            self._loading.show(Shown(f"Loading {engine.model}", engine.percent))
        else:
            self._loading.end()
        self._indexing.show()

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
        "index": index_status(session.workspace.states.values()),
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
