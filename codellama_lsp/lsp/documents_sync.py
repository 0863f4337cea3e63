"""`textDocument/didOpen` and `didClose`: what the user looks at, and what is forgotten.

What pygls does with documents needs nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

from lsprotocol import types

if TYPE_CHECKING:
    from codellama_lsp.lsp.server import CodeLlamaServer


def look_at(server: CodeLlamaServer, uri: str) -> None:
    """The user looks at a document, if it is an open one."""
    document = server.workspace.text_documents.get(unquote(uri))
    if document is not None:
        server.session.look_at(document.uri, document.language_id or "")


def close(server: CodeLlamaServer, uri: str) -> None:
    """A document, or a notebook's cell, is there no more."""
    server.session.completer.forget(uri)
    server.session.offers.give_way(uri)
    server.session.look_away(uri)


def register(server: CodeLlamaServer) -> None:
    """Add the method."""

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    async def closed(params: types.DidCloseTextDocumentParams) -> None:
        close(server, params.text_document.uri)
