"""`codellama/status` notifications for status bars, and progress while a model loads.

Payload: ``{"state", "percent"?, "model"?, "message"?, "remedy"?, "last_ms"?, "index"?}``. While
the model works slowly, `busy` says so, too, so that nothing flickers but the one word.
"""

from __future__ import annotations

import enum
from typing import Any

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from codellama_lsp.completion.exclusion import reason_to_exclude
from codellama_lsp.completion.types import DocumentSnapshot
from codellama_lsp.config.settings import FILE_NAME, Settings
from codellama_lsp.engine.supervisor import EngineStage
from codellama_lsp.lsp.indexing import IndexingReporter, index_status
from codellama_lsp.lsp.progress import ProgressBar, Shown
from codellama_lsp.lsp.session import Session

STATUS = "codellama/status"


class State(enum.StrEnum):
    """What a status bar shows: a closed set."""

    STARTING = "starting"
    LOADING = "loading"
    READY = "ready"
    BUSY = "busy"
    """A request is being answered."""
    SLOW = "slow"
    """It works, and takes long."""
    OFF = "off"
    """Switched off, everywhere or where the user looks."""
    ERROR = "error"


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
    state, message, remedy = _state(session)
    details = {
        "percent": engine.percent,
        "model": engine.model,
        "message": message,
        "remedy": remedy,
        "last_ms": None if session.last_ms is None else round(session.last_ms, 1),
        "index": index_status(session.workspace.states.values()),
    }
    return {"state": state.value} | {
        key: value for key, value in details.items() if value not in (None, "")
    }


def _state(session: Session) -> tuple[State, str, str]:
    """The state, what is to say about it, and what can be done."""
    engine, slow = session.engine_state, session.pace.slow
    if not session.settings.enabled:
        return (
            State.OFF,
            "suggestions are switched off",
            "Switch them on with the command codellama.toggle, or set `enabled` to true.",
        )
    if engine.stage is EngineStage.OFF:
        return State.STARTING, engine.message, engine.remedy
    if engine.stage is not EngineStage.READY:
        return State(engine.stage.value), engine.message, engine.remedy
    here = session.here
    if here is not None and (why := reason_off(here, session.settings_at(here.uri))):
        return State.OFF, *why
    if slow is not None:
        return State.BUSY if session.running else State.SLOW, slow.message, slow.remedy
    return State.BUSY if session.running else State.READY, engine.message, engine.remedy


def reason_off(document: DocumentSnapshot, settings: Settings) -> tuple[str, str] | None:
    """Why there is nothing in a document, and what can be done; None where there is no reason."""
    language = document.language_id
    if not settings.enabled:
        return "suggestions are switched off in this folder", f"Its {FILE_NAME} says so."
    if language in settings.languages_off:
        return (
            f"suggestions are off for {language}",
            f'Take "{language}" out of the setting `languages_off`.',
        )
    if reason := reason_to_exclude(document.uri, document.text, settings.exclude):
        return f"no suggestions in this file: {reason}", ""
    return None
