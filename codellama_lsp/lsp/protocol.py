"""The protocol layer, with what pygls leaves open: one answer for every request, whatever happens.

Also takes the picture of a document at the moment a request arrives: on a socket, changes that
were sent later can be applied before a handler's first step.
"""

from __future__ import annotations

import contextvars
import logging
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import attrs
from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.protocol import LanguageServerProtocol, lsp_method

from codellama_lsp.lsp.documents import Document
from codellama_lsp.lsp.snapshot import Snapshot, take_snapshot

log = logging.getLogger(__name__)

_SERVER_NOT_INITIALIZED = -32002
_INVALID_REQUEST = -32600
_INVALID_PARAMS = -32602


@attrs.frozen
class _Malformed:
    """A message that is no valid one; `msg_id` is None where nobody waits for an answer."""

    msg_id: str | int | None
    method: str
    jsonrpc: str = "2.0"


class Protocol(LanguageServerProtocol):
    """pygls's protocol with stricter manners."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.snapshot: contextvars.ContextVar[Snapshot | None] = contextvars.ContextVar(
            "snapshot", default=None
        )
        self.on_end: Callable[[int], None] = lambda code: None
        """Called with an exit status when the client is done with us or gone."""
        super().__init__(*args, **kwargs)

    def encoding(self) -> str:
        """The negotiated position encoding."""
        # No property: pygls looks at all of them before there is an encoding.
        encoding = self.workspace.position_encoding
        return str(getattr(encoding, "value", encoding))

    @lsp_method(types.EXIT)
    def lsp_exit(self, *args: Any) -> None:  # type: ignore[override]
        """End the process, politely asked for only after `shutdown`."""
        self.on_end(0 if self._shutdown else 1)

    def structure_message(self, data: dict[str, Any]) -> Any:
        """Any JSON object on its way in; whole messages become typed ones."""
        if "jsonrpc" not in data:
            return data
        method = data.get("method")
        if method == types.TEXT_DOCUMENT_INLINE_COMPLETION:
            _accept_old_trigger(data)
        try:
            return super().structure_message(data)
        except JsonRpcException:
            msg_id = data.get("id")
            wants_answer = isinstance(method, str) and isinstance(msg_id, str | int)
            return _Malformed(msg_id if wants_answer else None, str(method))

    def handle_message(self, message: Any) -> None:
        """Dispatch a message."""
        if isinstance(message, _Malformed):
            if message.msg_id is not None:
                self._refuse(message.msg_id, _INVALID_PARAMS, "malformed request")
            return
        method, msg_id = getattr(message, "method", None), getattr(message, "id", None)
        if self._shutdown and method is not None and msg_id is not None:
            self._refuse(msg_id, _INVALID_REQUEST, "the server is shutting down")
            return
        super().handle_message(message)

    def _handle_request(self, msg_id: str | int, method_name: str, params: Any) -> None:
        if self._workspace is None and method_name != types.INITIALIZE:
            self._refuse(msg_id, _SERVER_NOT_INITIALIZED, "the server is not initialized")
            return
        if method_name in (
            types.TEXT_DOCUMENT_INLINE_COMPLETION,
            types.TEXT_DOCUMENT_COMPLETION,
        ):
            self.snapshot.set(take_snapshot(self.workspace, params, self.encoding()))
        super()._handle_request(msg_id, method_name, params)

    def _handle_notification(self, method_name: str, params: Any) -> None:
        if self._workspace is None and method_name != types.EXIT:
            return
        super()._handle_notification(method_name, params)
        if method_name == types.TEXT_DOCUMENT_DID_CHANGE:
            document = self.workspace.text_documents.get(unquote(params.text_document.uri))
            if isinstance(document, Document):
                document.several_cursors = len(params.content_changes) > 1

    def _handle_response(
        self, msg_id: str | int, result: Any = None, error: types.ResponseError | None = None
    ) -> None:
        # The answer to a question whose asker was cancelled: pygls would show an error for it.
        future = self._request_futures.get(msg_id)
        if future is not None and future.done():
            del self._request_futures[msg_id]
            return
        super()._handle_response(msg_id, result, error)

    def _send_data(self, data: Any) -> None:
        try:
            super()._send_data(data)
        except BrokenPipeError:
            self.on_end(0)

    def _refuse(self, msg_id: str | int, code: int, message: str) -> None:
        self._send_response(msg_id, None, types.ResponseError(code=code, message=message))


def _accept_old_trigger(data: dict[str, Any]) -> None:
    """Clients from before LSP 3.18 was final count trigger kinds from 0; 0 can mean one thing."""
    params = data.get("params")
    context = params.get("context") if isinstance(params, dict) else None
    if isinstance(context, dict) and context.get("triggerKind") == 0:
        context["triggerKind"] = types.InlineCompletionTriggerKind.Invoked.value
