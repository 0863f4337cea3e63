"""`textDocument/didShowCompletion`: a client that can says which item it showed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from codellama_lsp.lsp.server import CodeLlamaServer

DID_SHOW = "textDocument/didShowCompletion"


def register(server: CodeLlamaServer) -> None:
    """Add the method."""

    @server.feature(DID_SHOW)
    async def did_show(params: Any) -> None:
        server.session.offers.shown(offer_number(params))


def offer_number(params: Any) -> object:
    """The number of the offer in a notification's ``{item: {command: {arguments}}}``, if any."""
    for name in ("item", "command", "arguments"):
        params = params.get(name) if isinstance(params, dict) else getattr(params, name, None)
    return params[1] if isinstance(params, list | tuple) and len(params) > 1 else None
