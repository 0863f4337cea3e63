"""Places in a package where what comes next is defined in another of its files.

Drawn with a seed from all that a resolver of its own (`defining.py`) finds; nobody picks them, and
what chooses context has no part in it. A name counts where no doubt is left which definition is
meant:

- exactly one file of the package defines it (of C and C++: one header and one source);
- it is no common word: it has an underscore or a capital;
- it is used in code, not in a comment, a string or an import: called, or, with a capital in
  front, named; in Python also as an attribute;
- the file that uses it gives nothing else that name;
- it stands nowhere near the cursor, and members of every program's types do not count.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path

import attrs

from codellama_lsp.context.ignore import Files
from codellama_lsp.context.index.build import Builder
from codellama_lsp.context.index.library import Library
from codellama_lsp.context.index.store import IN_MEMORY, Store
from codellama_lsp.context.languages import language_of, same_family
from codellama_lsp.evaluation.defining import PATTERNS, blanked, defined, head

#: Characters before and after the cursor in which the name may not stand: as much as any
#: contender's windows show of the embedded model's context.
NEAR_BEFORE_CHARS = 2600
NEAR_AFTER_CHARS = 1100
_MOST_PER_FILE = 60
_LEAST_NAME_CHARS = 4
_LONGEST_REST_CHARS = 120
_MEMBERS = frozenset(
    name.replace("_", "").lower()
    for kind in (str, bytes, int, float, list, dict, set, tuple, type, BaseException, range, slice)
    for name in dir(kind)
) | frozenset(
    "tostring valueof equals hashcode setup teardown setupclass foreach indexof charat hasnext "
    "getclass getname iterator isempty containskey putall addall string error".split()
)
_IDENTIFIER = re.compile(r"[^\W\d]\w*")
_OF_CPP = re.compile(r"^(?:class|namespace|template)\b", re.MULTILINE)
_HEADER = re.compile(r"\.(?:h|hh|hpp|hxx)$")


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
    targets: tuple[tuple[str, str], ...]
    """Where it is defined: path, and what tells the definition there (`defining.head`)."""

    @property
    def before(self) -> str:
        """The file's text up to the cursor."""
        return self.text[: self.offset]

    @property
    def without_rest(self) -> str:
        """The file without what is asked for."""
        return self.text[: self.offset] + self.text[self.offset + len(self.rest) :]


@attrs.frozen
class _File:
    path: str
    language: str
    text: str
    code: str


def library_of(root: Path) -> Library:
    """Everything in a folder, in memory. Raises `FileNotFoundError` where there is none."""
    if not root.is_dir():
        raise FileNotFoundError(f"no such folder: {root}")
    store = Store(IN_MEMORY)
    store.create()
    for _ in Builder(Files(root), store).build():
        pass
    store.note_common()
    return Library(store, root.resolve().name)


def draw_places(root: Path, n: int, seed: int, language: str | None = None) -> list[Place]:
    """Draw `n` places of a package, or as many as there are; large files count up to a cap.

    `language`: in files of this one alone.
    """
    files = list(_files(root))
    where = _definitions(files)
    rng = random.Random(seed)
    rng.shuffle(files)
    found: list[Place] = []
    for file in files:
        if language is None or same_family(file.language, language):
            here = list(_places(file, where, rng))
            found += rng.sample(here, min(len(here), _MOST_PER_FILE))
    return rng.sample(found, min(n, len(found)))


def _files(root: Path) -> Iterator[_File]:
    readable = Files(root)
    for path in sorted(readable.all()):
        language = language_of(path)
        content = readable.read(path) if language in PATTERNS else None
        if language is None or content is None:
            continue
        try:
            text = content.decode("utf-8").replace("\r\n", "\n")
        except UnicodeDecodeError:
            continue
        if language == "c" and _HEADER.search(path) and _OF_CPP.search(text):
            language = "cpp"
        yield _File(path, language, text, blanked(text, language))


def _definitions(files: list[_File]) -> dict[str, dict[str, str]]:
    """For every name, the files that define it, each with the head of its first definition."""
    found: dict[str, dict[str, str]] = {}
    for file in files:
        for name, offsets in defined(file.code, file.language).items():
            found.setdefault(name, {})[file.path] = head(file.text, min(offsets), name)
    return found


def _places(file: _File, where: dict[str, dict[str, str]], rng: random.Random) -> Iterator[Place]:
    allowed: dict[str, bool] = {}
    for match in _IDENTIFIER.finditer(file.code):
        name = match[0]
        if name not in allowed:
            allowed[name] = (
                _telling(name)
                and _one_place(where.get(name, {}), file.path)
                and not _bound(name, file.code)
            )
        if allowed[name] and _used(file, match):
            place = _place(file, match.start(), name, tuple(where[name].items()), rng)
            if place is not None:
                yield place


def _telling(name: str) -> bool:
    if len(name) < _LEAST_NAME_CHARS or name.startswith("__"):
        return False
    if name.replace("_", "").lower() in _MEMBERS:
        return False
    return not name.islower() or "_" in name.strip("_")


def _one_place(paths: dict[str, str], user: str) -> bool:
    headers = sum(bool(_HEADER.search(path)) for path in paths)
    return bool(paths) and user not in paths and headers <= 1 and len(paths) - headers <= 1


def _bound(name: str, code: str) -> bool:
    """Whether a file gives something of its own that name: a variable, a parameter, a key."""
    return bool(
        re.search(
            rf"(?<![.>\w]){name}\s*(?::=|=(?![=>])|:(?!:))|\b(?:const|let|var|auto|mut)\s+{name}\b",
            code,
        )
    )


def _used(file: _File, match: re.Match[str]) -> bool:
    code, patterns = file.code, PATTERNS[file.language]
    behind = code[match.end() : match.end() + 2]
    line = code[code.rfind("\n", 0, match.start()) + 1 : match.start()]
    if patterns.commands:
        return bool(re.search(r"(?:^|[;&|(]|\b(?:if|then|else|do|while|!))\s*$", line))
    if re.search(r"\b(?:class|struct|enum|union|interface)\s+$", line):
        return False
    if match[0][0].isupper():
        # Of one word ("Result"), it may be something's in every program.
        return not line.endswith((".", ":")) or re.search(r"[a-z\d][A-Z]|_", match[0]) is not None
    if line.endswith("."):
        return patterns.attributes or behind.startswith("(")
    return behind.startswith(("(", "!("))


def _place(
    file: _File, start: int, name: str, targets: tuple[tuple[str, str], ...], rng: random.Random
) -> Place | None:
    typed = rng.randint(0, len(name) // 2)  # every keystroke of its first half is as likely
    offset, text = start + typed, file.text
    end = text.find("\n", offset)
    rest = text[offset : len(text) if end < 0 else end].rstrip()
    behind = offset + len(rest)
    near = text[max(0, start - NEAR_BEFORE_CHARS) : start] + " " + text[behind:][:NEAR_AFTER_CHARS]
    if len(rest) > _LONGEST_REST_CHARS or re.search(rf"\b{re.escape(name)}\b", near):
        return None
    return Place(file.path, file.language, text, offset, rest, name, typed, targets)
