"""From what an import says to files of the workspace, by language.

Paths have slashes and are relative to the workspace. Asks a store by files' stems, since nobody
tells us where the roots of packages are.
"""

from __future__ import annotations

import posixpath
import re
from functools import lru_cache
from typing import Protocol

_INDEX_FILES = frozenset({"__init__", "index", "mod", "lib", "main"})
_MOST_FILES = 8


class Files(Protocol):
    """What `resolve` asks."""

    root_name: str
    """Of the workspace's folder: where that is a package itself, imports begin with its name."""

    def with_stem(self, stem: str, below: str = "") -> list[str]:
        """Paths of files with that stem, in a folder and its folders."""
        ...

    def in_folder(self, name: str) -> list[str]:
        """Paths of files right in folders with that last name."""
        ...


def stem_of(path: str) -> str:
    """What an import would call the file: its name without endings, or its folder's for an index.

    A header of C keeps its ending, for there the import has it too.
    """
    folder, _, name = path.rpartition("/")
    if re.search(r"\.(?:h|hh|hpp|hxx|sh|bash)$", name):
        return name.lower()
    stem = name.partition(".")[0]
    if stem in _INDEX_FILES and folder:
        stem = folder.rpartition("/")[2]
    return stem.lower()


def folder_of(path: str) -> str:
    """The last name of the file's folder, in lower case."""
    return path.rpartition("/")[0].rpartition("/")[2].lower()


def resolve(module: str, language_id: str, importer: str, files: Files) -> list[str]:
    """Files that `module`, as written in `importer`, can mean; the likeliest first."""
    wanted = _wanted(module, language_id, importer)
    if language_id in _BY_NAME and wanted and not wanted[0].startswith("/"):
        wanted += _below_root(wanted[0], files.root_name)
    if not wanted:
        return []
    if language_id == "go":
        return _go_package(wanted[0], files)
    found: list[tuple[int, int, str]] = []
    for rank, tail in enumerate(wanted):
        stem = tail.rpartition("/")[2].lower()
        anchored, end = tail.startswith("/"), tail.lstrip("/")
        below = posixpath.dirname(end) if anchored else ""
        for path in files.with_stem(stem, below):
            if end not in path:
                continue
            bare = _bare(path)
            if bare == end or (not anchored and bare.endswith("/" + end)):
                found.append((rank, -_shared(path, importer), path))
    return list(dict.fromkeys(path for _, _, path in sorted(found)))[:_MOST_FILES]


def _wanted(module: str, language_id: str, importer: str) -> list[str]:
    """Paths without endings to look for; one with a leading slash begins at the workspace."""
    folder = posixpath.dirname(importer)
    if language_id == "python":
        dots = len(module) - len(module.lstrip("."))
        rest = module[dots:].replace(".", "/")
        if not dots:
            return [rest]
        for _ in range(dots - 1):
            folder = posixpath.dirname(folder)
        return ["/" + posixpath.join(folder, rest).rstrip("/")]
    if language_id in _ECMASCRIPT:
        if module.startswith("."):
            path = posixpath.normpath(posixpath.join(folder, module))
            return ["/" + re.sub(r"\.(?:[cm]?[jt]sx?)$", "", path)]
        # An alias such as "@/x" or "~/x" for the sources' root; packages have no such files.
        return [re.sub(r"^(?:@|~|src)/", "", module)] if "/" in module else []
    if language_id in ("c", "cpp", "shellscript"):
        near = posixpath.normpath(posixpath.join(folder, module))
        return ["/" + near, re.sub(r"^(?:\.\.?/|\$\{?\w+\}?/)+", "", module)]
    if language_id == "java":
        return [module.replace(".", "/")]
    if language_id == "php":
        parts = module.strip("\\").split("\\")
        return ["/".join(parts[i:]) for i in range(min(len(parts), 4))]
    if language_id == "rust":
        parts = [p for p in module.split("::") if p not in ("crate", "self", "super", "")]
        return ["/".join(parts[i:]) for i in range(min(len(parts), 3))]
    return [module] if language_id == "go" else []


def _below_root(path: str, root_name: str) -> list[str]:
    """A path that leads through the workspace's folder, from there on."""
    parts = path.split("/")
    return ["/" + "/".join(parts[n + 1 :]) for n, p in enumerate(parts[:-1]) if p == root_name]


#: Languages whose imports name files from a root outside the importing file's folder.
_BY_NAME = frozenset({"python", "java"})
_ECMASCRIPT = ("javascript", "javascriptreact", "typescript", "typescriptreact")


def _go_package(module: str, files: Files) -> list[str]:
    """A package is a folder; its path begins with a module's name that we don't know."""
    inside = [p for p in files.in_folder(module.rpartition("/")[2].lower()) if p.endswith(".go")]
    for tail in (module, "/".join(module.split("/")[-2:]), module.rpartition("/")[2]):
        found = [p for p in inside if ("/" + posixpath.dirname(p)).endswith("/" + tail)]
        if found:
            return [p for p in found if not p.endswith("_test.go")][:_MOST_FILES]
    return []


@lru_cache(65_536)
def _bare(path: str) -> str:
    folder, _, name = path.rpartition("/")
    if re.search(r"\.(?:h|hh|hpp|hxx|sh|bash)$", name):
        return path
    stem = name.partition(".")[0]
    if stem in _INDEX_FILES and folder:
        return folder
    return f"{folder}/{stem}" if folder else stem


def _shared(one: str, other: str) -> int:
    """How many folders two paths have in common from the top."""
    count = 0
    for a, b in zip(one.split("/")[:-1], other.split("/")[:-1], strict=False):
        if a != b:
            break
        count += 1
    return count


def partners(path: str, files: Files) -> list[str]:
    """Files that are a test of this one, or what it tests, its header or what implements it."""
    name = path.rpartition("/")[2]
    stem, _, ending = name.partition(".")
    stems = {stem + s for s in ("_test", "_tests", "Test", "Tests", "_spec")} | {f"test_{stem}"}
    for mark in (r"^tests?_", r"(?:_tests?|Tests?|_spec)$"):
        if (bare := re.sub(mark, "", stem)) != stem:
            stems.add(bare)
    ending = ending.rpartition(".")[2]
    if ending in ("c", "cc", "cpp", "cxx"):
        stems |= {f"{stem}.{h}" for h in ("h", "hpp", "hh", "hxx")}
    found: list[tuple[int, str]] = []
    for wanted in {s.lower() for s in stems} | {stem.lower()}:
        for other in files.with_stem(wanted):
            last = other.rpartition("/")[2]
            if other == path or (wanted == stem.lower() and not _is_other_side(name, last)):
                continue
            found.append((-_shared(other, path), other))
    return [other for _, other in sorted(found)][:3]


def _is_other_side(name: str, other: str) -> bool:
    """The same stem: a test by a further ending (``x.test.ts``), or C's header and source."""
    ends, others = name.partition(".")[2], other.partition(".")[2]
    if ends == others:
        return False
    if _TESTS.isdisjoint(ends.split(".")) != _TESTS.isdisjoint(others.split(".")):
        return True
    return (ends in _HEADERS) != (others in _HEADERS) and ends[:1] in "ch" and others[:1] in "ch"


_TESTS = frozenset({"test", "spec"})
_HEADERS = frozenset({"h", "hh", "hpp", "hxx"})
