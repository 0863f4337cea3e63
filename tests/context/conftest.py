"""Workspaces of a few files, made for a test."""

from __future__ import annotations

from pathlib import Path

import pytest

from codellama_lsp.context.ignore import Files
from codellama_lsp.context.index.build import Builder
from codellama_lsp.context.index.library import Library
from codellama_lsp.context.index.store import IN_MEMORY, Store


class Folder:
    """Files on disk, and an index of them."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.store = Store(IN_MEMORY)
        self.store.create()

    def write(self, files: dict[str, str]) -> Folder:
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return self

    def index(self) -> Library:
        for _ in Builder(Files(self.root), self.store).build():
            pass
        self.store.note_common()
        return Library(self.store, self.root.name)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    root = tmp_path / "workspace"
    root.mkdir()
    return Folder(root)
