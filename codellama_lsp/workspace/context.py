"""Code of the workspace for a server's completions: asked of index processes, ready when needed.

`chosen` answers from what it has and never waits, nor looks at a disk; choosing goes on behind it.
Knows buffers, the folders they are in and what was viewed; must not know LSP.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import posixpath
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import attrs

from codellama_lsp.context.assemble import Assembly
from codellama_lsp.context.candidates import Query
from codellama_lsp.context.epochs import Allowance, Epoch
from codellama_lsp.context.globs import any_of, matches
from codellama_lsp.context.index.messages import assembly_from_json, query_to_json
from codellama_lsp.context.related import Asked
from codellama_lsp.context.secret_shapes import SECRET_GLOBS
from codellama_lsp.context.segments import Segments
from codellama_lsp.engine.protocol import Segment
from codellama_lsp.workspace.folders import Folder, Folders, State

log = logging.getLogger(__name__)

_SECRET = any_of(SECRET_GLOBS)
_SETTLE_S = 0.05
_MOST_TYPING_S = 0.4
_REST_S = 1.5
#: After going elsewhere people look first: a choice is waited for this long, as long as reading
#: it along with the windows takes no more than that.
_PATIENCE_S = 0.1
_UNFELT_S = 0.3
_CALLED = re.compile(r"([^\W\d]\w*)\(\Z")
_LONGEST_NAME_CHARS = 80
_MOST_RECENT = 8
_MOST_COPIED_CHARS = 4000
_MOST_BUFFER_CHARS = 1_000_000


@attrs.define
class _Document:
    uri: str
    language: str
    text: Callable[[], str]
    folder: Folder | None = None
    path: str = ""
    sent: str | None = None
    epoch: Epoch = attrs.field(factory=Epoch)
    asked: Asked | None = None
    choosing: bool = False
    waiting: bool = False
    """Whether a request that reads its windows anew waits for the choice."""
    rested: bool = False
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
        self._folders = Folders(self._state_changed, self._started)
        self._tasks: set[asyncio.Task[None]] = set()
        self._documents: dict[str, _Document] = {}
        self._recent: OrderedDict[str, tuple[Folder, str]] = OrderedDict()
        self._copied: list[str] = []
        self._segments = Segments(itertools.count(1))
        self._on_state = on_state
        self._focus = ""
        self._allowance = Allowance()
        self.read_ahead: Callable[[str, tuple[Segment, ...]], Awaitable[None]] | None = None
        """Has an engine read a document's prompt with this in it, before it is asked."""

    # Folders

    @property
    def states(self) -> dict[Path, State]:
        """Of every folder: state, done, total, message."""
        return {folder.root: folder.state for folder in self._folders}

    def set_folders(self, roots: list[Path], *, watch: bool) -> None:
        """Index these folders and no others; `watch`: the editor tells nothing about files."""
        if self._folders.set(roots, watch=watch):
            for document in self._documents.values():
                self._house(document)
            self._on_state()

    def files_changed(self, uris: list[str]) -> None:
        """Files on disk were written, created or deleted, as the editor says."""
        by_folder: dict[Folder, list[str]] = {}
        for uri in uris:
            if (found := self._folders.find(uri)) is not None:
                by_folder.setdefault(found[0], []).append(found[1])
        for folder, paths in by_folder.items():
            folder.client.tell("changed", {"paths": paths})

    def stop_reading(self) -> None:
        """Leave first builds as far as they are; what is known is used."""
        for folder in self._folders:
            folder.client.tell("stop", {})

    def read_again(self) -> None:
        """Compare all folders with the disk, also after `stop_reading` or a failure."""
        for folder in self._folders:
            folder.client.tell("build", {})

    async def close(self) -> None:
        """End all index processes."""
        await self._folders.close()

    # Documents

    def opened(self, uri: str, language: str, text: Callable[[], str]) -> None:
        """A document was opened; `text` gives what is in it now."""
        self._close(self._documents.get(uri))
        document = self._documents[uri] = _Document(uri, language, text)
        self._house(document)
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
            if document.folder is not None:
                document.folder.client.tell("changed", {"paths": [document.path]})
            self._choose_soon(document)

    def focused(self, uri: str) -> None:
        """The user looks at a document."""
        self._focus = uri
        self._view(uri)

    def copied(self, text: str) -> None:
        """The user copied something."""
        self._copied = [text[:_MOST_COPIED_CHARS], *self._copied[:1]]

    def forget(self, uri: str) -> None:
        """A document was closed."""
        self._close(self._documents.pop(uri, None))

    # Completions

    def knows(self, uri: str) -> bool:
        """Whether the document belongs to a folder that is indexed."""
        document = self._documents.get(uri)
        folder = None if document is None else document.folder
        return folder is not None and folder.is_read

    async def prepare(self, asked: Asked) -> None:
        """Choose anew if that may change something.

        Where the windows are read anew, the choice is waited for, so that they are read once; but
        not for long, nor where reading it is felt. Then it is read behind the request.
        """
        document = self._documents.get(asked.uri)
        if document is None or document.folder is None or asked.budget_tokens <= 0:
            return
        if self._focus != asked.uri:
            self.focused(asked.uri)
        before, document.asked = document.asked, asked
        if before is not None and before.text != asked.text:
            self._allowance.typed(asked.windows_tokens)
        anew = before is None or before.windows.suffix.version != asked.windows.suffix.version
        self._when_resting(document)
        if document.choosing or not document.epoch.wants_choice(_line(asked), _call(asked)):
            return
        if anew and self._is_unfelt(document, asked):
            document.waiting = True
            try:
                if choosing := self._choose_soon(document):
                    await asyncio.wait({choosing}, timeout=_PATIENCE_S)
            finally:
                document.waiting = False
        elif not document.epoch.chunks or self._allowed(document, asked) > 0:
            self._choose_soon(document)

    def chosen(self, asked: Asked) -> tuple[Segment, ...]:
        """What the document's prompts hold now."""
        document = self._documents.get(asked.uri)
        if document is None or document.folder is None or asked.budget_tokens <= 0:
            return ()
        return self._segments.of(asked.uri, document.epoch.within(asked.budget_tokens))

    async def preview(self, asked: Asked) -> tuple[Assembly, float] | None:
        """What would be chosen now and how many ms that took; None without an index."""
        document = self._documents.get(asked.uri)
        if document is None or (folder := document.folder) is None:
            return None
        self._send(document)
        found = await folder.client.ask(
            "select", self._question(document, folder, asked, asked.budget_tokens)
        )
        if not isinstance(found, dict):
            return None
        return self._included(document, folder, assembly_from_json(found)), float(found["ms"])

    def _allowed(self, document: _Document, asked: Asked) -> float:
        """Tokens that a change may cost: it has the windows read again unless they are anyway."""
        again = 0 if document.waiting else asked.windows_tokens
        return self._allowance.tokens - again

    def _is_unfelt(self, document: _Document, asked: Asked) -> bool:
        room = document.epoch.room(asked.budget_tokens, self._allowance.tokens)
        return room - document.epoch.tokens <= asked.prefill_tokens_per_s * _UNFELT_S

    def _choose_soon(self, document: _Document) -> asyncio.Task[None] | None:
        if document.choosing or document.asked is None or document.folder is None:
            return None
        document.choosing = True
        return self._start(self._choose(document, document.folder, document.asked))

    async def _choose(self, document: _Document, folder: Folder, asked: Asked) -> None:
        try:
            self._send(document)
            room = document.epoch.room(asked.budget_tokens, self._allowed(document, asked))
            found = await folder.client.ask("select", self._question(document, folder, asked, room))
            if isinstance(found, dict) and document.folder is folder:
                included = self._included(document, folder, assembly_from_json(found))
                await self._take(document, asked, included)
        except (KeyError, TypeError, ValueError):
            log.exception("an answer of the index was not understood")
        finally:
            document.choosing = False

    async def _take(self, document: _Document, asked: Asked, assembly: Assembly) -> None:
        epoch, allowed = document.epoch, self._allowed(document, asked)
        tokens = epoch.offer(
            assembly, _line(asked), asked.budget_tokens, allowed, call=_call(asked)
        )
        if tokens is not None:
            self._allowance.spend(tokens + self._allowance.tokens - allowed)
        if document.rested:
            document.rested = False
            self._allowance.end_rest(asked.windows_tokens)
        if tokens is None:
            return
        if self.read_ahead is not None and not document.waiting:
            # No keystroke waits for what was chosen: prompts hold it once it has been read.
            await self.read_ahead(document.uri, self._segments.of(asked.uri, epoch.chunks))
        epoch.show()

    def _included(self, document: _Document, folder: Folder, assembly: Assembly) -> Assembly:
        """Without what the settings exclude."""
        globs, root = self._exclude(document.uri), folder.root.as_posix()
        return assembly.without(
            chunk.path
            for chunk in assembly.chunks
            if any(matches(posixpath.normpath(f"{root}/{chunk.path}"), glob) for glob in globs)
        )

    def _question(
        self, document: _Document, folder: Folder, asked: Asked, room_tokens: int
    ) -> dict[str, Any]:
        windows = asked.windows
        recent = [folder.path_to(*at) if at[0] is not folder else at[1] for at in self._at_hand()]
        query = Query(
            document.path,
            asked.language,
            "",
            len(asked.text[: asked.offset].replace("\r\n", "\n")),
            (windows.prefix.text, windows.left_out + windows.suffix.text),
            tuple(path for path in recent if path and path != document.path),
            tuple(self._copied),
        )
        return {
            **query_to_json(query),
            "budget_tokens": room_tokens,
            "chars_per_token": asked.chars_per_token,
        }

    def _when_resting(self, document: _Document) -> None:
        if document.rest is not None:
            document.rest.cancel()
        loop = asyncio.get_running_loop()
        document.rest = loop.call_later(_REST_S, self._rested, document)

    def _rested(self, document: _Document) -> None:
        document.rest = None
        asked, epoch = document.asked, document.epoch
        if asked is None or document.choosing or self._focus != document.uri:
            return
        less = epoch.room_tokens < asked.budget_tokens
        if less or epoch.wants_choice(_line(asked)):
            document.rested = True
            self._allowance.rested(asked.prefill_tokens_per_s)
            self._choose_soon(document)

    def _send(self, document: _Document) -> None:
        """Give the index the buffer as it is now."""
        if document.timer is not None:
            document.timer.cancel()
            document.timer = None
        text, folder = document.text(), document.folder
        if folder is None or len(text) > _MOST_BUFFER_CHARS or text == document.sent:
            return
        if self._tell(folder, document, "open", text=text, language=document.language):
            document.sent = text

    def _tell(self, folder: Folder, document: _Document, method: str, **rest: str) -> bool:
        """Tell a document's own folder and, under another path, those beside it."""
        for other in self._folders.others(folder):
            if (path := other.path_to(folder, document.path)) is not None:
                other.client.tell(method, {"path": path, **rest})
        return folder.client.tell(method, {"path": document.path, **rest})

    def _close(self, document: _Document | None) -> None:
        if document is None:
            return
        for timer in (document.timer, document.rest):
            if timer is not None:
                timer.cancel()
        if document.folder is not None:
            self._tell(document.folder, document, "close")

    def _house(self, document: _Document) -> None:
        """Find the folder that a document is in now, and give it to that one's process."""
        found = self._folders.find(document.uri)
        if found is not None and _SECRET.search(found[1]):
            found = None
        folder, path = found or (None, "")
        if (document.folder, document.path) != (folder, path):
            if document.folder is not None:
                self._tell(document.folder, document, "close")
            document.folder, document.path = folder, path
            document.epoch = Epoch()
        document.sent = None
        self._send(document)

    def _view(self, uri: str) -> None:
        document = self._documents.get(uri)
        if document is not None and document.folder is not None:
            self._recent[uri] = (document.folder, document.path)
            self._recent.move_to_end(uri)
            while len(self._recent) > _MOST_RECENT:
                self._recent.popitem(last=False)

    def _at_hand(self) -> list[tuple[Folder, str]]:
        """What was edited or viewed, the latest first, of folders that are still there."""
        there = set(self._folders)
        return [at for at in reversed(self._recent.values()) if at[0] in there]

    def _state_changed(self, folder: Folder) -> None:
        for document in self._documents.values():
            if document.folder is None or document.folder is folder:
                if self._folders.find(document.uri) != (document.folder, document.path):
                    self._house(document)  # its folder turned out to be behind a link
                if folder.state.get("state") in ("ready", "reading"):
                    document.epoch.due = True
        self._on_state()

    def _started(self, folder: Folder) -> None:
        """A process began, perhaps a second one: it knows no buffers yet."""
        for document in self._documents.values():
            document.sent = None
            self._send(document)

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _line(asked: Asked) -> int:
    return asked.text.count("\n", 0, asked.offset)


def _call(asked: Asked) -> str:
    """The name behind which a bracket has just been opened; empty elsewhere."""
    match = _CALLED.search(asked.text, max(0, asked.offset - _LONGEST_NAME_CHARS), asked.offset)
    return match[1] if match else ""
