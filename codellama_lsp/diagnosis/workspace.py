"""Checks of what workspaces are read with: the database's text search, git, and the indexes."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from codellama_lsp import dirs
from codellama_lsp.diagnosis.check import Check, ok, warning

_MB = 1_000_000


def workspace() -> Iterator[Check]:
    """Whether other files' code can stand in prompts here."""
    yield _search()
    if shutil.which("git"):
        yield ok("git", "decides which files are ignored")
    else:
        yield warning(
            "git",
            "not found",
            "Ignored files are told by .gitignore files alone, without git's own settings.",
        )
    folder = dirs.cache_dir() / "index"
    files = [path for path in folder.glob("*/index.sqlite3*") if path.is_file()]
    projects = len({path.parent for path in files})
    size = sum(map(_size, files)) / _MB
    yield ok("workspace indexes", f"{projects}, {size:.1f} MB in {folder}; may be deleted any time")


def _search() -> Check:
    try:
        with sqlite3.connect(":memory:") as database:
            database.execute("CREATE VIRTUAL TABLE t USING fts5(x)")
    except sqlite3.Error as error:
        return warning(
            "workspace search",
            f"SQLite {sqlite3.sqlite_version} cannot ({error})",
            "Suggestions use the open file alone; a Python with FTS5 in its SQLite reads the rest.",
        )
    return ok("workspace search", f"SQLite {sqlite3.sqlite_version} with FTS5")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
