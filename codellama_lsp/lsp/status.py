"""`codellama/status` notifications for status bars, and progress while a model loads.

Payload: ``{"state", "percent"?, "model"?, "message"?, "remedy"?, "last_ms"?}``. While the model
works slowly, `busy` says so, too, so that nothing flickers but the one word.
"""

from __future__ import annotations

import asyncio
import enum
import uuid
from typing import Any

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from codellama_lsp.completion.exclusion import reason_to_exclude
from codellama_lsp.completion.types import DocumentSnapshot
from codellama_lsp.config.settings import FILE_NAME, Settings
from codellama_lsp.engine.supervisor import EngineStage
from codellama_lsp.lsp.session import Session

STATUS = "codellama/status"

#: Loading that is over sooner than this is not worth a progress bar.
_PROGRESS_AFTER_S = 1.0


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
    state, message, remedy = _state(session)
    details = {
        "percent": engine.percent,
        "model": engine.model,
        "message": message,
        "remedy": remedy,
        "last_ms": None if session.last_ms is None else round(session.last_ms, 1),
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
