"""Which definitions of a workspace help at a cursor: one scored list, each with its reasons.

References first (what the code at the cursor names, calls, inherits), then resemblance. Reads a
library; decides neither how much of each is shown nor in which order.
"""

from __future__ import annotations

import itertools
import re

import attrs

from codellama_lsp.context.candidates import (
    BASE,
    BEGINS,
    CALLED,
    CLASS,
    IMPORTED,
    IN_MODULE,
    INHERITED,
    MEMBER,
    NAMED,
    RECEIVER,
    THIS_FILE,
    TYPE,
    Candidate,
    Pool,
    Query,
    nearness,
    popularity,
)
from codellama_lsp.context.choose_similar import add_similar
from codellama_lsp.context.choose_usage import usages
from codellama_lsp.context.choose_visible import add_visible, folder_files
from codellama_lsp.context.cursor import CursorView, view
from codellama_lsp.context.index.cut import cut
from codellama_lsp.context.index.definition import Found
from codellama_lsp.context.index.imports import Import
from codellama_lsp.context.index.library import Library
from codellama_lsp.context.languages import same_family

_MOST_NAMES = 48
_MOST_MEMBERS = 120
_LEAST_PARTIAL = 2
_MOST_USED = 24
_SELF = ("self", "this", "cls", "super")
_BASE_HOPS = 3
#: Languages that need no ``this`` for a member.
_IMPLICIT = frozenset({"java", "csharp", "cpp"})
_RETURNS = re.compile(r"(?:->|\)\s*:)\s*[\"'&*]?(?:Optional\[|Promise<)?(?:\w+\.)*([^\W\d]\w*)")
_ACCESS = re.compile(r"([^\W\d]\w*)(?:\.|->|::)([^\W\d]\w*)")


def choose(library: Library, query: Query, most: int = 200) -> tuple[list[Candidate], CursorView]:
    """The candidates for a cursor, the best first, and how the cursor was understood."""
    seen = _in_class(library, query, view(query.text, query.offset))
    pool = Pool(query, seen)
    chooser = _References(library, pool)
    chooser.imports()
    chooser.receiver()
    chooser.call()
    chooser.own_class()
    chooser.names()
    chooser.beginnings()
    chooser.visible()
    similar = add_similar(library, pool)
    shown = "\n".join(query.shown)
    kept = [c for c in pool.candidates() if not _is_shown(c.found, query, shown)]
    kept += usages(library, pool, kept, similar)
    kept.sort(key=lambda c: (-c.score, c.found.key))
    return kept[:most], seen


def _in_class(library: Library, query: Query, seen: CursorView) -> CursorView:
    """The class around the cursor as the syntax tree has it, where it has one."""
    opened = library.opened(query.path)
    line = query.text.count("\n", 0, query.offset)
    for one in reversed(opened.cut.definitions if opened is not None else ()):
        if one.kind == "class" and one.line <= line <= one.end_line:
            return attrs.evolve(seen, class_name=one.name, bases=one.bases)
    return attrs.evolve(seen, class_name="", bases=()) if query.language == "c" else seen


def _is_shown(found: Found, query: Query, shown: str) -> bool:
    definition = found.definition
    if found.path == query.path:
        if definition.kind == "text":
            return True
        if shown and definition.signature.split("\n")[0] in shown:
            return True
        line = query.text.count("\n", 0, query.offset)
        return definition.line <= line <= definition.end_line
    text = definition.body or definition.skeleton
    return len(text) > 40 and text.strip() in shown


