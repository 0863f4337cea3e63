"""`notebookDocument/*`: cells are documents, and forgotten like them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsprotocol import types

from codellama_lsp.lsp.documents_sync import close

if TYPE_CHECKING:
    from codellama_lsp.lsp.server import CodeLlamaServer


def register(server: CodeLlamaServer) -> None:
    """Add the methods; pygls keeps the cells."""

    @server.feature(types.NOTEBOOK_DOCUMENT_DID_CHANGE)
    async def changed(params: types.DidChangeNotebookDocumentParams) -> None:
        cells = params.change.cells
        structure = cells.structure if cells else None
        for cell in (structure.did_close or ()) if structure else ():
            close(server, cell.uri)

    @server.feature(types.NOTEBOOK_DOCUMENT_DID_CLOSE)
    async def closed(params: types.DidCloseNotebookDocumentParams) -> None:
        for cell in params.cell_text_documents:
            close(server, cell.uri)
