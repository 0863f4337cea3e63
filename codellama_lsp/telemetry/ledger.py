"""Counts that outlive the server: one SQLite file of the user's own, numbers and names of kinds.

No text, no path and no name of a file is ever written. Writing happens in a thread, a little
later, and what cannot be written is dropped: counting must never stand in anyone's way.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs

from codellama_lsp.completion.outcome import Outcome
from codellama_lsp.completion.types import Completion, CompletionRequest
from codellama_lsp.dirs import make_private

log = logging.getLogger(__name__)

LEDGER_NAME = "stats.sqlite3"

_WRITE_AFTER_S = 2.0
_LOCK_PATIENCE_S = 2.0

#: Latencies are counted in classes that are 10% wide.
_CLASS_WIDTH = math.log(1.1)

#: Outcomes whose detail is one of our own words, never something of the user's.
_TELLING = frozenset({Outcome.FILTERED, Outcome.SKIPPED})

_TABLES = """
CREATE TABLE IF NOT EXISTS counts (
    day TEXT, client TEXT, language TEXT, plan TEXT, kind TEXT, what TEXT, detail TEXT, n INTEGER,
    PRIMARY KEY (day, client, language, plan, kind, what, detail)
) WITHOUT ROWID;
"""
_ADD = """
INSERT INTO counts VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET n = n + excluded.n
"""


@attrs.frozen
class Key:
    """What is counted together."""

    day: str
    """In UTC, as YYYY-MM-DD."""
    client: str
    language: str
    plan: str
    kind: str
    """"outcome", "event", "asked" (of the model), or "ms" (a class of latencies)."""
    what: str
    detail: str = ""


class Ledger:
    """Counts, kept in memory until they are written."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._clock = clock
        self._fresh: Counter[Key] = Counter()
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Task[None] | None = None

    def ended(self, request: CompletionRequest, completion: Completion, client: str) -> None:
        """A request ended."""
        outcome = completion.outcome
        detail = completion.detail if outcome in _TELLING else ""
        language = request.document.language_id
        self._add(client, language, completion.plan, "outcome", outcome.value, detail)
        if outcome.has_items:
            ms = str(latency_class(completion.ms.total))
            self._add(client, language, outcome.value, "ms", ms)

    def asked(self, request: CompletionRequest, client: str, *, ahead: bool) -> None:
        """The model is asked: for a request, or ahead of one that may come."""
        self._add(
            client, request.document.language_id, "", "asked", "ahead" if ahead else "visible"
        )

    def event(self, what: str, client: str, language: str, plan: str) -> None:
        """Something happened to a suggestion: it was shown, accepted or the like."""
        self._add(client, language, plan, "event", what)

    def write(self) -> None:
        """Write what was counted; blocks, and drops what cannot be written."""
        fresh, self._fresh = self._fresh, Counter()
        if not fresh:
            return
        try:
            make_private(self._path.parent)
            with contextlib.closing(self._connect()) as connection, connection:
                connection.executescript(_TABLES)
                rows = [(*attrs.astuple(key), n) for key, n in fresh.items()]
                connection.executemany(_ADD, rows)
            self._path.chmod(0o600)
        except (OSError, sqlite3.Error) as error:
            log.warning("counts were not written (%s)", type(error).__name__)

    def rows(self) -> Iterator[tuple[Key, int]]:
        """All that was written. Raises `sqlite3.Error` for a file that is no ledger."""
        if not self._path.exists():
            return
        with contextlib.closing(self._connect()) as connection:
            connection.executescript(_TABLES)
            for *key, n in connection.execute("SELECT * FROM counts"):
                yield Key(*key), n

    async def close(self) -> None:
        """Write the rest."""
        if self._timer is not None:
            self._timer.cancel()
        if self._writing is not None:
            await asyncio.wait({self._writing})
        await asyncio.to_thread(self.write)

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, timeout=_LOCK_PATIENCE_S)

    def _add(
        self, client: str, language: str, plan: str, kind: str, what: str, detail: str = ""
    ) -> None:
        day = time.strftime("%Y-%m-%d", time.gmtime(self._clock()))
        self._fresh[Key(day, client, language, plan, kind, what, detail)] += 1
        if self._timer is None:
            try:
                loop = asyncio.get_running_loop()
            except RuntimeError:
                return
            self._timer = loop.call_later(_WRITE_AFTER_S, self._begin_writing)

    def _begin_writing(self) -> None:
        self._timer = None
        self._writing = asyncio.create_task(asyncio.to_thread(self.write))


def latency_class(ms: float) -> int:
    """The number of the class that a latency belongs to."""
    return round(math.log(max(ms, 0.1)) / _CLASS_WIDTH)


def latency_of(number: int) -> float:
    """The middle of a class, in ms."""
    return math.exp(number * _CLASS_WIDTH)
