"""The folders of a workspace: an index process for each, and which of them a file is in.

Files are told apart by their names alone, since looking at a disk may take seconds and everything
here is called between two keystrokes. What a folder really is, behind links, its process says.
"""

from __future__ import annotations

import asyncio
import os
import posixpath
from collections.abc import Callable, Coroutine, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import attrs

from codellama_lsp.workspace.client import IndexClient

#: As an index process tells it: state, done, total, message, root.
State = dict[str, Any]


@attrs.define(eq=False)
class Folder:
    """One folder, as the editor names it."""

    root: Path
    client: IndexClient
    real: Path
    """Where it is, links resolved; `root` until its process has said so."""
    state: State = attrs.field(factory=dict)

    def inside(self, path: Path) -> str | None:
        """A file's path within the folder, with slashes; None for what is not in it."""
        for root in (self.root, self.real):
            if path.is_relative_to(root):
                return path.relative_to(root).as_posix()
        return None

    def path_to(self, other: Folder, path: str = "") -> str | None:
        """What a file of another folder is called from here; None where there is no way."""
        try:
            way = os.path.relpath(other.real, self.real).replace(os.sep, "/")
        except ValueError:  # another drive
            return None
        return posixpath.join(way, path) if way != "." else path

    @property
    def is_off(self) -> bool:
        """Whether it must not be read."""
        return self.state.get("state") == "off"

    @property
    def is_read(self) -> bool:
        """Whether there is a process that reads it."""
        return self.client.pid is not None and not self.is_off


class Folders:
    """All folders of one editor."""

    def __init__(
        self, on_state: Callable[[Folder], None], on_start: Callable[[Folder], None]
    ) -> None:
        self._on_state = on_state
        self._on_start = on_start
        self._folders: dict[Path, Folder] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def __iter__(self) -> Any:
        return iter(self._folders.values())

    def set(self, roots: Iterable[Path], *, watch: bool) -> bool:
        """Read these folders and no others; says whether that is any change."""
        wanted = dict.fromkeys(Path(os.path.normpath(root)) for root in roots)
        gone = [root for root in self._folders if root not in wanted]
        new = [root for root in wanted if root not in self._folders]
        for root in gone:
            self._run(self._folders.pop(root).client.close())
        for root in new:
            self._folders[root] = self._folder(root, watch=watch)
        if gone or new:
            self._introduce()
        return bool(gone or new)

    def find(self, uri: str) -> tuple[Folder, str] | None:
        """The folder that a file is in, the innermost one, and its path there."""
        path = path_of_file(uri)
        if path is None:
            return None
        path = Path(os.path.normpath(path))
        for folder in sorted(self._folders.values(), key=lambda f: -len(f.real.parts)):
            if (inside := folder.inside(path)) is not None:
                return folder, inside
        return None

    def others(self, folder: Folder) -> list[Folder]:
        """All but one of those that may be read."""
        return [f for f in self._folders.values() if f is not folder and not f.is_off]

    async def close(self) -> None:
        """End all index processes."""
        folders, self._folders = list(self._folders.values()), {}
        await asyncio.gather(*(folder.client.close() for folder in folders))

    def _folder(self, root: Path, *, watch: bool) -> Folder:
        def on_state(state: State) -> None:
            known = (folder.real, folder.is_off)
            folder.state = state
            if said := state.get("root"):
                folder.real = Path(said)
            if (folder.real, folder.is_off) != known:
                self._introduce()
                self._on_start(folder)
            if self._folders.get(root) is folder:
                self._on_state(folder)

        def on_start() -> None:
            self._introduce()
            self._on_start(folder)

        client = IndexClient(root, watch=watch, on_state=on_state)
        client.on_start = on_start
        folder = Folder(root, client, root, {"state": "building", "done": 0, "total": 0})
        self._run(client.start())
        return folder

    def _introduce(self) -> None:
        """Tell every process about the other folders: code in one may refer to another's."""
        for folder in self._folders.values():
            known = [
                {"root": str(other.real), "prefix": way}
                for other in self.others(folder)
                if (way := folder.path_to(other))
            ]
            folder.client.tell("folders", {"folders": known})

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def path_of_file(uri: str) -> Path | None:
    """The path that a ``file:`` URI names; None for every other kind."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return None
    if parts.scheme != "file" or parts.netloc not in ("", "localhost"):
        return None
    path = unquote(parts.path)
    if len(path) > 2 and path[2] == ":":  # /C:/…
        path = path[1:]
    return Path(path)
