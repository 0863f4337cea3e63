"""The workspace around a file for commands: its index, up to date, and what is chosen of it.

What an editor's server has in a process of its own, a command has in this one: nobody waits in
between. Where a server writes the index of that folder, it is read as that one wrote it.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from codellama_lsp.context.assemble import Assembly
from codellama_lsp.context.candidates import Query
from codellama_lsp.context.globs import matches
from codellama_lsp.context.index.workspace_index import WorkspaceIndex
from codellama_lsp.context.related import Asked
from codellama_lsp.context.segments import Segments
from codellama_lsp.engine.protocol import Segment

_TELL_EVERY_S = 0.5


class Workspace:
    """One project's index. Implements `RelatedCode`; chooses when it is asked."""

    def __init__(self, root: Path, exclude: tuple[str, ...] = ()) -> None:
        self.root = root.resolve()
        self._exclude = exclude
        self._index = WorkspaceIndex(self.root)
        self._segments = Segments()
        self.took_ms = 0.0
        """By the last choice."""

    @property
    def problem(self) -> str:
        """Why nothing can be chosen; empty where it can."""
        state = self._index.state
        return state.message if state.state in ("off", "failed") else ""

    def update(self) -> None:
        """Read what has changed since the last time; tells who sits at a terminal how far it is."""
        began = told_at = time.monotonic()
        watched = sys.stderr.isatty()
        while self._index.step():
            state, now = self._index.state, time.monotonic()
            if not watched or now - told_at < _TELL_EVERY_S:
                continue
            if state.state == "building" and state.total:
                told_at = now
                line = f"\rreading {self.root.name}: {state.done} of {state.total} files"
                print(line, end="", file=sys.stderr, flush=True)
        if told_at != began:
            print("\r\033[K", end="", file=sys.stderr, flush=True)

    def knows(self, uri: str) -> bool:
        """Every document that it is asked about is one of its own."""
        return True

    async def prepare(self, asked: Asked) -> None:
        """Nothing: it is chosen on the spot."""

    def chosen(self, asked: Asked) -> tuple[Segment, ...]:
        """Chosen on the spot."""
        if asked.budget_tokens <= 0:
            return ()
        return self._segments.of(asked.uri, self.choose(asked).chunks)

    def choose(self, asked: Asked) -> Assembly:
        """What of the workspace would be sent, and what is left out."""
        from codellama_lsp.workspace.folders import path_of_file

        path = path_of_file(asked.uri)
        assert path is not None
        relative = path.resolve().relative_to(self.root).as_posix()
        self._index.open(relative, asked.text, asked.language)
        opened = self._index.library.opened(relative)
        windows = asked.windows
        shown = (windows.prefix.text, windows.left_out + windows.suffix.text)
        offset = len(asked.text[: asked.offset].replace("\r\n", "\n"))
        if opened is not None:
            query = Query(relative, asked.language, opened.text, opened.offset(offset), shown)
        else:  # too large for an index
            query = Query(relative, asked.language, asked.text, asked.offset, shown)
        started = time.perf_counter()
        found = self._index.select(query, asked.budget_tokens, asked.chars_per_token)
        self.took_ms = (time.perf_counter() - started) * 1000
        excluded = [
            chunk.path
            for chunk in found.chunks
            if any(matches((self.root / chunk.path).as_posix(), glob) for glob in self._exclude)
        ]
        return found.without(excluded)

    def forget(self, uri: str) -> None:
        """Nothing to forget."""

    def close(self) -> None:
        """Give the index back."""
        self._index.close()
