"""`notebookDocument/*`: cells are documents, and what stands in those around one is its context.

A client that synchronizes notebooks tells their order; for one that sends cells as plain documents
each stands alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import unquote

from lsprotocol import types
from pygls.workspace import Workspace

from codellama_lsp.lsp.documents import Document
from codellama_lsp.lsp.documents_sync import close

if TYPE_CHECKING:
    from codellama_lsp.lsp.server import CodeLlamaServer

#: All notebooks, with all their cells.
SYNC = types.NotebookDocumentSyncOptions(
    notebook_selector=[types.NotebookDocumentFilterWithNotebook(notebook="*")], save=False
)

_BETWEEN = "\n\n"
_MOST_CHARS = 100_000


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


def cells_around(workspace: Workspace, document: Document) -> tuple[str, str]:
    """The code of the same language above and below a cell; empty for what is none."""
    notebook = workspace.get_notebook_document(cell_uri=document.uri)
    if notebook is None:
        return "", ""
    uris = [unquote(cell.document) for cell in notebook.cells]
    own = unquote(document.uri)
    if own not in uris:
        return "", ""
    place = uris.index(own)

    def texts(chosen: Iterable[str]) -> list[str]:
        """Of cells of this language, the nearest first, as many as are of use."""
        found: list[str] = []
        left = _MOST_CHARS
        for uri in chosen:
            cell = workspace.text_documents.get(uri)
            if isinstance(cell, Document) and cell.language_id == document.language_id:
                left -= len(cell.source)
                if left < 0:
                    break
                found.append(cell.source)
        return found

    above, below = texts(reversed(uris[:place])), texts(uris[place + 1 :])
    return (
        "".join(text + _BETWEEN for text in reversed(above)),
        "".join(_BETWEEN + text for text in below),
    )
