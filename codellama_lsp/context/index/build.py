"""Keeping an index true to a folder: a first build in small steps, then file by file.

Every step ends soon, so that whoever runs it can answer questions in between; what is done is
committed now and then, so that a build that is killed goes on where it was.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import attrs

from codellama_lsp.context.ignore import Files
from codellama_lsp.context.index.cut import cut
from codellama_lsp.context.index.store import FileFacts, Store
from codellama_lsp.context.languages import language_of
from codellama_lsp.context.secrets import Redactor

_FILES_PER_COMMIT = 100
#: A file that changes while it is read is read again, so often.
_ATTEMPTS = 3


@attrs.frozen
class Progress:
    """How far a build is."""

    done: int
    total: int
    changed: int = 0
    """Files that had to be read."""


class Builder:
    """Brings a store up to date with a folder."""

    def __init__(self, files: Files, store: Store) -> None:
        self._files = files
        self._store = store
        self._redactor = Redactor()

    def build(self) -> Iterator[Progress]:
        """Compare everything with what is known; a step is a file that has changed, or many not."""
        known = self._store.known()
        paths = list(self._files.all())
        total = len(paths)
        changed = 0
        self._store.begin()
        for number, path in enumerate(paths):
            if self._update(path, known.pop(path, None)):
                changed += 1
                yield Progress(number, total, changed)
                if changed % _FILES_PER_COMMIT == 0:
                    self._store.commit()
                    self._store.begin()
            elif number % _FILES_PER_COMMIT == 0:
                yield Progress(number, total, changed)
        for path in known:
            self._store.remove(path)
        self._store.commit()
        yield Progress(total, total, changed + len(known))

    def update(self, path: str) -> None:
        """One file was written, created, renamed or deleted."""
        known = self._store.facts(path)
        if self._files.may_read(path):
            self._store.begin()
            self._update(path, known, sure=True)
            self._store.commit()
        else:
            for gone in self._store.below(path) if known is None else [path]:
                self._store.remove(gone)

    def _update(self, path: str, known: FileFacts | None, *, sure: bool = False) -> bool:
        """Put a file into the store; says whether that was any work.

        `sure`: it was written, even if its size and time say otherwise (clocks tick slowly).
        """
        facts, content = self._read(path, None if sure else known)
        if facts is not None and known is not None and facts.hash == known.hash:
            if facts != known:
                self._store.touch(path, facts)
            return False
        if facts is None or content is None:
            if known is not None:
                self._store.remove(path)
            return known is not None
        try:
            text = content.decode("utf-8").removeprefix("\ufeff")
        except UnicodeDecodeError:
            text = ""
        language = language_of(path)
        if not text or language is None:
            self._store.remove(path)
            return True
        text = self._redactor.redact(text.replace("\r\n", "\n").replace("\r", "\n"))
        self._store.put(path, language, facts, cut(text, language))
        return True

    def _read(self, path: str, known: FileFacts | None) -> tuple[FileFacts | None, bytes | None]:
        """What is in the file, as it was before and after reading alike."""
        for _ in range(_ATTEMPTS):
            before = self._stat(path)
            if before is None:
                return None, None
            if known is not None and (known.size, known.mtime_ns) == before:
                return known, None
            content = self._files.read(path)
            if content is None:
                return None, None
            if self._stat(path) == before and len(content) == before[0]:
                digest = hashlib.blake2b(content, digest_size=16).digest()
                return FileFacts(*before, digest), content
        return None, None  # somebody keeps writing: a later change will tell us again

    def _stat(self, path: str) -> tuple[int, int] | None:
        try:
            facts = (self._files.root / path).lstat()
        except (OSError, ValueError):
            return None
        return facts.st_size, facts.st_mtime_ns
