"""All that is known of a workspace: the index of its files, with open buffers in their place."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from codellama_lsp.context.index.cut import FileCut, cut
from codellama_lsp.context.index.definition import Found
from codellama_lsp.context.index.imports import Import
from codellama_lsp.context.index.neighbours import Neighbours
from codellama_lsp.context.index.resolve import partners, resolve
from codellama_lsp.context.index.store import IN_MEMORY, FileFacts, Store, Worth
from codellama_lsp.context.languages import language_of
from codellama_lsp.context.secrets import Redactor, Span

_NO_FACTS = FileFacts(0, 0, b"")
_MOST_OVERLAY_CHARS = 1_000_000
_MOST_PATHS = 1000


@attrs.frozen
class OpenFile:
    """A buffer as its user sees it."""

    language: str
    text: str
    """Without secrets, with ``\\n`` line endings."""
    cut: FileCut
    secrets: tuple[Span, ...] = ()
    """Where they were in the text as it is."""
    shown: bool = True
    """Whether it may stand in other files' prompts."""

    def offset(self, offset: int) -> int:
        """Where in `text` a place of the buffer itself is, counted with ``\n`` line endings."""
        moved = 0
        for start, end, mark in self.secrets:
            if offset <= start:
                break
            if offset < end:
                return start + moved + len(mark)
            moved += len(mark) - (end - start)
        return min(offset + moved, len(self.text))