class _References:
    def __init__(self, library: Library, pool: Pool) -> None:
        self._library = library
        self._pool = pool
        self._query = pool.query
        self._view = pool.view
        self._imports = _imports(library, pool.query)
        self._targets: dict[str, list[Found]] = {}
        """What imported names are, by what they are called here."""
        self._modules: dict[str, list[str]] = {}
        """Files of imported modules, by what these are called here."""
        self._known_type = False

    def imports(self) -> None:
        """What the file imports: names near the cursor first, the others because they are used."""
        query, pool, names = self._query, self._pool, self._view.names
        accessed = _accessed(query)
        for line in self._imports:
            if line.name == "=":
                continue
            paths = self._library.resolve(line.module, query.language, query.path)
            paths = [path for path in paths if path != query.path]
            if line.name in ("", "*") and paths:
                self._modules[line.alias or line.module] = paths
                if line.alias and not line.alias.isidentifier():
                    self._modules[line.alias.rpartition(".")[2]] = paths
                self._members_of_module(line, paths, accessed)
                if line.name == "" and query.language not in _CLASS_IMPORTS:
                    continue
                line = Import(line.module, line.alias, line.alias, line.line)
            found = self._library.exported(paths, line.name, query.language) if line.name else []
            if not found:
                inside = _inside(line, query.language)
                inner = self._library.resolve(inside, query.language, query.path)
                if inner:
                    self._modules[line.alias] = inner
                    self._members_of_module(line, inner, accessed)
                continue
            self._targets[line.alias] = found
            near = names.get(line.alias, 0.0)
            for one in found[:3]:
                pool.add(one, 1.2 + near + pool.overlap(line.name), IMPORTED)
        if module := self._view.importing_from:
            for path in self._library.resolve(module, query.language, query.path)[:2]:
                for one, n in self._top_level(path, self._view.partial):
                    score = 4.0 + pool.overlap(one.definition.name) + popularity(n)
                    pool.add(one, score, IN_MODULE)

    def _members_of_module(
        self, line: Import, paths: list[str], accessed: dict[str, set[str]]
    ) -> None:
        names = self._view.names
        used = accessed.get(line.alias, set()) | accessed.get(line.alias.rpartition(".")[2], set())
        dotted = self._view.receiver[-1:] == (line.alias.rpartition(".")[2],)
        for path in paths[:2]:
            listed = self._top_level(path, self._view.partial if dotted else "")
            for name in itertools.islice(used, _MOST_USED):
                listed += [(f, 0) for f in self._library.in_file(path, name)]
            for one, n in listed:
                name = one.definition.name
                if dotted:
                    score = 4.0 + self._pool.overlap(name) + popularity(n)
                    self._pool.add(one, score, MEMBER)
                elif name == line.alias:
                    self._pool.add(one, 1.2 + names.get(name, 0.0), IMPORTED)
                elif name in used:
                    self._pool.add(one, 1.5 + names.get(name, 0.0), IN_MODULE)
                else:
                    self._pool.add(one, 0.35 + self._pool.overlap(name), IN_MODULE)

    def receiver(self) -> None:
        """What can stand behind ``a.b.``: members of its type, as far as that can be told."""
        receiver = self._view.receiver
        if not receiver:
            return
        last = receiver[-1]
        if last in _SELF:
            return  # the class around the cursor
        if len(receiver) > 1 and self._query.language in _PATHS:
            # A path of modules, written out.
            module = _PATHS[self._query.language].join(receiver)
            paths = self._library.resolve(module, self._query.language, self._query.path)
            for path in [p for p in paths if p != self._query.path][:2]:
                self._known_type = True
                for one, n in self._top_level(path, self._view.partial):
                    score = 3.6 + self._pool.overlap(one.definition.name) + popularity(n)
                    self._pool.add(one, score, MEMBER)
        for kind in self._types_of(last):
            self._known_type = True
            self._pool.add(kind, 4.5, RECEIVER)
            for member, n in self._members(kind, self._view.partial):
                score = 2.4 + self._pool.overlap(member.definition.name) + popularity(n)
                self._pool.add(member, score, MEMBER)

    def call(self) -> None:
        """The signature of the call whose arguments are being typed."""
        name = self._view.call
        if not name:
            return
        for one in self._definitions(name)[:4]:
            self._pool.add(one, 5.0 * nearness(one.path, self._query.path) + 1.0, CALLED)

    def own_class(self) -> None:
        """The class that the cursor is in: its other members, and those of its bases."""
        view, pool = self._view, self._pool
        if not view.class_name:
            return
        on_self = view.receiver[-1:] and view.receiver[-1] in _SELF
        own = self._library.in_file(self._query.path, view.class_name)
        for kind in own:
            pool.add(kind, 2.0 if on_self else 1.0, CLASS)
        # Members of other parts and of bases can be named, too, where ``this`` goes without saying.
        reached = on_self or (not view.receiver and self._query.language in _IMPLICIT)
        least = 1.2 if on_self else 0.5
        if reached and self._query.language == "csharp":
            for part in self._same_family(view.class_name):
                if part.definition.kind == "class" and part.path != self._query.path:
                    self._add_members(part, least)
        todo, seen = list(view.bases), set()
        for _ in range(_BASE_HOPS):
            following: list[str] = []
            for name in todo:
                if name in seen or name == view.class_name:
                    continue
                seen.add(name)
                for base in [f for f in self._definitions(name) if f.definition.kind == "class"][
                    :1
                ]:
                    pool.add(base, 3.0 if on_self else 1.6, BASE)
                    following += base.definition.bases
                    if reached:
                        self._add_members(base, least)
            todo = following

    def _add_members(self, kind: Found, least: float) -> None:
        for member, n in self._members(kind, self._view.partial):
            name = member.definition.name
            score = least + self._pool.overlap(name) + popularity(n)
            self._pool.add(member, score, INHERITED)

    def names(self) -> None:
        """Everything else that is named around the cursor."""
        view, query, pool = self._view, self._query, self._pool
        nearest = sorted(view.names.items(), key=lambda item: -item[1])[:_MOST_NAMES]
        for name, weight in nearest:
            if name in self._targets:
                continue
            if name in view.types.values() or name in view.types:
                for kind in self._types_of(name)[:2]:
                    pool.add(kind, 0.8 + 0.6 * weight, TYPE)
            found = self._same_family(name)
            for one in found:
                if one.path == query.path:
                    pool.add(one, 0.8 + 0.7 * weight, THIS_FILE)
                else:
                    near = nearness(one.path, query.path)
                    pool.add(one, 0.9 * weight * near / len(found) ** 0.5, NAMED)

    def beginnings(self) -> None:
        """What begins like the half of a name before the cursor."""
        view, query = self._view, self._query
        if len(view.partial) < _LEAST_PARTIAL:
            return
        sure = min(len(view.partial), 6) / 6
        for one in self._library.beginning(view.partial):
            if same_family(one.language, query.language) and self._pool.completes(
                one.definition.name
            ):
                self._pool.add(one, 1.5 * sure * nearness(one.path, query.path), BEGINS)

    def visible(self) -> None:
        """What can be named here without an import; behind a dot, where nothing better is known."""
        if self._known_type or (
            self._view.receiver[-1:] and self._view.receiver[-1] in self._modules
        ):
            return
        modules = [path for paths in self._modules.values() for path in paths[:2]]
        modules += [one.path for found in self._targets.values() for one in found[:1]]
        add_visible(self._library, self._pool, self._imports, dict.fromkeys(modules))

    def _types_of(self, name: str) -> list[Found]:
        """Classes that a variable, or a name that is a class itself, has as its type."""
        kind = self._view.types.get(name) or self._returned_by(self._view.results.get(name)) or name
        found = [f for f in self._definitions(kind) if f.definition.kind == "class"]
        if not found:
            plain = kind.replace("_", "").lower()
            found = [
                f
                for f in self._library.any_case(plain)
                if f.definition.kind == "class" and same_family(f.language, self._query.language)
            ]
        return sorted(found, key=lambda f: -nearness(f.path, self._query.path))[:2]

    def _returned_by(self, function: str | None) -> str:
        """The type that a function says it returns."""
        for one in self._definitions(function)[:2] if function else ():
            match = _RETURNS.search(one.definition.signature)
            if match:
                return match[1]
        return ""

    def _definitions(self, name: str) -> list[Found]:
        if name in self._targets:
            return self._targets[name]
        return sorted(
            self._same_family(name),
            key=lambda f: (f.path != self._query.path, -nearness(f.path, self._query.path)),
        )

    def _same_family(self, name: str) -> list[Found]:
        if name.startswith("__"):
            return []
        language = self._query.language
        return [f for f in self._library.named(name) if same_family(f.language, language)]

    def _members(self, kind: Found, start: str = "") -> list[tuple[Found, int]]:
        """Members, each with how often its name occurs; of those that begin with `start`."""
        paths = [kind.path]
        if kind.language == "go":  # methods stand in any file of the package
            paths += folder_files(self._library, kind.path)
        inside = self._library.ranked(
            paths,
            inside=kind.definition.qualified,
            start=start,
            worth=self._pool.likely,
            most=_MOST_MEMBERS,
        )
        return [(f, n) for f, n in inside if not f.definition.name.startswith("__")]

    def _top_level(self, path: str, start: str = "") -> list[tuple[Found, int]]:
        return self._library.ranked(
            [path], start=start, worth=self._pool.likely, most=_MOST_MEMBERS
        )


#: What stands between the parts of a module's name, where names are used with all of it.
_PATHS = {"rust": "::", "python": "."}
#: Languages where an import of a module is an import of the class in it.
_CLASS_IMPORTS = frozenset({"java", "php", "rust", "csharp"})


def _inside(line: Import, language: str) -> str:
    """The module that ``from a import b`` means where b is a module."""
    separator = "::" if language == "rust" else "" if line.module.endswith(".") else "."
    return f"{line.module}{separator}{line.name}"


def _imports(library: Library, query: Query) -> list[Import]:
    known = library.imports_of(query.path)
    return known or list(cut(query.text, query.language).imports)


def _accessed(query: Query) -> dict[str, set[str]]:
    """Which members of what are named in the text around the cursor."""
    found: dict[str, set[str]] = {}
    for base, member in _ACCESS.findall(
        query.text[max(0, query.offset - 6000) : query.offset + 2000]
    ):
        found.setdefault(base, set()).add(member)
    return found
