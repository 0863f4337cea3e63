"""What a file may name without importing it by name: its package, its namespace, its headers.

Many names are visible so, and often nothing is typed yet: those that the workspace uses most, and
those made of words near the cursor, come first. Reads a library.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from codellama_lsp.context.candidates import VISIBLE, Pool, Query
from codellama_lsp.context.index.imports import Import
from codellama_lsp.context.index.library import Library
from codellama_lsp.context.languages import same_family

_MOST_HEADERS = 40
_LEAST, _MEMBER_LEAST, _STATIC_LEAST = 0.4, 0.3, 0.8
_NAMESPACE = re.compile(r"^[ \t]*namespace[ \t]+([\w.]+)", re.MULTILINE)
_BY_FOLDER = frozenset({"go", "java", "php"})
_BY_HEADER = frozenset({"c", "cpp"})


def add_visible(
    library: Library, pool: Pool, imports: Sequence[Import], modules: Iterable[str]
) -> None:
    """Add them; behind a dot whose left side has no known type, members of what is visible.

    `modules`: paths that the file imports.
    """
    query, view = pool.query, pool.view
    paths = [p for p in _paths(library, query, imports) if p != query.path]
    if view.receiver:
        paths += [p for p in modules if p not in paths]
    start = view.partial
    least = _MEMBER_LEAST if view.receiver else _LEAST
    static = [p for line in imports if line.name == "*" for p in _class_of(library, query, line)]
    inside = "*" if view.receiver else ""
    for one, n in library.ranked(paths, inside=inside, start=start, worth=pool.likely):
        if same_family(one.language, query.language):
            pool.add(one, least + pool.likely(one.definition.name, n), VISIBLE)
    for one, n in library.ranked(static, inside="*", start=start, worth=pool.likely):
        pool.add(one, _STATIC_LEAST + pool.likely(one.definition.name, n), VISIBLE)


def _paths(library: Library, query: Query, imports: Sequence[Import]) -> list[str]:
    """Files whose definitions need no import by name."""
    path, language, text = query.path, query.language, query.text
    if language == "shellscript":  # whoever sources it says so elsewhere
        return library.written_in(language)
    if language in _BY_FOLDER:
        packages = [p for line in imports if line.name == "*" for p in _package(library, line)]
        return [*folder_files(library, path), *packages]
    if language == "csharp":
        parts = [name.split(".") for name in _NAMESPACE.findall(text)]
        namespaces = [".".join(p[:n]) for p in parts for n in range(len(p), 0, -1)]
        used = [line.module for line in imports if line.name == "*"]
        return [p for name in (*namespaces, *used) for p in library.declaring(name)]
    if language in _BY_HEADER:
        return _headers(library, path, language, imports)
    return []


def _class_of(library: Library, query: Query, line: Import) -> list[str]:
    """The file of a class whose members are imported, as Java's ``import static`` has it."""
    if query.language != "java":
        return []
    return library.resolve(line.module, query.language, query.path)[:1]


def _package(library: Library, line: Import) -> list[str]:
    """Files of a package that is imported whole, as Java has it."""
    folder = line.module.replace(".", "/")
    inside = library.in_folder(folder.rpartition("/")[2].lower())
    return [p for p in inside if f"/{p.rpartition('/')[0]}".endswith(f"/{folder}")]


def folder_files(library: Library, path: str) -> list[str]:
    """The other files of a file's folder."""
    folder = path.rpartition("/")[0]
    inside = library.in_folder(folder.rpartition("/")[2].lower())
    return [p for p in inside if p != path and p.rpartition("/")[0] == folder]


def _headers(library: Library, path: str, language: str, imports: Sequence[Import]) -> list[str]:
    """What is included, and what that includes."""
    found: list[str] = []
    todo = [(path, imports)]
    while todo and len(found) < _MOST_HEADERS:
        importer, lines = todo.pop(0)
        for line in lines:
            for header in library.resolve(line.module, language, importer)[:1]:
                if header != path and header not in found:
                    found.append(header)
                    todo.append((header, library.imports_of(header)))
    return found
