"""What the text around a cursor refers to: names by nearness, the call, the receiver, the class.

Pure functions of text; syntax errors are the rule at a cursor, so nothing here needs a tree.
"""

from __future__ import annotations

import itertools
import re

import attrs

from codellama_lsp.context.index.words import STOP_WORDS, identifiers, split

_NEAR_LINES_BEFORE = 18
_NEAR_LINES_AFTER = 8
_STATEMENT_LINES = 8
_SCOPE_LINES = 120
_CALL_CHARS = 1500
_MOST_TYPE_LINES = 40

_RECEIVER = re.compile(r"((?:[^\W\d]\w*(?:\(\))?(?:\.|->|::|\?\.))+)(\w*)\Z")
_PARTIAL = re.compile(r"[^\W\d]\w*\Z")
_NAME_BEFORE_CALL = re.compile(r"([^\W\d][\w.]*(?:(?:->|::)[\w.]+)*)\s*(?:<[^<>()]*>)?\s*\Z")
_CLASS = re.compile(
    r"^([ \t]*)(?:export\s+|default\s+|public\s+|private\s+|internal\s+|abstract\s+|final\s+|"
    r"static\s+|sealed\s+|partial\s+|pub\s+)*(?:class|interface|trait|impl|struct|enum)\b([^\n{]*)",
    re.MULTILINE,
)
_TYPED = (
    re.compile(r"\b(\w+)\s*:\s*[\"']?(?:Optional\[|list\[|List\[|&|mut |\*)*([^\W\d_a-z]\w*)"),
    re.compile(r"\b(\w+)\s*:?=\s*(?:await\s+)?(?:new\s+|&)?(?:\w+(?:\.|::))*([A-Z]\w*)\s*[({<:]"),
    re.compile(r"\b([A-Z]\w+)(?:<[^<>]*>)?[ *&]+\$?(\w+)\s*[=;,)]"),
    re.compile(r"[(,]\s*(\w+)\s+[*&]*(?:\[\])?[*&]*(?:\w+\.)?([A-Z]\w*)\s*(?=[,)])"),  # Go's
)


_OPENS = re.compile(r"\b(?:def|fn|func|function)\b|\)\s*(?:->\s*\S+\s*)?[:{]\s*$")
_BRANCHES = re.compile(
    r"\s*\}?\s*(?:if|elif|else|for|foreach|while|switch|match|try|catch|except|with|using|lock|"
    r"synchronized|do|case|select|unless|until|loop)\b"
)
_RESULT = re.compile(
    r"\b(\w+)\s*:?=\s*(?:await\s+)?(?:[^\W\d]\w*(?:\.|::|->))*([^\W\dA-Z]\w*)\s*\("
)


@attrs.frozen
class CursorView:
    """What stands around a cursor."""

    partial: str
    """The identifier that is being typed, as far as it goes."""
    receiver: tuple[str, ...]
    """``a.b.`` before the cursor: ("a", "b")."""
    call: str
    """Name of the call whose arguments are being typed."""
    names: dict[str, float]
    """Identifiers and how near they are: 3 in the statement, less further away."""
    results: dict[str, str]
    """Functions that variables got their values from."""
    types: dict[str, str]
    """Types of variables, where an annotation or a constructor shows them; of the attribute before
    the cursor, wherever the file does."""
    class_name: str
    bases: tuple[str, ...]
    words: dict[str, float]
    """The words of the near identifiers, for text search, in lower case."""
    importing_from: str
    """The module, where an import is being typed."""


def view(text: str, offset: int) -> CursorView:
    """Look at `text` around `offset` (code points)."""
    before, after = text[max(0, offset - 20_000) : offset], text[offset : offset + 4000]
    lines = before.split("\n")
    partial_match = _PARTIAL.search(lines[-1])
    partial = partial_match[0] if partial_match else ""
    receiver = _RECEIVER.search(lines[-1])
    statement = _statement(lines)
    scope = _scope(lines)
    near = "\n".join(lines[-_NEAR_LINES_BEFORE:])
    behind = "\n".join(after.split("\n")[:_NEAR_LINES_AFTER])
    names: dict[str, float] = {}
    for source, weight in ((scope, 0.7), (behind, 1.0), (near, 1.3), (statement, 3.0)):
        for name in identifiers(source):
            if name not in STOP_WORDS and len(name) > 1:
                names[name] = max(names.get(name, 0.0), weight)
    if partial and identifiers(f"{near[: -len(partial)]}\n{behind}").count(partial) == 0:
        names.pop(partial, None)  # half a name is none
    class_name, bases = _class(lines)
    types = _types(scope + "\n" + near)
    owner = tuple(re.findall(r"\w+", receiver[1])) if receiver else ()
    if len(owner) > 1 and owner[-1] not in types:
        types |= _types_of(owner[-1], text)
    return CursorView(
        partial=partial,
        receiver=owner,
        call=_call(before),
        names=names,
        results=dict(_RESULT.findall(scope + "\n" + near)),
        types=types,
        class_name=class_name,
        bases=bases,
        words=_words(names),
        importing_from=_importing(lines[-1]),
    )


