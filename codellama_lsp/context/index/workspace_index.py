"""One folder's index as its process runs it: building in steps, changes, questions.

Holds the writer's lock where it can; else it reads what the other process writes, and takes over
when that one ends. Knows neither pipes nor editors.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import attrs

from codellama_lsp.context.assemble import Assembly
from codellama_lsp.context.candidates import Query
from codellama_lsp.context.ignore import Files, reason_not_to_index
from codellama_lsp.context.index.build import Builder, Progress
from codellama_lsp.context.index.library import Library
from codellama_lsp.context.index.location import (
    WriterLock,
    discard,
    folder_of,
    open_for_reading,
    open_for_writing,
)
from codellama_lsp.context.index.store import Store
from codellama_lsp.context.select import select

log = logging.getLogger(__name__)

#: More changed files than this at once (another branch was checked out) are found by a scan.
_MOST_SINGLE_CHANGES = 200
_RETRY_S = 30.0
_TAKE_OVER_S = 5.0


@attrs.frozen
class IndexState:
    """For people."""

    state: str
    """building, ready, reading (another process writes), off or failed."""
    done: int = 0
    total: int = 0
    message: str = ""


class WorkspaceIndex:
    """An index that keeps itself true. Not for several threads."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.library = Library()
        self.state = IndexState("building")
        self._files = Files(self.root)
        self._lock: WriterLock | None = None
        self._folder: Path | None = None
        self._store: Store | None = None
        self._building: Iterator[Progress] | None = None
        self._changed: dict[str, None] = {}
        self._may_show: dict[str, bool] = {}
        self._rescan = False
        self._retry_at = 0.0
        self._repairs = 0
        self._changes = 0
        if reason := reason_not_to_index(self.root):
            self.state = IndexState("off", message=f"{self.root} is not indexed: {reason}")

    def step(self) -> bool:
        """Do a little of what there is to do; False where nothing is left for now."""
        if self.state.state == "off":
            return False
        now = time.monotonic()
        if now < self._retry_at:
            return False
        try:
            if self._lock is None or not self._lock.held:
                return self._open(now)
            return self._work()
        except sqlite3.OperationalError as error:
            self._pause(now, f"the index cannot be written ({error})")
        except sqlite3.DatabaseError:
            self._repair(now)
        except OSError as error:
            self._pause(now, f"the index cannot be written ({error.strerror})")
        return False

    def changed(self, paths: list[str]) -> None:
        """Files (with slashes, within the folder) were written, created, renamed or deleted."""
        names = (".gitignore", ".codellamaignore")
        if any(path.rpartition("/")[2] in names or path.startswith(".git/") for path in paths):
            self._rescan = True
        self._changed.update(dict.fromkeys(p for p in paths if not p.startswith(".git/")))
        if len(self._changed) > _MOST_SINGLE_CHANGES:
            self._changed.clear()
            self._rescan = True

    def open(self, path: str, text: str, language: str) -> None:
        """A buffer was opened or has changed."""
        if path not in self._may_show:
            self._may_show[path] = self._files.may_show(path)
        self.library.open(path, text, language, shown=self._may_show[path])

    def close_buffer(self, path: str) -> None:
        """A buffer was closed."""
        self._may_show.pop(path, None)
        self.library.close(path)

    def select(self, query: Query, budget_tokens: int, chars_per_token: float) -> Assembly:
        """What to send for a cursor; nothing while there is no index."""
        if self.state.state == "off":
            return Assembly((), (), budget_tokens)
        try:
            return select(
                self.library, query, budget_tokens=budget_tokens, chars_per_token=chars_per_token
            )
        except sqlite3.DatabaseError:
            self._repair(time.monotonic())
            return Assembly((), (), budget_tokens)

    def close(self) -> None:
        """Give everything back; a build that is under way keeps what it has."""
        if self._store is not None:
            try:
                self._store.commit()
                self._store.close()
            except sqlite3.Error:
                log.warning("the index could not be closed")
        if self._lock is not None:
            self._lock.give_back()

    def _open(self, now: float) -> bool:
        if self._folder is None:
            self._folder = folder_of(self.root)
            self._lock = WriterLock(self._folder)
        assert self._lock is not None
        if self._lock.try_take():
            if self._store is not None:
                self._store.close()
            self._store, wrong = open_for_writing(self._folder)
            self.library.disk = self._store
            self._building = Builder(self._files, self._store).build()
            self.state = IndexState("building", message=f"built anew: {wrong}" if wrong else "")
            return True
        if self._store is None and (store := open_for_reading(self._folder)) is not None:
            self._store = self.library.disk = store
            self.state = IndexState("reading", *store.count())
        self._retry_at = now + _TAKE_OVER_S
        return False

    def _work(self) -> bool:
        assert self._store is not None
        if self._building is not None:
            progress = next(self._building, None)
            if progress is not None:
                self._changes += 1
                self.state = attrs.evolve(
                    self.state, state="building", done=progress.done, total=progress.total
                )
                return True
            self._building = None
            if self._changes > self._store.count()[0] // 10:
                self._store.note_common()
                self._changes = 0
            self.state = IndexState("ready", *self._store.count())
            return True
        if self._rescan:
            self._rescan = False
            self._may_show.clear()
            self._building = Builder(self._files, self._store).build()
            return True
        if self._changed:
            path = next(iter(self._changed))
            del self._changed[path]
            if (self.root / path).is_dir():
                self._rescan = True
                return True
            Builder(self._files, self._store).update(path)
            return True
        return False

    def _pause(self, now: float, message: str) -> None:
        """A full disk, a lock: what was there stays in use, and we try again later."""
        log.warning("%s", message)
        if self._store is not None:
            try:
                self._store.roll_back()
            except sqlite3.Error:
                log.warning("the index could not be rolled back")
        self._building = None
        self._rescan = True
        self.state = IndexState("failed", message=f"{message}; trying again in {_RETRY_S:.0f} s")
        self._retry_at = now + _RETRY_S

    def _repair(self, now: float) -> None:
        """The database turned out to be damaged: build it anew, if it is ours."""
        self._repairs += 1
        ours = self._lock is not None and self._lock.held
        if self._store is not None:
            self._store.close()
        self._store, self._building = None, None
        self.library.disk = Library().disk
        if not ours or self._repairs > 3 or self._folder is None or self._lock is None:
            return self._pause(now, "the index is damaged")
        discard(self._folder)
        self._lock.give_back()
        self.state = IndexState("building", message="built anew: it was damaged")
        return None
