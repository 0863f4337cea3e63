"""`workspace/executeCommand`: what a user or a client's plugin can ask this server for."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import attrs

from codellama_lsp.engine.protocol import EngineStartError
from codellama_lsp.lsp import workspace_context

if TYPE_CHECKING:
    from codellama_lsp.lsp.server import CodeLlamaServer
    from codellama_lsp.telemetry.counters import Ended


def register(server: CodeLlamaServer) -> None:
    """Add the commands. Each takes any arguments: a client may send more than it should."""
    session = server.session

    @server.command("codellama.why")
    async def why(*args: Any) -> list[dict[str, Any]]:
        """How the last requests ended and what they cost, newest first; of one document's if its
        URI is given.
        """
        uri = args[0] if args and isinstance(args[0], str) else None
        return [_told(name, ended) for name, ended in session.counters.last(uri)]

    @server.command("codellama.stats")
    async def stats(*args: Any) -> dict[str, Any]:
        """Counts and latencies since the server started."""
        return {
            **session.counters.summary(),
            "model": session.engine_state.model,
            "engine": {"state": session.engine_state.stage.value, "pid": session.engine_pid},
        }

    @server.command("codellama.textHash")
    async def text_hash(*args: Any) -> dict[str, Any] | None:
        """SHA-256 of what we believe a document's text to be, for a client in doubt."""
        document = server.workspace.text_documents.get(unquote(str(args[0]))) if args else None
        if document is None:
            return None
        text = document.source.encode("utf-8", "surrogatepass")
        return {"sha256": hashlib.sha256(text).hexdigest(), "version": document.version}

    @server.command("codellama.toggle")
    async def toggle(*args: Any) -> dict[str, bool]:
        """Switch suggestions off or on."""
        enabled = session.toggle()
        workspace_context.begin(server)
        return {"enabled": enabled}

    @server.command("codellama.restartEngine")
    async def restart_engine(*args: Any) -> dict[str, Any]:
        """Start the engine anew, also after it was given up."""
        try:
            await session.restart_engine()
        except EngineStartError as error:
            return {"ok": False, "message": error.message, "remedy": error.remedy}
        return {"ok": True, "message": "", "remedy": ""}


def _told(uri: str, ended: Ended) -> dict[str, Any]:
    return {
        "uri": uri,
        "at": ended.at_s,
        "outcome": ended.outcome.value,
        "detail": ended.detail,
        "total_ms": round(ended.total_ms, 2),
        "tokens": attrs.asdict(ended.tokens),
        "ms": {name: round(ms, 2) for name, ms in attrs.asdict(ended.ms).items()},
        "model": ended.model,
    }
