"""`textDocument/didClose`. Opening and changing need nothing beyond what pygls does with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsprotocol import types

if TYPE_CHECKING:
    from codellama_lsp.lsp.server import CodeLlamaServer


def register(server: CodeLlamaServer) -> None:
    """Add the method."""

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    async def closed(params: types.DidCloseTextDocumentParams) -> None:
        server.session.completer.forget(params.text_document.uri)
        server.session.offers.give_way(params.text_document.uri)
