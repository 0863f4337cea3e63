"""One folder's index as its process runs it: building in steps, changes, questions.

Holds the writer's lock where it can; else it reads what the other process writes, and takes over
when that one ends. Whatever it was not told is noticed at the latest when it would be shown.
Knows neither pipes nor editors.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import attrs

from codellama_lsp.context.assemble import Assembly
from codellama_lsp.context.candidates import Query
from codellama_lsp.context.ignore import OWN_IGNORE_FILE, Files, reason_not_to_index
from codellama_lsp.context.index.build import Builder, Progress
from codellama_lsp.context.index.library import Library
from codellama_lsp.context.index.location import (
    WriterLock,
    discard,
    folder_of,
    note_use,
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
#: Where nobody tells about changes, look for them this often.
_SCAN_EVERY_S = 60.0
#: After a scan that found nothing, the next one waits this many times as long as that one took:
#: some tools touch what looks like a branch switch all the time.
_REST = 5.0
_MOST_REST_S = 30.0
#: A scan that finds more files than this to be read says that it is building.
_WORTH_TELLING = 20
#: Files that turn out to have changed when they are chosen; more wait for their turn.
_MOST_CATCHING_UP = 20


@attrs.frozen
class IndexState:
    """For people."""

    state: str
    """building, ready, reading (another process writes), stopped, off or failed."""
    done: int = 0
    total: int = 0
    message: str = ""


class WorkspaceIndex:
    """An index that keeps itself true. Not for several threads."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.library = Library(root_name=self.root.name)
        self.state = IndexState("building")
        self._files = Files(self.root)
        self._lock: WriterLock | None = None
        self._folder: Path | None = None
        self._store: Store | None = None
        self._building: Iterator[Progress] | None = None
        self._changed: dict[str, None] = {}
        self._may_show: dict[str, bool] = {}
        self._rescan = False
        self._stopped = False
        self._unwatched = False
        self._built = False
        self._scan_began = 0.0
        self._scan_at = 0.0
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
            if not self._writes:
                return self._open(now)
            return self._work(now)
        except sqlite3.DatabaseError as error:
            self._failed(error)
        except OSError as error:
            self._pause(now, f"the index cannot be written ({error.strerror})")
        return False

    @property
    def _writes(self) -> bool:
        return self._lock is not None and self._lock.held

    def changed(self, paths: list[str]) -> None:
        """Files (with slashes, within the folder) were written, created, renamed or deleted."""
        if not self._writes:
            return  # whoever writes is told, too; and who takes over compares everything
        if any(path.startswith(".git/") for path in paths):
            self._rescan = True
        if any(path.rpartition("/")[2] in (".gitignore", OWN_IGNORE_FILE) for path in paths):
            self._scan_now()
        self._changed.update(dict.fromkeys(p for p in paths if not p.startswith(".git/")))
        if len(self._changed) > _MOST_SINGLE_CHANGES:
            self._changed.clear()
            self._scan_now()

    def rescan(self) -> None:
        """Something may have changed unnoticed."""
        self._rescan = True

    def unwatched(self) -> None:
        """Nobody will tell what changes: look for it now and then."""
        self._unwatched = True

    def stop_building(self) -> None:
        """Leave a build as far as it is: what is known is used, what changes is still read."""
        if self.state.state == "building":
            self._stopped = True

    def build(self) -> None:
        """Compare everything with the disk, also after `stop_building` or a failure."""
        self._stopped, self._retry_at = False, 0.0
        self._scan_now()

    def set_neighbours(self, folders: list[tuple[Path, str]]) -> None:
        """The workspace's other folders, by roots and by how their paths begin here."""
        self.library.others.set(folders, self.root)
        for path in [path for path in self.library.open_paths if path.startswith("../")]:
            self.library.close(path)  # they come again, perhaps under another path
        self._may_show.clear()

    def open(self, path: str, text: str, language: str) -> None:
        """A buffer was opened or has changed; one of another folder has its path from here."""
        if path not in self._may_show:
            other = self.library.others.of(path)
            files, inner = (self._files, path) if other is None else (other[0].files, other[1])
            self._may_show[path] = files.may_show(inner)
        self.library.open(path, text, language, shown=self._may_show[path])

    def close_buffer(self, path: str) -> None:
        """A buffer was closed."""
        self._may_show.pop(path, None)
        self.library.close(path)

    def select(self, query: Query, budget_tokens: int, chars_per_token: float) -> Assembly:
        """What to send for a cursor; nothing while there is no index."""
        nothing = Assembly((), (), budget_tokens)
        if self.state.state == "off":
            return nothing

        def chosen() -> Assembly:
            return select(
                self.library, query, budget_tokens=budget_tokens, chars_per_token=chars_per_token
            )

        try:
            self.library.others.refresh()
            found = chosen()
            if stale := self._stale(found):
                self._catch_up(stale)
                found = chosen()
                stale = self._stale(found)
            return found.without(stale) if stale else found
        except sqlite3.DatabaseError as error:
            self._failed(error)
            return nothing

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
            note_use(self._folder)
            self._built = False
            self._begin(self._store)
            self.state = IndexState("building", message=f"built anew: {wrong}" if wrong else "")
            return True
        if self._store is None and (store := open_for_reading(self._folder)) is not None:
            self._store = self.library.disk = store
            self.state = IndexState("reading", *store.count())
        self._retry_at = now + _TAKE_OVER_S
        return False

    def _work(self, now: float) -> bool:
        assert self._store is not None
        if self._building is not None:
            return self._build(self._store, self._building)
        if self._unwatched and now > self._scan_at + _SCAN_EVERY_S:
            self._rescan = True
        if self._rescan and not self._stopped and now >= self._scan_at:
            self._rescan = False
            self._may_show.clear()
            self._begin(self._store)
            return True
        if self._changed:
            path = next(iter(self._changed))
            del self._changed[path]
            if (self.root / path).is_dir():
                self._scan_now()
                return True
            Builder(self._files, self._store).update(path)
            return True
        return False

    def _scan_now(self) -> None:
        self._rescan, self._scan_at = True, 0.0

    def _begin(self, store: Store) -> None:
        self._changes, self._scan_began = 0, time.monotonic()
        self._building = Builder(self._files, store).build()

    def _build(self, store: Store, building: Iterator[Progress]) -> bool:
        """One step of a build or a scan."""
        progress = None if self._stopped else next(building, None)
        if progress is not None:
            self._changes = progress.changed
            if not self._built or self._changes > _WORTH_TELLING:
                self.state = attrs.evolve(
                    self.state, state="building", done=progress.done, total=progress.total
                )
            return True
        self._building = None
        now = time.monotonic()
        took_s = 0.0 if self._changes else now - self._scan_began
        self._scan_at = now + min(took_s * _REST, _MOST_REST_S)
        if self._stopped:
            store.commit()
            read = f"{self.state.done} of {self.state.total} files"
            self.state = attrs.evolve(
                self.state, state="stopped", message=f"reading was stopped at {read}"
            )
            return True
        self._built = True
        if self._changes > store.count()[0] // 10:
            store.note_common()
        self.state = IndexState("ready", *store.count())
        return True

    def _stale(self, found: Assembly) -> list[str]:
        """Files in a choice that are no longer what the index says, if only because they left."""
        paths = dict.fromkeys(chunk.path for chunk in found.chunks)
        return [path for path in paths if self._is_stale(path)]

    def _is_stale(self, path: str) -> bool:
        if self.library.opened(path) is not None:
            return False
        store, full, known_as = self._store, self.root / path, path
        if self.library.others.covers(path) and (other := self.library.others.of(path)):
            store, full, known_as = other[0].store, other[0].root / other[1], other[1]
        known = store.facts(known_as) if store is not None else None
        if known is None:
            return True
        try:
            facts = full.lstat()
        except OSError:
            return True
        return (facts.st_size, facts.st_mtime_ns) != (known.size, known.mtime_ns)

    def _catch_up(self, paths: Iterable[str]) -> None:
        """Read files that have changed at once; while building, they wait for their turn."""
        own = [path for path in paths if not self.library.others.covers(path)]
        if not self._writes or self._store is None or self._building is not None:
            return self.changed(own)
        try:
            for path in own[:_MOST_CATCHING_UP]:
                Builder(self._files, self._store).update(path)
        except sqlite3.OperationalError as error:
            self._failed(error)
        return self.changed(own[_MOST_CATCHING_UP:])

    def _failed(self, error: sqlite3.DatabaseError) -> None:
        """Tell what can be waited for from what has to be built anew."""
        operational = isinstance(error, sqlite3.OperationalError)
        if operational and "no such table" not in str(error):
            return self._pause(time.monotonic(), f"the index cannot be used ({error})")
        return self._repair(time.monotonic())

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
        self.state = IndexState(
            "failed",
            message=f"{message}; what was read before is used, next attempt in {_RETRY_S:.0f} s",
        )
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
