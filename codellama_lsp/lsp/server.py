"""Builds the language server; what it does is in one file per method."""

from __future__ import annotations

import logging

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from codellama_lsp import __version__
from codellama_lsp.lsp import (
    accepted,
    commands,
    configuration,
    did_partially_accept,
    did_show,
    documents_sync,
    initialize,
    inline_completion,
    workspace_context,
)
from codellama_lsp.lsp.protocol import Protocol
from codellama_lsp.lsp.session import ServeOptions, Session
from codellama_lsp.lsp.status import StatusReporter

log = logging.getLogger(__name__)


class CodeLlamaServer(LanguageServer):
    """pygls's server and what belongs to this connection."""

    protocol: Protocol

    def __init__(self, options: ServeOptions) -> None:
        super().__init__(
            "codellama-lsp",
            __version__,
            text_document_sync_kind=types.TextDocumentSyncKind.Incremental,
            protocol_cls=Protocol,
        )
        self.session = Session(options.choose, options.command_line)
        self.status = StatusReporter(self)

    def report_server_error(self, error: Exception, source: object) -> None:
        """Log what kind of error it was; pygls would show its text to the user, code included."""
        log.error("%s", type(error).__name__)


_METHODS = (
    initialize,
    configuration,
    documents_sync,
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
