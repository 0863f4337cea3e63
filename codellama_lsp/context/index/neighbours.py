"""The other folders of a workspace, as one folder's index sees them: read-only, under other paths.

Each folder's index is written by a process of its own; here it is opened for reading, and again
when it was built anew. Paths begin with the way from this folder to that one (``../lib/``), which
is what relative imports between them say, too.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

import attrs

from codellama_lsp.context.ignore import Files
from codellama_lsp.context.index.definition import Found
from codellama_lsp.context.index.imports import Import
from codellama_lsp.context.index.location import folder_of, identity, open_for_reading
from codellama_lsp.context.index.store import Store

log = logging.getLogger(__name__)

_LOOK_AGAIN_S = 1.0
T = TypeVar("T")


class Neighbour:
    """One other folder."""

    def __init__(self, root: Path, prefix: str, home: Path) -> None:
        self.root = root.resolve()
        self.prefix = prefix.rstrip("/") + "/"
        self.files = Files(self.root)
        self.store: Store | None = None
        self._home = f"{home.relative_to(self.root).as_posix()}/" if _holds(self.root, home) else ""
        self._identity: object = None
        self._look_at_s = 0.0

    def refresh(self) -> None:
        """Open the index, or the one that was built in its place."""
        now = time.monotonic()
        if now < self._look_at_s:
            return
        self._look_at_s = now + _LOOK_AGAIN_S
        try:
            folder = folder_of(self.root)
        except OSError:
            return
        there = identity(folder)
        if self.store is not None and there == self._identity:
            return
        self.close()
        self.store, self._identity = open_for_reading(folder), there

    def outer(self, path: str) -> str | None:
        """What a path of that folder is called here; None for what belongs to this folder."""
        if self._home and path.startswith(self._home):
            return None
        return self.prefix + path

    def inner(self, path: str) -> str | None:
        """The other way round; None for what is not in that folder."""
        return path.removeprefix(self.prefix) if path.startswith(self.prefix) else None

    def close(self) -> None:
        """Give the database back."""
        if self.store is not None:
            with contextlib.suppress(sqlite3.Error):
                self.store.close()
        self.store, self._look_at_s = None, 0.0


class Neighbours:
    """All of them. What cannot be read just now has nothing to say."""

    def __init__(self) -> None:
        self._all: list[Neighbour] = []

    def set(self, folders: Iterable[tuple[Path, str]], home: Path) -> None:
        """These, by their roots and by how their paths begin here."""
        for old in self._all:
            old.close()
        self._all = [Neighbour(root, prefix, home) for root, prefix in folders]

    def refresh(self) -> None:
        """Before a question: take notice of indexes that have come or were built anew."""
        for one in self._all:
            one.refresh()

    def of(self, path: str) -> tuple[Neighbour, str] | None:
        """The folder that a path is in, the innermost one, and its path there."""
        for one in sorted(self._all, key=lambda one: -len(one.prefix)):
            if (inner := one.inner(path)) is not None:
                return one, inner
        return None

    def covers(self, path: str) -> bool:
        """Whether a path is another folder's to know, even if it lies within this one."""
        return any(one.inner(path) is not None for one in self._all)

    def found(self, ask: Callable[[Store], Iterable[Found]]) -> list[Found]:
        """What each of them answers, under the paths that hold here."""
        return [_moved(f, path) for f, path in self._each(ask, lambda f: f.path)]

    def hits(
        self, ask: Callable[[Store], Iterable[tuple[Found, float]]]
    ) -> list[tuple[Found, float]]:
        """The same for scored definitions."""
        each = self._each(ask, lambda hit: hit[0].path)
        return [(_moved(found, path), score) for (found, score), path in each]

    def paths(self, ask: Callable[[Store], Iterable[str]]) -> list[str]:
        """The same for paths."""
        return [path for _, path in self._each(ask, lambda path: path)]

    def frequency(self, words: list[str]) -> dict[str, int]:
        """In how many of their definitions each word occurs."""
        total: dict[str, int] = {}
        for one in self._all:
            for word, n in self._ask(one, lambda store: store.frequency(words).items()):
                total[word] = total.get(word, 0) + n
        return total

    def in_file(self, path: str, name: str | None) -> list[Found]:
        """What a file that they cover defines."""
        other = self.of(path)
        if other is None:
            return []
        one, inner = other
        return [_moved(f, path) for f in self._ask(one, lambda store: store.in_file(inner, name))]

    def imports_of(self, path: str) -> list[Import]:
        """What a file that they cover imports."""
        other = self.of(path)
        return [] if other is None else self._ask(other[0], lambda s: s.imports_of(other[1]))

    @property
    def size(self) -> int:
        """How many definitions they have, roughly."""
        return sum(n for one in self._all for n in self._ask(one, lambda store: [store.size]))

    def _each(
        self, ask: Callable[[Store], Iterable[T]], path_of: Callable[[T], str]
    ) -> list[tuple[T, str]]:
        result = []
        for one in self._all:
            for answer in self._ask(one, ask):
                if (path := one.outer(path_of(answer))) is not None:
                    result.append((answer, path))
        return result

    def _ask(self, one: Neighbour, ask: Callable[[Store], Iterable[T]]) -> list[T]:
        if one.store is None:
            return []
        try:
            return list(ask(one.store))
        except sqlite3.Error as error:
            log.warning("the index of another folder cannot be read (%s)", type(error).__name__)
            one.close()
            return []


def _moved(found: Found, path: str) -> Found:
    return attrs.evolve(found, path=path)


def _holds(folder: Path, other: Path) -> bool:
    return other != folder and other.is_relative_to(folder)
