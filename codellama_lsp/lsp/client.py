"""A small editor: starts a real server process and types into documents. For `demo` and checks.

Knows LSP; what it is used for is its caller's affair.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.lsp.client import LanguageClient

from codellama_lsp import __version__
from codellama_lsp.engine.protocol import EngineError

_ANSWER_TIMEOUT_S = 120.0
_EXIT_TIMEOUT_S = 5.0


class ServerError(EngineError):
    """The server process ended, or could not answer."""


@attrs.frozen
class Offer:
    """The answer to one request for a completion."""

    text: str
    """Empty: nothing was offered."""
    before: int
    """How many characters before the cursor `text` repeats; it replaces them."""
    cost: dict[str, Any]
    """What `codellama.why` says of the request: outcome, tokens, ms, model."""


@attrs.define
class Document:
    """A text as the editor has it; the server knows the same one."""

    uri: str
    text: str
    version: int = 1
    cursor: int = 0

    def position_at(self, offset: int) -> types.Position:
        """An offset for LSP, in UTF-16 units."""
        line = self.text.count("\n", 0, offset)
        start = self.text.rfind("\n", 0, offset) + 1
        return types.Position(line, _utf16_units(self.text[start:offset]))


class Editor:
    """One connection to a server process of its own. Use as an async context manager."""

    def __init__(self, command: Sequence[str], root: Path) -> None:
        self._command = command
        self._root = root
        self._client = LanguageClient("codellama-lsp", __version__)
        self._stderr: deque[str] = deque(maxlen=20)
        self._draining: asyncio.Task[None] | None = None
        self.status: dict[str, Any] = {}
        self._status_changed = asyncio.Event()

        feature: Any = self._client.feature
        # pygls writes on what it is given, which a bound method doesn't allow.
        feature("codellama/status")(lambda params: self._on_status(params))
        feature(types.WINDOW_LOG_MESSAGE)(lambda params: self._on_message(params))
        feature(types.WINDOW_SHOW_MESSAGE)(lambda params: self._on_message(params))

    async def __aenter__(self) -> Editor:
        """Start the server and shake hands."""
        try:
            await self._client.start_io(*self._command, cwd=self._root)
        except OSError as error:
            raise ServerError(f"the server cannot be started: {error.strerror}") from error
        self._draining = asyncio.create_task(self._drain())
        await self._ask(
            self._client.initialize_async(
                types.InitializeParams(
                    process_id=os.getpid(),
                    root_uri=self._root.as_uri(),
                    client_info=types.ClientInfo("codellama-lsp demo", __version__),
                    capabilities=types.ClientCapabilities(
                        general=types.GeneralClientCapabilities(
                            position_encodings=[types.PositionEncodingKind.Utf16]
                        ),
                        text_document=types.TextDocumentClientCapabilities(
                            inline_completion=types.InlineCompletionClientCapabilities()
                        ),
                    ),
                )
            )
        )
        self._client.initialized(types.InitializedParams())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Leave as an editor does; whatever is still there then is killed."""
        process = self._client._server
        with contextlib.suppress(Exception):
            async with asyncio.timeout(_EXIT_TIMEOUT_S):
                await self._client.shutdown_async(None)
                self._client.exit(None)
                if process is not None:
                    await process.wait()
        if process is not None and process.returncode is None:
            process.kill()
        if self._draining is not None:
            self._draining.cancel()
        with contextlib.suppress(Exception):
            stop: Any = self._client.stop
            await stop()

    @property
    def pid(self) -> int:
        """The server process."""
        process = self._client._server
        assert process is not None
        return process.pid

    async def ready(self) -> None:
        """Wait until the engine is ready; raises `ServerError` where it won't be."""
        while self.status.get("state") not in ("ready", "busy"):
            if self.status.get("state") in ("error", "off"):
                message = self.status.get("message") or "the engine is off"
                raise ServerError(message, self.status.get("remedy", ""))
            self._status_changed.clear()
            await self._ask(self._status_changed.wait())

    def open(self, path: Path, text: str) -> Document:
        """Open `path` with a text that may differ from what is on disk."""
        document = Document(path.as_uri(), text)
        self._client.text_document_did_open(
            types.DidOpenTextDocumentParams(
                types.TextDocumentItem(document.uri, "python", document.version, text)
            )
        )
        return document

    def type(self, document: Document, text: str, closers: str = "") -> None:
        """Insert `text` at the cursor, and `closers` after it, as editors close brackets."""
        at = document.cursor
        self.replace(document, at, at, text + closers)
        document.cursor = at + len(text)

    def replace(self, document: Document, start: int, end: int, text: str) -> None:
        """Put `text` in the place of [start, end); the cursor ends up behind it."""
        span = types.Range(document.position_at(start), document.position_at(end))
        document.text = document.text[:start] + text + document.text[end:]
        document.cursor = start + len(text)
        document.version += 1
        self._client.text_document_did_change(
            types.DidChangeTextDocumentParams(
                types.VersionedTextDocumentIdentifier(document.version, document.uri),
                [types.TextDocumentContentChangePartial(span, text)],
            )
        )

    async def complete(self, document: Document) -> Offer:
        """Ask for what could stand at the cursor, and what that cost."""
        at = document.position_at(document.cursor)
        answer = await self._ask(
            self._client.text_document_inline_completion_async(
                types.InlineCompletionParams(
                    types.InlineCompletionContext(types.InlineCompletionTriggerKind.Automatic),
                    types.TextDocumentIdentifier(document.uri),
                    at,
                )
            )
        )
        told = await self._ask(
            self._client.workspace_execute_command_async(
                types.ExecuteCommandParams("codellama.why", [document.uri])
            )
        )
        cost = _plain(told[0]) if told else {}
        items = answer.items if isinstance(answer, types.InlineCompletionList) else answer or []
        if not items:
            return Offer("", 0, cost)
        item = items[0]
        text = item.insert_text if isinstance(item.insert_text, str) else item.insert_text.value
        before = at.character - item.range.start.character if item.range else 0
        return Offer(text, before, cost)

    async def _ask(self, answer: Any) -> Any:
        """Wait for an answer, but not for one of a server that has ended."""
        process = self._client._server
        assert process is not None
        asked = asyncio.ensure_future(answer)
        ended = asyncio.create_task(process.wait())
        try:
            await asyncio.wait(
                {asked, ended}, timeout=_ANSWER_TIMEOUT_S, return_when=asyncio.FIRST_COMPLETED
            )
            if asked.done():
                return asked.result()
        except JsonRpcException as error:
            raise ServerError(f"the server answered with an error: {error.message}") from error
        finally:
            ended.cancel()
            asked.cancel()
        if process.returncode is not None:
            said = "; ".join(self._stderr) or "nothing"
            raise ServerError(f"the server ended with status {process.returncode}, saying: {said}")
        raise ServerError(f"the server did not answer within {_ANSWER_TIMEOUT_S:.0f} s")

    def _on_status(self, params: Any) -> None:
        self.status = _plain(params)
        self._status_changed.set()

    def _on_message(self, params: types.LogMessageParams | types.ShowMessageParams) -> None:
        self._stderr.append(params.message)

    async def _drain(self) -> None:
        """Keep the server's stderr from filling up; its end is shown when something fails."""
        process = self._client._server
        assert process is not None and process.stderr is not None
        while line := await process.stderr.readline():
            self._stderr.append(line.decode("utf-8", "replace").rstrip())


def _utf16_units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _plain(value: Any) -> dict[str, Any]:
    """A JSON object as a dict: pygls makes named tuples of those that it doesn't know."""
    if isinstance(value, dict):
        return {key: _plain_value(content) for key, content in value.items()}
    as_dict: dict[str, Any] = value._asdict() if hasattr(value, "_asdict") else vars(value)
    return {key: _plain_value(content) for key, content in as_dict.items()}


def _plain_value(value: Any) -> Any:
    if isinstance(value, dict) or hasattr(value, "_asdict"):
        return _plain(value)
    return value
