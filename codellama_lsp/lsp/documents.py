"""pygls documents that keep their text in a `TextBuffer`: the right line ends, and fast edits."""

from __future__ import annotations

from collections.abc import Sequence

from lsprotocol import types
from pygls.workspace import TextDocument, Workspace

from codellama_lsp.context.documents import TextBuffer
from codellama_lsp.lsp.positions import offset_at


class Document(TextDocument):
    """An open document. Never reads the disk: what the editor has is the truth."""

    def __init__(self, uri: str, source: str, version: int | None, language_id: str | None) -> None:
        try:
            super().__init__(uri, source, version, language_id)
        except ValueError:  # Not a URL ("file://[x"); it still is a name.
            super().__init__("untitled:unnamed", source, version, language_id)
            self.uri = uri
        self.encoding: str = "utf-16"
        self.buffer = TextBuffer(source)
        self._source = None  # One copy of the text is enough.

    @property
    def source(self) -> str:
        """The text."""
        return self.buffer.text

    @property
    def lines(self) -> Sequence[str]:
        """All lines with their breaks; costs a pass over the text."""
        return tuple(self.buffer.lines())

    def apply_change(self, change: types.TextDocumentContentChangeEvent) -> None:
        """Apply one change event, incremental or full."""
        if not isinstance(change, types.TextDocumentContentChangePartial):
            self.buffer = TextBuffer(change.text)
            return
        first, last = change.range.start, change.range.end
        start = offset_at(self.buffer, first.line, first.character, self.encoding)
        end = offset_at(self.buffer, last.line, last.character, self.encoding)
        self.buffer.edit(min(start, end), max(start, end), change.text)


def install(workspace: Workspace) -> None:
    """Make `workspace` create our documents from now on."""
    encoding = str(getattr(workspace.position_encoding, "value", workspace.position_encoding))

    def create(
        doc_uri: str,
        source: str | None = None,
        version: int | None = None,
        language_id: str | None = None,
    ) -> TextDocument:
        document = Document(doc_uri, source or "", version, language_id)
        document.encoding = encoding
        return document

    workspace._create_text_document = create  # type: ignore[method-assign]
