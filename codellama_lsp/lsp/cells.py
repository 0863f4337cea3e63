"""The cells of a notebook around one of them: what stands in those is its context.

A client that synchronizes notebooks tells their order; for one that sends cells as plain documents
each stands alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import unquote

from pygls.workspace import Workspace

from codellama_lsp.lsp.documents import Document

_BETWEEN = "\n\n"
_MOST_CHARS = 100_000


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
