"""Code of the workspace for a server's completions: asked of index processes, ready when needed.

`chosen` answers from what it has and never waits; choosing goes on behind it. Knows buffers, the
folders they are in and what was viewed; must not know LSP.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import attrs

from codellama_lsp.context.assemble import Assembly
from codellama_lsp.context.candidates import Query
from codellama_lsp.context.epochs import Epoch
from codellama_lsp.context.globs import any_of, matches
from codellama_lsp.context.ignore import reason_not_to_index
from codellama_lsp.context.index.messages import assembly_from_json, query_to_json
from codellama_lsp.context.related import Asked
from codellama_lsp.context.secrets import SECRET_GLOBS
from codellama_lsp.context.segments import Segments
from codellama_lsp.engine.protocol import Segment
from codellama_lsp.workspace.client import IndexClient

log = logging.getLogger(__name__)

_SECRET = any_of(SECRET_GLOBS)
_SETTLE_S = 0.05
_MOST_TYPING_S = 0.4
_REST_S = 1.5
_MOST_RECENT = 8
_MOST_COPIED_CHARS = 4000
_MOST_BUFFER_CHARS = 1_000_000


@attrs.define
class _Document:
    uri: str
    path: str
    language: str
    client: IndexClient
    text: Callable[[], str]
    sent: str | None = None
    epoch: Epoch = attrs.field(factory=Epoch)
    asked: Asked | None = None
    choosing: bool = False
    changed_at: float = 0.0
    timer: asyncio.TimerHandle | None = None
    rest: asyncio.TimerHandle | None = None


class WorkspaceContext:
    """Implements `RelatedCode` for one editor."""

    def __init__(
        self,
        on_state: Callable[[], None] = lambda: None,
        exclude: Callable[[str], tuple[str, ...]] = lambda uri: (),
    ) -> None:
        self._exclude = exclude
        self._clients: dict[Path, IndexClient] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._documents: dict[str, _Document] = {}
        self._recent: OrderedDict[str, str] = OrderedDict()
        self._copied: list[str] = []
        self._segments = Segments(itertools.count(1))
        self._on_state = on_state
        self._focus = ""
        self.states: dict[Path, dict[str, Any]] = {}
        """Of every folder: state, done, total, message."""

    # Folders

    def set_folders(self, roots: list[Path], *, watch: bool) -> None:
        """Index these folders and no others; `watch`: the editor tells nothing about files."""
        wanted: dict[Path, None] = {}
        for root in roots:
            reason = reason_not_to_index(root)
            if reason:
                self.states[root] = {"state": "off", "message": reason}
                log.info("a folder is not indexed: %s", reason)
            else:
                wanted[root.resolve()] = None
        for root in [root for root in self._clients if root not in wanted]:
            self._start(self._clients.pop(root).close())
            self.states.pop(root, None)
        for root in wanted:
            if root not in self._clients:
                self._clients[root] = self._client(root, watch=watch)

    def files_changed(self, uris: list[str]) -> None:
        """Files on disk were written, created or deleted, as the editor says."""
        by_client: dict[Path, list[str]] = {}
        for uri in uris:
            if (found := self._inside(uri)) is not None:
                by_client.setdefault(found[0].root, []).append(found[1])
        for root, paths in by_client.items():
            self._clients[root].tell("changed", {"paths": paths})

    async def close(self) -> None:
        """End all index processes."""
        clients, self._clients = list(self._clients.values()), {}
        await asyncio.gather(*(client.close() for client in clients))

    # Documents

    def opened(self, uri: str, language: str, text: Callable[[], str]) -> None:
        """A document was opened; `text` gives what is in it now."""
        found = self._inside(uri)
        if found is None or _SECRET.search(found[1]):
            return
        client, path = found
        self._documents[uri] = _Document(uri, path, language, client, text)
        self._send(self._documents[uri])
        self.focused(uri)

    def changed(self, uri: str) -> None:
        """A document was edited: the index hears of it once the typing pauses."""
        document = self._documents.get(uri)
        if document is None:
            return
        now = asyncio.get_running_loop().time()
        if document.timer is not None:
            if now - document.changed_at > _MOST_TYPING_S:
                return
            document.timer.cancel()
        else:
            document.changed_at = now
        document.timer = asyncio.get_running_loop().call_later(_SETTLE_S, self._send, document)
        self._view(uri)

    def saved(self, uri: str) -> None:
        """A document was saved: a good moment for choosing anew."""
        if document := self._documents.get(uri):
            document.epoch.due = True
            document.client.tell("changed", {"paths": [document.path]})
            self._choose_soon(document)

    def focused(self, uri: str) -> None:
        """The user looks at a document."""
        document = self._documents.get(uri)
        if document is not None and self._focus != uri:
            document.epoch.due = True
            self._choose_soon(document)
        self._focus = uri
        self._view(uri)

    def copied(self, text: str) -> None:
        """The user copied something."""
        self._copied = [text[:_MOST_COPIED_CHARS], *self._copied[:1]]

    def forget(self, uri: str) -> None:
        """A document was closed."""
        document = self._documents.pop(uri, None)
        if document is None:
            return
        for timer in (document.timer, document.rest):
            if timer is not None:
                timer.cancel()
        document.client.tell("close", {"path": document.path})

    # Completions

    def knows(self, uri: str) -> bool:
        """Whether the document belongs to a folder that is indexed."""
        document = self._documents.get(uri)
        return document is not None and document.client.pid is not None

    def chosen(self, asked: Asked) -> tuple[Segment, ...]:
        """What the document's prompts hold now; may start choosing anew for the next ones."""
        document = self._documents.get(asked.uri)
        if document is None or asked.budget_tokens <= 0:
            return ()
        if self._focus != asked.uri:
            self.focused(asked.uri)
        document.asked = asked
        if document.epoch.wants_choice(_line(asked)):
            self._choose_soon(document)
        self._when_resting(document)
        return self._segments.of(asked.uri, document.epoch.within(asked.budget_tokens))

    async def preview(self, asked: Asked) -> dict[str, Any] | None:
        """What would be chosen now, with reasons and what is left out; None without an index."""
        document = self._documents.get(asked.uri)
        if document is None:
            return None
        self._send(document)
        found = await document.client.ask("select", self._question(document, asked))
        return found if isinstance(found, dict) else None

    def _choose_soon(self, document: _Document) -> None:
        if not document.choosing and document.asked is not None:
            document.choosing = True
            self._start(self._choose(document, document.asked))

    async def _choose(self, document: _Document, asked: Asked) -> None:
        try:
            self._send(document)
            found = await document.client.ask("select", self._question(document, asked))
            if isinstance(found, dict):
                self._take(document, asked, assembly_from_json(found))
        except (KeyError, TypeError, ValueError):
            log.exception("an answer of the index was not understood")
        finally:
            document.choosing = False

    def _take(self, document: _Document, asked: Asked, assembly: Assembly) -> None:
        globs = self._exclude(document.uri)
        root = document.client.root.as_posix()
        kept = [
            chunk
            for chunk in assembly.chunks
            if not any(matches(f"{root}/{chunk.path}", glob) for glob in globs)
        ]
        assembly = attrs.evolve(assembly, chunks=tuple(kept))
        document.epoch.offer(assembly, _line(asked), asked.prefill_tokens_per_s)

    def _question(self, document: _Document, asked: Asked) -> dict[str, Any]:
        windows = asked.windows
        query = Query(
            document.path,
            asked.language,
            "",
            len(asked.text[: asked.offset].replace("\r\n", "\n")),
            (windows.prefix.text, windows.left_out + windows.suffix.text),
            tuple(path for path in reversed(self._recent.values()) if path != document.path),
            tuple(self._copied),
        )
        return {
            **query_to_json(query),
            "budget_tokens": asked.budget_tokens,
            "chars_per_token": asked.chars_per_token,
        }

    def _when_resting(self, document: _Document) -> None:
        if document.rest is not None:
            document.rest.cancel()
        loop = asyncio.get_running_loop()
        document.rest = loop.call_later(_REST_S, self._rested, document)

    def _rested(self, document: _Document) -> None:
        document.rest = None
        if document.asked is not None and document.epoch.line != _line(document.asked):
            document.epoch.due = True
            self._choose_soon(document)

    def _send(self, document: _Document) -> None:
        """Give the index the buffer as it is now."""
        if document.timer is not None:
            document.timer.cancel()
            document.timer = None
        text = document.text()
        if len(text) > _MOST_BUFFER_CHARS or text is document.sent or text == document.sent:
            return
        params = {"path": document.path, "text": text, "language": document.language}
        if document.client.tell("open", params):
            document.sent = text

    def _view(self, uri: str) -> None:
        document = self._documents.get(uri)
        if document is not None:
            self._recent[uri] = document.path
            self._recent.move_to_end(uri)
            while len(self._recent) > _MOST_RECENT:
                self._recent.popitem(last=False)

    def _client(self, root: Path, *, watch: bool) -> IndexClient:
        def on_state(state: dict[str, Any]) -> None:
            self.states[root] = state
            if state.get("state") == "ready":
                for document in self._documents.values():
                    if document.client is client:
                        document.epoch.due = True
            self._on_state()

        def on_start() -> None:
            for document in self._documents.values():
                if document.client is client:
                    document.sent = None
                    self._send(document)

        client = IndexClient(root, watch=watch, on_state=on_state)
        client.on_start = on_start
        self._start(client.start())
        return client

    def _inside(self, uri: str) -> tuple[IndexClient, str] | None:
        """The folder that a file is in, the innermost one, and its path there."""
        path = path_of_file(uri)
        if path is None:
            return None
        for candidate in (path, path.resolve()):  # a folder may be named by a link to it
            for root in sorted(self._clients, key=lambda root: -len(root.parts)):
                if candidate.is_relative_to(root):
                    return self._clients[root], candidate.relative_to(root).as_posix()
        return None

    def _start(self, work: Any) -> None:
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


def _line(asked: Asked) -> int:
    return asked.text.count("\n", 0, asked.offset)
