"""The server object of one connection; build.py gives it its methods."""

from __future__ import annotations

import logging

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from codellama_lsp import __version__
from codellama_lsp.lsp.protocol import Protocol
from codellama_lsp.lsp.session import ServeOptions, Session
from codellama_lsp.lsp.status import StatusReporter

log = logging.getLogger(__name__)

#: With all their cells.
_ALL_NOTEBOOKS = types.NotebookDocumentSyncOptions(
    notebook_selector=[types.NotebookDocumentFilterWithNotebook(notebook="*")], save=False
)


class CodeLlamaServer(LanguageServer):
    """pygls's server and what belongs to this connection."""

    protocol: Protocol

    def __init__(self, options: ServeOptions) -> None:
        super().__init__(
            "codellama-lsp",
            __version__,
            text_document_sync_kind=types.TextDocumentSyncKind.Incremental,
            notebook_document_sync=_ALL_NOTEBOOKS,
            protocol_cls=Protocol,
        )
        self.session = Session(options.choose, options.command_line, options.kept_after_s)
        self.status = StatusReporter(self, self.session)

    def report_server_error(self, error: Exception, source: object) -> None:
        """Log what kind of error it was; pygls would show its text to the user, code included."""
        log.error("%s", type(error).__name__)
