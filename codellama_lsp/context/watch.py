"""Changes of files on disk, where the editor doesn't tell: watchdog, in a thread of its own.

Gathers what happens within a moment, so that a branch switch is one message.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

from codellama_lsp.context.ignore import OWN_IGNORE_FILE, reason_to_skip

log = logging.getLogger(__name__)

_GATHER_S = 0.05
_SIGNS = (".git/HEAD", ".git/index")
"""Of a repository, only what tells that another branch was checked out."""


class Watcher:
    """Watches a folder; tells paths within it, with slashes."""

    def __init__(self, root: Path, tell: Callable[[list[str]], None]) -> None:
        self._root = root
        self._tell = tell
        self._observer = Observer()
        self._gathered: dict[str, None] = {}
        self._guard = threading.Lock()
        self._timer: threading.Timer | None = None

    def start(self) -> bool:
        """Begin, which takes a while in large folders; False where that is not possible."""
        try:
            self._observer.schedule(_Handler(self._happened), str(self._root), recursive=True)
            self._observer.start()
        except OSError as error:
            log.warning("changes on disk are not watched (%s)", error.strerror)
            return False
        return True

    def stop(self) -> None:
        """End."""
        if self._timer is not None:
            self._timer.cancel()
        if self._observer.is_alive():
            self._observer.stop()

    def _happened(self, path: str) -> None:
        relative = os.path.relpath(path, self._root).replace(os.sep, "/")
        if not worth_telling(relative):
            return
        with self._guard:
            self._gathered[relative] = None
            if self._timer is None:
                self._timer = threading.Timer(_GATHER_S, self._flush)
                self._timer.daemon = True
                self._timer.start()

    def _flush(self) -> None:
        with self._guard:
            paths, self._gathered, self._timer = list(self._gathered), {}, None
        self._tell(paths)


def worth_telling(relative: str) -> bool:
    """Whether an index could change because of a file or folder of that path."""
    if relative.startswith("../") or relative == ".":
        return False
    if relative in _SIGNS or relative.rpartition("/")[2] in (".gitignore", OWN_IGNORE_FILE):
        return True
    # A folder that was renamed or deleted has no ending: it may hold anything.
    name = relative.rpartition("/")[2]
    return not reason_to_skip(relative) or ("." not in name and not relative.startswith(".git/"))


class _Handler(FileSystemEventHandler):
    def __init__(self, happened: Callable[[str], None]) -> None:
        self._happened = happened

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Tell both ends of a rename; what is merely opened or read is nothing new."""
        if event.event_type in ("opened", "closed_no_write"):
            return
        if event.is_directory and event.event_type == "modified":
            return
        for path in (event.src_path, event.dest_path):
            if path:
                self._happened(os.fsdecode(path))