class Library:
    """Answers questions about definitions. Unsaved text wins over what is on disk."""

    def __init__(self, disk: Store | None = None, root_name: str = "") -> None:
        self.disk = disk or _empty()
        self.root_name = root_name
        self.others = Neighbours()
        """The workspace's other folders."""
        self._overlay = _empty()
        self._open: dict[str, OpenFile] = {}
        self._buffered: frozenset[str] = frozenset()
        """What buffers define, by name."""
        self._redactor = Redactor()

    def open(
        self, path: str, text: str, language: str | None = None, *, shown: bool = True
    ) -> None:
        """A buffer was opened or has changed; not `shown`: it is for nobody but itself."""
        known = self._open.get(path)
        language = language or language_of(path) or "plaintext"
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        secrets = self._redactor.spans(text)
        clean = self._redactor.redact(text)
        if len(clean) > _MOST_OVERLAY_CHARS:
            return
        if known is not None and (known.text, known.shown) == (clean, shown):
            self._open[path] = attrs.evolve(known, secrets=secrets)
            return
        content = cut(clean, language)
        self._open[path] = OpenFile(language, clean, content, secrets, shown)
        if shown:
            self._overlay.put(path, language, _NO_FACTS, content)
        else:
            self._overlay.remove(path)
        self._note_buffers()

    def close(self, path: str) -> None:
        """The buffer was closed: the file on disk counts again."""
        if self._open.pop(path, None) is not None:
            self._overlay.remove(path)
            self._note_buffers()

    def opened(self, path: str) -> OpenFile | None:
        """The buffer of that path, if there is one."""
        return self._open.get(path)

    @property
    def open_paths(self) -> list[str]:
        """Of all buffers, in the order in which they were opened."""
        return list(self._open)

    def named(self, name: str, most: int = 40) -> list[Found]:
        """Definitions of that name."""
        others = self.others.found(lambda store: store.named(name, most))
        buffers = self._overlay.named(name, most) if name in self._buffered else []
        return self._merged(buffers, self.disk.named(name, most), others)

    def any_case(self, name: str) -> list[Found]:
        """Classes of that name in lower case."""
        return self._merged(
            self._overlay.classes_in_any_case(name),
            self.disk.classes_in_any_case(name),
            self.others.found(lambda store: store.classes_in_any_case(name)),
        )

    def beginning(self, start: str, most: int = 60) -> list[Found]:
        """Definitions whose names begin so."""
        return self._merged(
            self._overlay.beginning(start, most),
            self.disk.beginning(start, most),
            self.others.found(lambda store: store.beginning(start, most)),
        )

    def in_file(self, path: str, name: str | None = None) -> list[Found]:
        """What a file defines."""
        if path in self._open:
            return self._overlay.in_file(path, name)
        if self.others.covers(path):
            return self.others.in_file(path, name)
        return self.disk.in_file(path, name)

    def imports_of(self, path: str) -> list[Import]:
        """What a file imports."""
        if path in self._open:
            return self._overlay.imports_of(path)
        if self.others.covers(path):
            return self.others.imports_of(path)
        return self.disk.imports_of(path)

    def with_stem(self, stem: str, below: str = "") -> list[str]:
        """Paths of files with that stem; of this folder's, those below one of its folders."""
        others = self.others.paths(lambda store: store.with_stem(stem))
        here = (*self._overlay.with_stem(stem, below), *self.disk.with_stem(stem, below))
        return list(dict.fromkeys((*here, *others)))

    def in_folder(self, name: str) -> list[str]:
        """Paths of files right in folders of that last name."""
        others = self.others.paths(lambda store: store.in_folder(name))
        here = (*self._overlay.in_folder(name), *self.disk.in_folder(name))
        return list(dict.fromkeys((*here, *others)))

    def written_in(self, language: str) -> list[str]:
        """Paths of files in a language."""
        known = (*self._overlay.written_in(language), *self.disk.written_in(language))
        return list(dict.fromkeys(known))

    def declaring(self, module: str) -> list[str]:
        """Paths of files that say they belong to that namespace."""
        return list(dict.fromkeys((*self._overlay.declaring(module), *self.disk.declaring(module))))

    def ranked(
        self,
        paths: Iterable[str],
        *,
        inside: str = "",
        start: str = "",
        worth: Worth,
        most: int = 150,
    ) -> list[tuple[Found, int]]:
        """See `Store.ranked`; of buffers, nothing is counted."""
        wanted = list(dict.fromkeys(paths))[:_MOST_PATHS]
        buffers = [path for path in wanted if path in self._open]
        stored = [path for path in wanted if path not in self._open]
        found = self.disk.ranked(stored, inside=inside, start=start, worth=worth, most=most)
        return found + self._overlay.ranked(
            buffers, inside=inside, start=start, worth=worth, most=most
        )

    def resolve(self, module: str, language: str, importer: str) -> list[str]:
        """Files that an import can mean."""
        if language == "csharp":  # a namespace, whatever the files are called
            return self.declaring(module)
        return resolve(module, language, importer, self)

    def partners(self, path: str) -> list[str]:
        """Tests of a file, or what it tests; its header, or what implements it."""
        return partners(path, self)

    def exported(
        self, paths: Iterable[str], name: str, language: str, hops: int = 3
    ) -> list[Found]:
        """What `name` is in those files, also where they only pass it on."""
        for path in paths:
            if own := [f for f in self.in_file(path, name) if "." not in f.definition.qualified]:
                return own
            if hops <= 0:
                continue
            for line in self.imports_of(path):
                if line.alias == name or line.name == "*":
                    onward = [p for p in self.resolve(line.module, language, path) if p != path]
                    wanted = name if line.name in ("*", "") else line.name
                    if found := self.exported(onward, wanted, language, hops - 1):
                        return found
        return []

    @property
    def size(self) -> int:
        """How many definitions are known, roughly."""
        return self.disk.size + self.others.size

    def frequency(self, words: list[str]) -> dict[str, int]:
        """In how many definitions on disk each word occurs."""
        occurs = self.disk.frequency(words)
        for word, n in self.others.frequency(words).items():
            occurs[word] = occurs.get(word, 0) + n
        return occurs

    def search(self, words: list[str], most: int) -> list[tuple[Found, float]]:
        """Definitions by BM25. Of buffers, the scores are those of the file on disk, roughly."""
        disk = [(f, s) for f, s in self.disk.search(words, most) if self._counts(f.path)]
        others = self.others.hits(lambda store: store.search(words, most))
        if others:
            disk += [(f, s) for f, s in others if f.path not in self._open]
            disk = sorted(disk, key=lambda hit: -hit[1])[:most]
        if not self._open:
            return disk
        overlay = self._overlay.search(words, max(most // 2, 4))
        # The overlay's own scale is that of a tiny collection: align the best ones.
        if overlay and disk:
            scale = min(1.0, disk[0][1] / max(overlay[0][1], 1e-9))
            overlay = [(f, s * scale) for f, s in overlay]
        return sorted([*disk, *overlay], key=lambda hit: -hit[1])[:most]

    def _note_buffers(self) -> None:
        self._buffered = frozenset(d.name for f in self._open.values() for d in f.cut.definitions)

    def _merged(self, overlay: list[Found], disk: list[Found], others: list[Found]) -> list[Found]:
        kept = [f for f in disk if self._counts(f.path)]
        return [*overlay, *kept, *(f for f in others if f.path not in self._open)]

    def _counts(self, path: str) -> bool:
        """Whether what the disk's index says of a file is what holds."""
        return path not in self._open and not self.others.covers(path)


def _empty() -> Store:
    store = Store(IN_MEMORY)
    store.create()
    return store
