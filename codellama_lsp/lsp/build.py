"""Puts the language server together; what it does is in one file per method."""

from __future__ import annotations

from codellama_lsp.lsp import (
    accepted,
    commands,
    configuration,
    did_partially_accept,
    did_show,
    documents_sync,
    initialize,
    inline_completion,
    notebooks,
    workspace_context,
)
from codellama_lsp.lsp.server import CodeLlamaServer
from codellama_lsp.lsp.session import ServeOptions

_METHODS = (
    initialize,
    configuration,
    documents_sync,
    notebooks,
    workspace_context,
    inline_completion,
    did_show,
    did_partially_accept,
    accepted,
    commands,
)


def build_server(options: ServeOptions) -> CodeLlamaServer:
    """A server with all its methods, not listening yet."""
    server = CodeLlamaServer(options)
    for module in _METHODS:
        module.register(server)
    return server
