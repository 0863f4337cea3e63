"""pygls documents that keep their text in a `TextBuffer`: the right line ends, and fast edits."""

from __future__ import annotations

import os
from collections.abc import Sequence

from lsprotocol import types
from pygls.workspace import TextDocument, Workspace

from codellama_lsp.context.documents import TextBuffer
from codellama_lsp.lsp.positions import offset_at
from codellama_lsp.workspace.folders import path_of_file

#: Schemes of documents that editors show and never edit: revisions, decompiled sources, output.
_VIEWS = frozenset(
    """git gitfs gitlens gitlens-git hg svn output jdt csharp omnisharp-metadata deno deno-asset
    perforce vscode-local-history walkThrough""".split()
)


class Document(TextDocument):
    """An open document. Never reads the disk: what the editor has is the truth."""

    def __init__(self, uri: str, source: str, version: int | None, language_id: str | None) -> None:
        try:
            super().__init__(uri, source, version, language_id)
        except ValueError:  # Not a URL ("file://[x"); it still is a name.
            super().__init__("untitled:unnamed", source, version, language_id)
            self.uri = uri
        self.encoding: str = "utf-16"
        self._read_only: bool | None = None
        self.several_cursors = False
        """Whether the last notification of changes had several of them."""
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

    @property
    def read_only(self) -> bool:
        """Whether nobody can be typing here: a view of something, or a file that is protected.

        Once it was edited, it obviously can be.
        """
        if self._read_only is None:
            self._read_only = is_read_only(self.uri)
        return self._read_only

    def apply_change(self, change: types.TextDocumentContentChangeEvent) -> None:
        """Apply one change event, incremental or full."""
        self._read_only = False
        if not isinstance(change, types.TextDocumentContentChangePartial):
            self.buffer = TextBuffer(change.text)
            return
        first, last = change.range.start, change.range.end
        start = offset_at(self.buffer, first.line, first.character, self.encoding)
        end = offset_at(self.buffer, last.line, last.character, self.encoding)
        self.buffer.edit(min(start, end), max(start, end), change.text)


def is_read_only(uri: str) -> bool:
    """Whether `uri` names a view that no editor edits, or a file that may not be written."""
    scheme = uri.partition(":")[0]
    path = path_of_file(uri)
    if scheme in _VIEWS or path is None:
        return scheme in _VIEWS
    try:
        # Root may write everything; a file without any permission to is protected all the same.
        return not path.stat().st_mode & 0o222 or not os.access(path, os.W_OK)
    except (OSError, ValueError):
        return False


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
