"""The parameters of a function, found by its name in a text, with the syntax tree of its header.

Only definitions whose parameters are plain to see count: no overloads, no decorators that may
change them. Pure functions of texts.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence

import attrs
import tree_sitter

from codellama_lsp.syntax.around import Call, parse

#: Of a text, so many places are looked at where the name stands, as a word or at all.
_MOST_PLACES = 80
_MOST_LOOKED_AT = 400
_MOST_IMPORT_CHARS = 20_000
_LONGEST_IMPORT_CHARS = 400
_IMPORT = re.compile(r"^[ \t]*(?:from|import|use|using|export)\b[^;]*\Z", re.MULTILINE)
_MOST_HEADER_CHARS = 1500
_MOST_DEFINITIONS = 4

#: What a definition's line begins with, before its name.
_BEFORE_NAME = {
    "python": r"[ \t]*(?:async[ \t]+)?def[ \t]+",
    "go": r"func[ \t]+(?P<method>\([^()\n]*\)[ \t]*)?",
    "rust": r"[ \t]*(?:pub(?:\([^)]*\))?[ \t]+)?(?:const[ \t]+|async[ \t]+|unsafe[ \t]+)*fn[ \t]+",
    "php": r"[ \t]*(?:(?:public|protected|private|static|final|abstract)[ \t]+)*function[ \t]+&?",
    "script": (
        r"[ \t]*(?:export[ \t]+(?:default[ \t]+)?)?(?:async[ \t]+)?function[ \t]*\*?[ \t]*"
        r"|[ \t]+(?P<method>(?:(?:public|protected|private|static|async|override)[ \t]+)*)"
    ),
    # A type, which is a word of its own, or more.
    "typed": (
        r"[ \t]*(?:(?!return\b|new\b|else\b|throw\b|await\b|case\b)"
        r"[\w<>\[\],.?:*&]+[ \t]+[*&]*)+(?:\w+::)*"
    ),
}
_FAMILY = {
    "python": "python",
    "go": "go",
    "rust": "rust",
    "php": "php",
    "javascript": "script",
    "javascriptreact": "script",
    "typescript": "script",
    "typescriptreact": "script",
    "java": "typed",
    "csharp": "typed",
    "c": "typed",
    "cpp": "typed",
}
_OWN = frozenset("self cls this $this Self".split())
_CONSTRUCTORS = {"python": "__init__", "script": "constructor", "php": "__construct"}
#: Decorators that leave a function's parameters as they are.
_HARMLESS = frozenset(
    "staticmethod classmethod abstractmethod override cache lru_cache contextmanager "
    "asynccontextmanager final".split()
)
_BODY = re.compile(r"\s*(?::[^;{}]*)?\{")
_REST = frozenset(
    "list_splat_pattern rest_pattern spread_parameter variadic_parameter "
    "variadic_parameter_declaration optional_variadic_parameter ... params".split()
)


@attrs.frozen
class Signature:
    """What a function can be called with."""

    names: tuple[str, ...]
    """Of its parameters by position; empty strings for those without a name."""
    keywords: frozenset[str]
    """Names that go by keyword alone."""
    takes_more: bool
    """Whether there may be more by position."""
    takes_keywords: bool
    """Whether any keyword will do."""
    is_method: bool


def signature_of(
    call: Call, text: str, others: Sequence[str], language_id: str
) -> Signature | None:
    """What `call`, which stands in `text`, can be called with; None where there is any doubt.

    `others`: texts of other files. They count for names that `text` has from elsewhere.
    """
    if call.receiver:
        if call.receiver not in _OWN:
            return None  # Whose method it is takes more than a tree to know.
        return signature(text, call.name, language_id, methods=True)
    if _is_shadowed(call.name, text):
        return None
    creates = call.creates or (language_id == "python" and call.name[:1].isupper())

    def found(where: str) -> Signature | None:
        if creates:
            return constructor(where, call.name, language_id)
        return signature(where, call.name, language_id, methods=False)

    if (own := found(text)) is not None or not _comes_from_elsewhere(call.name, text, language_id):
        return own
    all_found = {one for other in others if (one := found(other)) is not None}
    return all_found.pop() if len(all_found) == 1 else None


def _is_shadowed(name: str, text: str) -> bool:
    """Whether `name` is a variable or a parameter somewhere in `text`."""
    escaped = re.escape(name)
    assigned = rf"[ \t]*(?:[\w<>*&]+[ \t]+)*[*&$]*{escaped}[ \t]*(?::[^=\n]*)?:?=(?!=)"
    taken = rf".*\b(?:def|fn|func|function|lambda)\b[^\n(]*\([^\n)]*\b{escaped}\b"
    assigns, takes = re.compile(assigned), re.compile(taken)
    for start, line in _lines_with(name, text):
        if "=" in line and assigns.match(text, start):
            return True
        if _is_header(line) and takes.match(line):
            return True
    return False


def _is_header(line: str) -> bool:
    """Whether `line` may well hold a function's or a class's header; cheaper than a pattern."""
    return any(word in line for word in ("fn", "func", "def", "class", "lambda"))


def _comes_from_elsewhere(name: str, text: str, language_id: str) -> bool:
    escaped = re.escape(name)
    defined = re.compile(rf".*\b(?:def|class|function|fn|func)[ \t]+{escaped}\b")
    if any(_is_header(line) and defined.match(line) for _, line in _lines_with(name, text)):
        return False
    if language_id in ("c", "cpp", "go"):
        return True  # Headers and packages give their names without naming them.
    for start, line in _lines_with(name, text):
        if start > _MOST_IMPORT_CHARS:
            break
        head = text[max(start - _LONGEST_IMPORT_CHARS, 0) : start] + line.partition(name)[0]
        if _IMPORT.search(head):
            return True
    return False


@functools.lru_cache(maxsize=2)
def _lines_with(name: str, text: str) -> Sequence[tuple[int, str]]:
    """Lines in which the word `name` stands, and their starts; of very many, the first ones."""
    found: list[tuple[int, str]] = []
    at, looked_at = text.find(name), 0
    while at >= 0 and len(found) < _MOST_PLACES and looked_at < _MOST_LOOKED_AT:
        looked_at += 1
        end = at + len(name)
        if not (_is_word(text[at - 1 : at]) or _is_word(text[end : end + 1])):
            start, stop = text.rfind("\n", 0, at) + 1, text.find("\n", end)
            end = stop if stop >= 0 else len(text)
            found.append((start, text[start:end]))
        at = text.find(name, end)
    return found


def _is_word(char: str) -> bool:
    return char.isalnum() or char == "_"


def signature(text: str, name: str, language_id: str, *, methods: bool) -> Signature | None:
    """The signature of `name` in `text`; None unless there is just one.

    `methods`: whether it is called on an object; functions have no object, methods do.
    """
    found: set[Signature] = set()
    for one in _definitions(text, name, language_id):
        if one is None:
            return None
        if language_id in ("java", "csharp", "c", "cpp") or one.is_method == methods:
            found.add(one)
        if len(found) > 1:
            return None
    return next(iter(found), None)


def constructor(text: str, name: str, language_id: str) -> Signature | None:
    """The signature by which objects of the class `name` of `text` are made; None if unclear."""
    if language_id in ("java", "csharp"):
        return signature(text, name, language_id, methods=True)
    method = _CONSTRUCTORS.get(_FAMILY.get(language_id, ""))
    pattern = re.compile(rf"([ \t]*)(?:\w+[ \t]+)*class[ \t]+{re.escape(name)}\b")
    matches = (pattern.match(text, start) for start, _ in _lines_with(name, text))
    found = [match for match in matches if match is not None]
    if method is None or len(found) != 1:
        return None
    start = found[0].start()
    if text[:start].rstrip().rpartition("\n")[2].strip().startswith("@"):
        return None
    indent = found[0][1]
    end = re.compile(rf"^(?!{indent}[ \t{{}}])[ \t]*\S", re.M).search(text, found[0].end())
    body = text[found[0].end() : end.start() if end else len(text)]
    return signature(body, method, language_id, methods=True)


def _definitions(text: str, name: str, language_id: str) -> Iterator[Signature | None]:
    """Signatures of all definitions of `name`; None for one that is beyond telling."""
    family = _FAMILY.get(language_id)
    if family is None or name not in text:
        return
    pattern = re.compile(rf"(?:{_BEFORE_NAME[family]}){re.escape(name)}[ \t]*(?:<[^()\n]*>)?\(")
    for start, _ in _lines_with(name, text):
        match = pattern.match(text, start)
        if match is None:
            continue
        header = _header(text, start, match.end() - 1)
        if header is None:
            continue
        is_method = bool(match.groupdict().get("method"))
        bare = family == "script" and "function" not in match.group()
        if bare and not _BODY.match(text, start + len(header)):
            continue  # a call
        if family == "python" and not _is_plain(text, start):
            yield None
            continue
        parsed = _parsed(header, name, language_id, is_method=is_method or bare)
        if parsed is not None:
            yield parsed


def _header(text: str, start: int, bracket: int) -> str | None:
    """From the start of the line to the closing bracket of the parameters."""
    depth = 0
    for at in range(bracket, min(len(text), bracket + _MOST_HEADER_CHARS)):
        if text[at] in "([{":
            depth += 1
        elif text[at] in ")]}":
            depth -= 1
            if depth == 0:
                return text[start : at + 1]
    return None


def _is_plain(text: str, start: int) -> bool:
    """Whether no decorator above changes what a Python function takes."""
    while True:
        end = start - 1
        start = text.rfind("\n", 0, max(end, 0)) + 1
        line = text[start:end].strip() if end > 0 else ""
        if not line.startswith("@"):
            # The end of a decorator over several lines.
            return not line.endswith(")") or line.startswith(("return", "raise")) or "=" in line
        if re.split(r"[.(]", line.partition("(")[0])[-1].strip("@ ") not in _HARMLESS:
            return False


def _parsed(header: str, name: str, language_id: str, *, is_method: bool) -> Signature | None:
    if language_id == "python":
        source = f"{header.lstrip()}: pass"
    elif language_id in ("c", "cpp"):
        source = f"{header};"
    elif language_id in ("go", "rust"):
        source = f"{header} {{}}"
    elif _FAMILY[language_id] == "script" and re.search(r"\bfunction\b", header):
        source = re.sub(r"^\s*(?:export\s+(?:default\s+)?)?", "", header) + " {}"
    else:
        tag = "<?php " if language_id == "php" else ""
        # The header of a constructor is one in a class of its name only.
        source = f"{tag}class {name} {{ {header} {{}} }}"
        is_method = is_method or header[:1].isspace()
    root = parse(source, language_id)
    if root is None or root.has_error:
        return None
    parameters = _parameters(root)
    return None if parameters is None else _signature(parameters, is_method=is_method)


def _parameters(root: tree_sitter.Node) -> tree_sitter.Node | None:
    nodes = [root]
    kinds = ("parameters", "formal_parameters", "parameter_list")
    while nodes:
        node = nodes.pop()
        found = node.child_by_field_name("parameters")
        if found is not None and found.type in kinds:
            return found
        nodes.extend(node.named_children)
    return None


def _signature(parameters: tree_sitter.Node, *, is_method: bool) -> Signature | None:
    names: list[str] = []
    keywords: set[str] = set()
    takes_more = takes_keywords = by_keyword = False
    for number, node in enumerate(parameters.children):
        text = (node.text or b"").decode(errors="replace")
        kind = node.type
        inner = {child.type for child in node.children} | {kind}
        if kind in ("(", ")", ",", "positional_separator", "comment", "attribute_item"):
            continue
        if kind == "keyword_separator":
            by_keyword = True
        elif "dictionary_splat_pattern" in inner:
            takes_keywords = True
        elif inner & _REST or text.startswith(("params ", "...")) or " params " in text:
            takes_more, by_keyword = True, True
        elif kind == "self_parameter" or kind == "receiver_parameter":
            is_method = True
        elif kind == "parameter_declaration" and text == "void":
            continue
        elif number == 1 and re.match(r"(?:self|cls|mcs)\b", text):
            is_method = True
        elif text.startswith("this ") or re.match(r"this\b", text):
            return None
        else:
            for name in _names(node, text):
                if by_keyword:
                    keywords.add(name)
                else:
                    names.append(name)
    return Signature(tuple(names), frozenset(keywords), takes_more, takes_keywords, is_method)


def _names(node: tree_sitter.Node, text: str) -> list[str]:
    """Names of a parameter; several where they share a type (Go)."""
    shared = node.children_by_field_name("name")
    found = [(child.text or b"").decode(errors="replace").lstrip("$") for child in shared]
    if found:
        return found
    match = re.match(r"[^\W\d]\w*", text)
    typed = node.type in ("parameter_declaration", "optional_parameter_declaration")
    return ["" if typed or match is None else match[0]]