def _statement(lines: list[str]) -> str:
    """The current line, and those above as far as brackets hold them together."""
    taken = [lines[-1]]
    depth = _open_brackets(lines[-1])
    for line in reversed(lines[-_STATEMENT_LINES:-1]):
        # Brackets that this line opened hold the next one; a comma at its end says so, too.
        here = _open_brackets(line)
        if here <= 0 and not line.rstrip().endswith((",", "(", "\\")):
            break
        taken.append(line)
        depth += here
        if here > 0 and depth <= 1:
            break
    return "\n".join(reversed(taken))


def _open_brackets(line: str) -> int:
    return sum(line.count(c) for c in "([{") - sum(line.count(c) for c in ")]}")


def _scope(lines: list[str]) -> str:
    """From the line on that began the function around the cursor: the nearest less indented one."""
    current = next((line for line in reversed(lines) if line.strip()), "")
    indent = len(lines[-1]) - len(lines[-1].lstrip()) if lines[-1].strip() else _indent(current)
    below = ""
    for back, line in enumerate(reversed(lines[-_SCOPE_LINES:])):
        if not line.strip():
            continue
        # Some have the brace on a line of its own.
        opens = _OPENS.search(line) or (below.strip() == "{" and line.rstrip().endswith(")"))
        if _indent(line) < indent and opens and not _BRANCHES.match(line):
            return "\n".join(lines[len(lines) - 1 - back :])
        below = line
    return "\n".join(lines[-_NEAR_LINES_BEFORE:])


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _call(before: str) -> str:
    """The name before the innermost bracket that is still open."""
    tail, depth = before[-_CALL_CHARS:], 0
    for at in range(len(tail) - 1, -1, -1):
        char = tail[at]
        if char in ")]}":
            depth += 1
        elif char in "([{":
            if depth == 0:
                match = _NAME_BEFORE_CALL.search(tail[:at]) if char == "(" else None
                name = re.split(r"\W+", match[1])[-1] if match else ""
                return "" if name in STOP_WORDS else name
            depth -= 1
        elif char == "\n" and depth == 0 and re.match(r"\n\s*(?:def|class|return)\b", tail[at:]):
            return ""
    return ""


def _class(lines: list[str]) -> tuple[str, tuple[str, ...]]:
    current = next((line for line in reversed(lines) if line.strip()), "")
    limit = max(_indent(current), 1)
    for match in reversed(list(_CLASS.finditer("\n".join(lines)))):
        if len(match[1].expandtabs()) < limit:
            found = [n for n in identifiers(match[2]) if n not in STOP_WORDS]
            return (found[0], tuple(found[1:6])) if found else ("", ())
    return "", ()


def _types(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for number, pattern in enumerate(_TYPED):
        for match in pattern.finditer(text):
            name, kind = (match[2], match[1]) if number == 2 else (match[1], match[2])
            found[name] = kind
    return found


def _types_of(name: str, text: str) -> dict[str, str]:
    """The type of an attribute, from the lines of the whole file that name it."""
    lines = []
    for match in itertools.islice(re.finditer(rf"\b{name}\b", text), _MOST_TYPE_LINES):
        end = text.find("\n", match.end())
        lines.append(text[text.rfind("\n", 0, match.start()) + 1 : end if end >= 0 else len(text)])
    found = _types("\n".join(lines))
    return {name: found[name]} if name in found else {}


def _words(names: dict[str, float]) -> dict[str, float]:
    words: dict[str, float] = {}
    for name, weight in names.items():
        parts = split(name)
        for word in {name.lower(), *(parts if len(parts) > 1 else ())}:
            if len(word) > 1 and word not in STOP_WORDS:
                words[word] = max(words.get(word, 0.0), weight)
    return words


def _importing(line: str) -> str:
    match = re.match(r"\s*from\s+(\.*[\w.]*)\s+import\b", line)
    return match[1] if match else ""
