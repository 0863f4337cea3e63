"""What an import statement names, by language. Pure functions of the statement's text."""

from __future__ import annotations

import re
from collections.abc import Callable

import attrs


@attrs.frozen
class Import:
    """One name that a file gets from elsewhere."""

    module: str
    """As written: ``a.b``, ``..x``, ``./m``, ``x/y.h``, ``A\\B``, ``crate::a``."""
    name: str
    """What is taken from it; "" for the module itself, "*" for everything."""
    alias: str
    """What it is called here; "" where it has no name of its own."""
    line: int


def parse_import(text: str, language_id: str, line: int) -> list[Import]:
    """The names that one statement brings in; none for what is no import after all."""
    parse = _PARSERS.get(language_id)
    found = parse(text) if parse else []
    return [Import(module, name, alias, line) for module, name, alias in found]


_Names = list[tuple[str, str, str]]


def _python(text: str) -> _Names:
    text = re.sub(r"#[^\n]*", "", text).replace("\\\n", " ")
    if match := re.match(r"\s*from\s+(\.*[\w.]*)\s+import\s+(.*)", text, re.DOTALL):
        module, names = match[1], match[2].strip().strip("()")
        return [(module, name, alias) for name, alias in _aliased(names)]
    if match := re.match(r"\s*import\s+(.*)", text, re.DOTALL):
        return [(name, "", alias) for name, alias in _aliased(match[1])]
    return []


def _aliased(names: str, mark: str = r"\bas\b") -> list[tuple[str, str]]:
    found = []
    for part in names.split(","):
        if words := [word.strip() for word in re.split(mark, part) if word.strip()]:
            found.append((words[0], words[-1]))
    return found


def _ecmascript(text: str) -> _Names:
    if required := re.match(
        r"""\s*(?:const|let|var)\s+(\{[^}]*\}|\w+)\s*=\s*require\(\s*['"]([^'"]+)['"]\s*\)""", text
    ):
        names, module = required[1], required[2]
        if names.startswith("{"):
            return [(module, name, alias) for name, alias in _aliased(names[1:-1], ":")]
        return [(module, "", names)]
    match = re.search(r"""(?:from\s*|import\s*)['"]([^'"]+)['"]""", text)
    if not match:
        return []
    module = match[1]
    names = re.sub(r"^\s*(?:import|export)\s+(?:type\s+)?", "", text[: match.start()])
    found: _Names = []
    if braces := re.search(r"\{(.*)\}", names, re.DOTALL):
        found += [
            (module, name.removeprefix("type "), alias) for name, alias in _aliased(braces[1])
        ]
        names = names[: braces.start()] + names[braces.end() :]
    for name, alias in _aliased(names):
        if name == "*":
            found.append((module, "" if alias != "*" else "*", "" if alias == "*" else alias))
        else:
            found.append((module, "default", name))
    return found or [(module, "", "")]


def _java(text: str) -> _Names:
    match = re.match(r"\s*import\s+(static\s+)?([\w.]+?)(\.\*)?\s*;", text)
    if not match:
        return []
    path = match[2]
    if match[3]:
        return [(path, "*", "")]
    outer, _, last = path.rpartition(".")
    return [(outer, last, last)] if match[1] else [(path, "", last)]


def _c(text: str) -> _Names:
    match = re.search(r"""include\s*["<]([^">]+)[">]""", text)
    return [(match[1], "*", "")] if match else []


_INCLUDE = re.compile(r"""^[ \t]*#[ \t]*include[ \t]*["<]([^">\n]+)[">]""", re.MULTILINE)


def includes(text: str) -> list[Import]:
    """All of C's in a file, whatever a grammar makes of the conditions around them."""
    return [
        Import(match[1], "*", "", text.count("\n", 0, match.start()))
        for match in _INCLUDE.finditer(text)
    ]


def _csharp(text: str) -> _Names:
    match = re.match(r"\s*(?:global\s+)?using\s+(?:static\s+)?(?:(\w+)\s*=\s*)?([\w.]+)\s*;", text)
    if not match:
        return []
    return [(match[2], "", match[1])] if match[1] else [(match[2], "*", "")]


def _php(text: str) -> _Names:
    match = re.match(r"\s*use\s+(?:function\s+|const\s+)?(.*?);?\s*$", text, re.DOTALL)
    if not match:
        return []
    found: _Names = []
    head, brace, rest = match[1].partition("{")
    for name, alias in _aliased(rest.rstrip("} \n") if brace else head):
        path = head.strip("\\") + "\\" + name if brace else name.strip("\\")
        found.append((path, "", alias.rpartition("\\")[2]))
    return found


def _go(text: str) -> _Names:
    return [
        (path, "", alias if alias and alias not in "._" else path.rpartition("/")[2])
        for alias, path in re.findall(
            r"""(?:^|[\s(;])([\w.]*)\s*["`]([^"`]+)["`]""", re.sub(r"^\s*import\b", "", text)
        )
    ]


def _rust(text: str) -> _Names:
    body = re.sub(r"^\s*(?:pub(?:\([^)]*\))?\s+)?use\s+|;\s*$", "", text)
    found: _Names = []
    for path in _unbraced(re.sub(r"\s+", " ", body)):
        whole, _, alias = path.partition(" as ")
        module, _, name = whole.strip().rpartition("::")
        if name == "self":
            module, _, name = module.rpartition("::")
        found.append((module, name, "" if name == "*" else (alias.strip() or name)))
    return found


def _unbraced(path: str) -> list[str]:
    """``a::{b, c::{d, e}}`` as the paths it stands for."""
    start = path.find("{")
    if start < 0:
        return [path.strip()] if path.strip() else []
    end = path.rfind("}")
    head, parts, depth, part = path[:start].strip(), [], 0, ""
    for char in path[start + 1 : end if end > start else len(path)]:
        depth += (char == "{") - (char == "}")
        if char == "," and depth == 0:
            parts.append(part)
            part = ""
        else:
            part += char
    return [head + inner for piece in (*parts, part) for inner in _unbraced(piece.strip())]


def _shell(text: str) -> _Names:
    match = re.match(r"""\s*(?:source|\.)\s+["']?([^"'\s;]+)""", text)
    return [(match[1], "*", "")] if match else []


_PARSERS: dict[str, Callable[[str], _Names]] = {
    "python": _python,
    "javascript": _ecmascript,
    "javascriptreact": _ecmascript,
    "typescript": _ecmascript,
    "typescriptreact": _ecmascript,
    "java": _java,
    "c": _c,
    "cpp": _c,
    "csharp": _csharp,
    "php": _php,
    "go": _go,
    "rust": _rust,
    "shellscript": _shell,
}
