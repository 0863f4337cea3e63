"""One progress bar of the client's at a time, for work that takes longer than a moment.

Nothing here is awaited: a client that does not answer shows no bar, and nothing else is different.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable

import attrs
from lsprotocol import types
from pygls.lsp.server import LanguageServer
from pygls.progress import Progress

#: What is over sooner is not worth a bar.
_AFTER_S = 1.0


@attrs.frozen
class Shown:
    """What a bar says."""

    title: str
    percent: int | None = None
    message: str = ""


class ProgressBar:
    """Begins, goes on and ends as it is told; `on_cancel` makes it one that can be cancelled."""

    def __init__(self, server: LanguageServer, on_cancel: Callable[[], None] | None = None) -> None:
        self._server = server
        self._on_cancel = on_cancel
        self._token = ""
        self._begun = False
        self._now = self._told = Shown("")
        self._timer: asyncio.TimerHandle | None = None

    def show(self, now: Shown) -> None:
        """Work is going on; the first call says that it has begun."""
        self._now = now
        if not self._token:
            self._token = str(uuid.uuid4())
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(_AFTER_S, self._create, self._token)
        elif self._begun and now != self._told:
            self._told = now
            report = types.WorkDoneProgressReport(
                percentage=now.percent,
                message=now.message or None,
                cancellable=self._on_cancel is not None,
            )
            self._bars.report(self._token, report)

    def end(self, message: str = "") -> None:
        """It is over; where nothing is going on, nothing happens."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        token, self._token = self._token, ""
        if self._begun:
            self._begun = False
            self._bars.end(token, types.WorkDoneProgressEnd(message=message or None))
        self._bars.tokens.pop(token, None)

    @property
    def _bars(self) -> Progress:
        return self._server.work_done_progress

    def _create(self, token: str) -> None:
        self._timer = None
        window = self._server.client_capabilities.window
        if window is not None and window.work_done_progress:
            self._bars.create(token, lambda _: self._begin(token))

    def _begin(self, token: str) -> None:
        """The client has made the bar, perhaps too late."""
        if token != self._token:
            self._bars.tokens.pop(token, None)
            return
        self._begun, self._told = True, self._now
        begin = types.WorkDoneProgressBegin(
            title=self._now.title,
            percentage=0 if self._now.percent is None else self._now.percent,
            message=self._now.message or None,
            cancellable=self._on_cancel is not None,
        )
        self._bars.begin(token, begin)
        if self._on_cancel is not None:
            self._bars.tokens[token].add_done_callback(lambda _: self._cancelled(token))

    def _cancelled(self, token: str) -> None:
        if token == self._token and self._on_cancel is not None:
            self._on_cancel()
