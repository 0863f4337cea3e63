"""A document and a cursor as they were when a request arrived, and the way back to positions."""

from __future__ import annotations

from urllib.parse import unquote

import attrs
from lsprotocol import types
from pygls.workspace import Workspace

from codellama_lsp.completion.types import DocumentSnapshot, Suggestion
from codellama_lsp.lsp.cells import cells_around
from codellama_lsp.lsp.documents import Document
from codellama_lsp.lsp.positions import offset_at, units


@attrs.frozen
class Snapshot:
    """What a request is about."""

    document: DocumentSnapshot
    offset: int
    """The cursor, as if the entry selected in the editor's menu had been chosen already."""
    line: int
    """Counted in the document that the editor knows, which may be a cell of a notebook."""
    line_start: int
    """That line's offset in the text of `document`."""
    encoding: str
    chosen: str = ""
    """That entry's text; it stands in `document` in place of `chosen_over`."""
    chosen_over: str = ""

    def item(self, suggestion: Suggestion) -> tuple[str, types.Range]:
        """Text and range of `suggestion`, in the document as the editor has it."""
        text = self.document.text
        start = suggestion.start - len(self.chosen)
        before = units(text[self.line_start : start], self.encoding)
        replaced = self.chosen_over + text[suggestion.start : suggestion.end]
        return self.chosen + suggestion.text, types.Range(
            start=types.Position(self.line, before),
            end=types.Position(self.line, before + units(replaced, self.encoding)),
        )


def take_snapshot(
    workspace: Workspace,
    params: types.InlineCompletionParams | types.CompletionParams,
    encoding: str,
) -> Snapshot | None:
    """The state that `params` asks about; None for a document that was never opened."""
    document = workspace.text_documents.get(unquote(params.text_document.uri))
    if not isinstance(document, Document):
        return None
    buffer, text, position = document.buffer, document.buffer.text, params.position
    offset = offset_at(buffer, position.line, position.character, encoding)
    line = buffer.line_of(offset)
    chosen = chosen_over = ""
    info = None
    if isinstance(params, types.InlineCompletionParams):
        info = params.context.selected_completion_info
    if info is not None and "\n" not in info.text and "\r" not in info.text:
        first, last = info.range.start, info.range.end
        start = offset_at(buffer, first.line, first.character, encoding)
        end = offset_at(buffer, last.line, last.character, encoding)
        if first.line == last.line == line and start <= offset <= end:
            chosen, chosen_over = info.text, text[start:end]
            text = text[:start] + chosen + text[end:]
            offset = start + len(chosen)
    above, below = cells_around(workspace, document)
    return Snapshot(
        DocumentSnapshot(
            document.uri,
            document.language_id or "",
            document.version or 0,
            above + text + below,
            document.read_only,
            document.several_cursors,
        ),
        len(above) + offset,
        line,
        len(above) + buffer.line_start(line),
        encoding,
        chosen,
        chosen_over,
    )
