"""`textDocument/didPartiallyAcceptCompletion`: the user took a word or a line of an item."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codellama_lsp.lsp.did_show import offer_number

if TYPE_CHECKING:
    from codellama_lsp.lsp.server import CodeLlamaServer

DID_PARTIALLY_ACCEPT = "textDocument/didPartiallyAcceptCompletion"


def register(server: CodeLlamaServer) -> None:
    """Add the method."""

    @server.feature(DID_PARTIALLY_ACCEPT)
    async def did_partially_accept(params: Any) -> None:
        server.session.offers.partly_accepted(offer_number(params))
