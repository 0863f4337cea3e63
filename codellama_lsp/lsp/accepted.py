"""The command `codellama.accepted`, which items carry: counts, and looks again a while later."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from codellama_lsp.lsp.inline_completion import ACCEPTED

if TYPE_CHECKING:
    from codellama_lsp.lsp.server import CodeLlamaServer
    from codellama_lsp.telemetry.offers import Offer


def register(server: CodeLlamaServer) -> None:
    """Add the command."""
    session = server.session

    def look(offer: Offer) -> None:
        document = server.workspace.text_documents.get(unquote(offer.uri))
        session.offers.looked_after(offer, document.source if document else None)

    @server.command(ACCEPTED)
    async def accepted(*args: Any) -> None:
        """The user took a suggestion: arguments as they stand in the item."""
        session.counters.accepted += 1
        offer = session.offers.accepted(args[1] if len(args) > 1 else None)
        if offer is not None:
            asyncio.get_running_loop().call_later(session.kept_after_s, look, offer)
