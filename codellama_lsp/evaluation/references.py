"""Places in a package where what comes next is defined in another of its files.

Found by resolving names, drawn with a seed; nobody picks them. A name counts when it is a whole
identifier in code, is defined elsewhere in the package, and stands nowhere near the cursor.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from pathlib import Path

import attrs

from codellama_lsp.context.ignore import Files
from codellama_lsp.context.index.build import Builder
from codellama_lsp.context.index.cut import cut
from codellama_lsp.context.index.definition import Found
from codellama_lsp.context.index.imports import Import
from codellama_lsp.context.index.library import Library
from codellama_lsp.context.index.store import IN_MEMORY, Store
from codellama_lsp.context.index.words import STOP_WORDS
from codellama_lsp.context.languages import language_of, same_family

#: Characters before and after the cursor in which the name may not stand: as much as any
#: contender's windows show of the embedded model's context.
NEAR_BEFORE_CHARS = 2600
NEAR_AFTER_CHARS = 1100
_MOST_PER_FILE = 60
_LEAST_NAME_CHARS = 3
#: A name with more definitions than this says nothing about which one is meant.
_MOST_DEFINITIONS = 3
_LONGEST_REST_CHARS = 120
#: Members of what every program has: a definition of that name is most often not meant.
_EVERYWHERE = frozenset(
    name
    for kind in (str, bytes, int, float, list, dict, set, tuple, type, BaseException, range, slice)
    for name in dir(kind)
) | frozenset(
    "read write close open flush seek tell readline readlines writelines fileno push length size "
    "map filter then catch forEach reduce some every find toString valueOf equals hashCode main "
    "init setUp tearDown run start stop path name value data args logger".split()
)
_IDENTIFIER = re.compile(r"[^\W\d]\w*")
_STRINGS_AND_COMMENTS = re.compile(
    r'"""(?:.|\n)*?"""|\'\'\'(?:.|\n)*?\'\'\'|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\''
    r"|`(?:\\.|[^`\\])*`|/\*(?:.|\n)*?\*/|(?<![:\w])//[^\n]*|#[^\n]*"
)


@attrs.frozen
class Place:
    """A cursor in `path` right before or in a name that another file defines."""

    path: str
    language: str
    text: str
    """The whole file."""
    offset: int
    rest: str
    """What stands behind the cursor on its line, white space at its end left out."""
    name: str
    typed: int
    """How many characters of the name stand before the cursor."""
    targets: tuple[tuple[str, int], ...]
    """Where it is defined: path and line, from 0."""
    kind: str
    """function, class or value."""

    @property
    def before(self) -> str:
        """The file's text up to the cursor."""
        return self.text[: self.offset]

    @property
    def without_rest(self) -> str:
        """The file without what is asked for."""
        return self.text[: self.offset] + self.text[self.offset + len(self.rest) :]


def library_of(root: Path) -> Library:
    """Everything in a folder, in memory. Raises `FileNotFoundError` where there is none."""
    if not root.is_dir():
        raise FileNotFoundError(f"no such folder: {root}")
    store = Store(IN_MEMORY)
    store.create()
    for _ in Builder(Files(root), store).build():
        pass
    return Library(store)


def draw_places(root: Path, library: Library, n: int, seed: int) -> list[Place]:
    """Draw `n` places of a package, or as many as there are; large files count up to a cap."""
    rng = random.Random(seed)
    paths = sorted(library.disk.known())
    rng.shuffle(paths)
    found: list[Place] = []
    for path in paths:
        language = language_of(path)
        if language is None:
            continue
        try:
            text = (root / path).read_bytes().decode("utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        here = _places(path, language, text.replace("\r\n", "\n"), library, rng)
        found += rng.sample(here, min(len(here), _MOST_PER_FILE))
    return rng.sample(found, min(n, len(found)))


def _places(
    path: str, language: str, text: str, library: Library, rng: random.Random
) -> list[Place]:
    content = cut(text, language)
    own = {definition.name for definition in content.definitions}
    imported = {line.alias: line for line in content.imports if line.alias}
    import_lines = {line.line for line in content.imports}
    blank = _STRINGS_AND_COMMENTS.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text)
    targets: dict[str, list[Found]] = {}
    places: list[Place] = []
    for match in _IDENTIFIER.finditer(blank):
        name = match[0]
        if len(name) < _LEAST_NAME_CHARS or name in STOP_WORDS or name in own:
            continue
        if name.startswith("__") or (name not in imported and name in _EVERYWHERE):
            continue
        follows = blank[match.start() - 1 : match.start()]
        if follows != "." and name not in imported and name != name.upper():
            continue  # a local variable, a parameter, a keyword argument
        if name not in targets:
            targets[name] = (
                _imported(imported[name], path, language, library)
                if name in imported
                else _elsewhere(name, path, language, library)
            )
        if not targets[name]:
            continue
        place = _place(path, language, text, match.start(), name, targets[name], rng)
        line = text.count("\n", 0, match.start())
        if place is not None and not any(line - 12 <= at <= line for at in import_lines):
            places.append(place)
    return places


def _imported(line: Import, path: str, language: str, library: Library) -> list[Found]:
    """What an imported name is, followed through the files that pass it on."""
    paths = [p for p in library.resolve(line.module, language, path) if p != path]
    found = library.exported(paths, line.name or line.alias, language)
    return [f for f in found if f.path != path][:_MOST_DEFINITIONS]


def _elsewhere(name: str, path: str, language: str, library: Library) -> list[Found]:
    found = [f for f in library.named(name) if same_family(f.language, language)]
    if any(f.path == path for f in found) or len(found) > _MOST_DEFINITIONS:
        return []
    return found


def _place(
    path: str,
    language: str,
    text: str,
    start: int,
    name: str,
    targets: Sequence[Found],
    rng: random.Random,
) -> Place | None:
    typed = rng.randint(0, len(name) // 2)  # every keystroke of its first half is as likely
    offset = start + typed
    end = text.find("\n", offset)
    rest = text[offset : len(text) if end < 0 else end].rstrip()
    behind = offset + len(rest)
    near = text[max(0, start - NEAR_BEFORE_CHARS) : start] + " " + text[behind:][:NEAR_AFTER_CHARS]
    if len(rest) > _LONGEST_REST_CHARS or re.search(rf"\b{re.escape(name)}\b", near):
        return None
    where = tuple((f.path, f.definition.line) for f in targets)
    return Place(path, language, text, offset, rest, name, typed, where, targets[0].definition.kind)
