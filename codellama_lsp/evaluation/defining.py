"""What defines a name, by patterns on lines: a second opinion, apart from the index.

Knows neither syntax trees nor the index, so that what measures a choice does not rest on what
makes it. Rough on purpose: who asks keeps only names for which roughness does no harm.
"""

from __future__ import annotations

import re

import attrs

_C_COMMENTS = r"/\*(?:.|\n)*?\*/|//[^\n]*"
_STRING = r'"(?:\\.|[^"\\\n])*"'
_QUOTED = r"'(?:\\.|[^'\\\n])*'"
_BACKTICKS = r"`(?:\\.|[^`\\])*`"
_NO_NAMES = frozenset(
    "if for while switch catch return else do new throw case sizeof using typeof await yield "
    "function class and or not in is lambda match when where".split()
)
_NO_DEFINITION = _NO_NAMES - {"function", "class"}


@attrs.frozen
class Patterns:
    """One language's."""

    blank: re.Pattern[str]
    """Comments, strings and imports: a name in them is no use."""
    defines: tuple[re.Pattern[str], ...]
    """Group 1 is the name."""
    attributes: bool = False
    """Whether ``a.name`` without a call counts as a use of a name in lower case."""
    commands: bool = False
    """Whether a call is a word at the start of a command."""


def _patterns(
    blank: str, *defines: str, attributes: bool = False, commands: bool = False
) -> Patterns:
    return Patterns(
        re.compile(blank, re.MULTILINE),
        tuple(re.compile(pattern, re.MULTILINE) for pattern in defines),
        attributes,
        commands,
    )


_MODIFIERS = (
    r"(?:(?:public|protected|private|internal|static|final|abstract|synchronized|native|default|"
    r"virtual|override|sealed|async|extern|new|unsafe|partial|readonly|const|volatile)\s+)+"
)
_TYPE = r"[\w<>\[\],.?&*]+(?:[ \t]*<[^;={}()]*>)?"
_ECMASCRIPT = _patterns(
    rf"{_C_COMMENTS}|{_STRING}|{_QUOTED}|{_BACKTICKS}"
    r"|^[ \t]*(?:import|export)\b[^;()=]*?\bfrom\b[^\n]*|^[ \t]*import\b[^\n]*"
    r"|^[ \t]*(?:const|let|var)\s+(?:\w+|\{[^}]*\})\s*=\s*require\b[^\n]*",
    r"\bfunction\s*\*?\s*(\w+)",
    r"^[ \t]*(?:export\s+)?(?:default\s+)?(?:abstract\s+)?(?:class|interface|enum)\s+(\w+)",
    r"^(?:export\s+)?(?:declare\s+)?type\s+(\w+)\s*[=<]",
    r"^(?:export\s+)?(?:declare\s+)?(?:const|let|var)\s+(\w+)\s*[=:]",
    r"^[ \t]+(?:(?:public|private|protected|static|async|abstract|readonly|get|set|override)\s+)*"
    r"\*?(\w+)\s*(?:<[^>\n]*>)?\([^()]*\)\s*(?::[^{};\n]+)?\{",
    r"^[ \t]+(?:readonly\s+)?(\w+)\??\s*(?:<[^>\n]*>)?\([^()]*\)\s*:[^{}=;\n]+;",
    r"^[\w.]+\.(\w+)\s*=\s*(?:async\s+)?(?:function\b|\([^()]*\)\s*=>)",
)
_C_DEFINES = (
    r"^[A-Za-z_][\w \t*]*?[ \t*]+(\w+)\s*\([^;{}]*\)\s*[;{]",
    r"^(\w+)\([^;{}]*\)\s*\n\{",
    r"^[ \t]*#[ \t]*define\s+(\w+)",
    r"\b(?:struct|union|enum)\s+(\w+)\s*\{",
    r"^\}\s*(\w+)\s*;",
    r"^typedef\b[^;{}]*?(\w+)\s*;",
)
_C_BLANK = rf"{_C_COMMENTS}|{_STRING}|{_QUOTED}|^[ \t]*#[ \t]*include[^\n]*"

PATTERNS: dict[str, Patterns] = {
    "python": _patterns(
        r'"""(?:.|\n)*?"""|\'\'\'(?:.|\n)*?\'\'\'' + rf"|{_STRING}|{_QUOTED}|#[^\n]*"
        r"|^[ \t]*from\s+[.\w]+\s+import\s+(?:\([^)]*\)|[^\n(]*)|^[ \t]*import\s[^\n]*",
        r"^[ \t]*(?:async\s+)?def\s+(\w+)",
        r"^[ \t]*class\s+(\w+)",
        r"^([A-Za-z_]\w*)\s*(?::[^=\n]+)?=(?!=)",
        r"^[ \t]+self\.(\w+)\s*(?::[^=\n]+)?=(?!=)",
        attributes=True,
    ),
    "javascript": _ECMASCRIPT,
    "javascriptreact": _ECMASCRIPT,
    "typescript": _ECMASCRIPT,
    "typescriptreact": _ECMASCRIPT,
    "java": _patterns(
        rf"{_C_COMMENTS}|{_STRING}|{_QUOTED}|^[ \t]*(?:import|package)\b[^\n]*",
        r"\b(?:class|interface|enum|record)\s+(\w+)",
        rf"^[ \t]+{_MODIFIERS}(?:<[^;={{}}()]*>\s*)?{_TYPE}\s+(\w+)\s*\(",
        rf"^[ \t]+{_MODIFIERS}{_TYPE}\s+(\w+)\s*(?:=|;)",
    ),
    "c": _patterns(_C_BLANK, *_C_DEFINES),
    "cpp": _patterns(
        _C_BLANK,
        *_C_DEFINES,
        r"\b(?:class|struct|union|enum|enum\s+class)\s+(?:[A-Z_]+\s+)?(\w+)\s*(?:final\s*)?"
        r"(?::[^;{}()]*)?\{",
        r"^[ \t]+[A-Za-z_][\w:<>,&* \t]*?[ \t&*]+(\w+)\s*\([^;{}]*\)[^;{}()]*[;{]",
        r"^[\w:<>,&* \t]*?\b\w+::(\w+)\s*\([^;{}]*\)[^;{}()]*\{",
        r"^\s*using\s+(\w+)\s*=",
    ),
    "csharp": _patterns(
        rf"{_C_COMMENTS}|@\"(?:\"\"|[^\"])*\"|{_STRING}|{_QUOTED}|^[ \t]*using\s+[\w.= ]+;"
        r"|^[ \t]*#[^\n]*|^[ \t]*\[[^\]\n]*\][ \t]*$"
        r"|^[ \t]*namespace\b[^\n{]*",
        r"\b(?:class|interface|struct|enum|record)\s+(\w+)",
        rf"^[ \t]+{_MODIFIERS}{_TYPE}\s+(\w+)\s*(?:<[^>\n]*>)?\s*\(",
        rf"^[ \t]+{_MODIFIERS}{_TYPE}\s+(\w+)\s*(?:=|;|\{{|$)",
    ),
    "php": _patterns(
        rf"{_C_COMMENTS}|#[^\n\[]*|{_STRING}|{_QUOTED}|^(?:use|namespace)\b[^;]*;",
        r"\bfunction\s+&?(\w+)",
        r"^[ \t]*(?:(?:abstract|final|readonly)\s+)*(?:class|interface|trait|enum)\s+(\w+)",
        r"\bconst\s+(\w+)\s*=",
    ),
    "shellscript": _patterns(
        rf"(?:^|(?<=\s))#[^\n]*|'[^']*'|{_STRING}",
        r"^[ \t]*(?:function\s+)?(\w+)[ \t]*\(\)",
        r"^[ \t]*function\s+(\w+)",
        commands=True,
    ),
    "go": _patterns(
        rf"{_C_COMMENTS}|{_STRING}|{_QUOTED}|`[^`]*`|^import\s*(?:\([^)]*\)|[^\n]*)|^package[^\n]*",
        r"^func\s+(?:\([^)]*\)\s*)?(\w+)",
        r"^(?:type|var|const)\s+(\w+)",
        r"^\t([A-Za-z]\w*)\b[^\n:=(){}]*=(?!=)",
        r"^\t([A-Za-z]\w*)\([^\n]*\)[^\n{}]*$",
    ),
    "rust": _patterns(
        rf"{_C_COMMENTS}|{_STRING}|'(?:\\.|[^'\\\n])'"
        r"|^[ \t]*(?:pub(?:\([^)]*\))?\s+)?use\s[^;]*;|^[ \t]*(?:pub\s+)?mod\s+\w+;",
        r"\bfn\s+(\w+)",
        r"\b(?:struct|enum|trait|union|type)\s+(\w+)",
        r"\b(?:const|static)\s+(?:mut\s+)?([A-Z_]\w*)\s*:",
        r"\bmacro_rules!\s*(\w+)",
    ),
}


def blanked(text: str, language: str) -> str:
    """`text` with blanks for comments, strings and imports; every line stays where it is."""
    return PATTERNS[language].blank.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text)


def defined(code: str, language: str) -> dict[str, list[int]]:
    """Names that `code` (see `blanked`) defines, each with the offsets of its definitions."""
    found: dict[str, list[int]] = {}
    for pattern in PATTERNS[language].defines:
        for match in pattern.finditer(code):
            before = code[code.rfind("\n", 0, match.start(1)) + 1 : match.start(1)].split()
            if match[1] in _NO_NAMES or not _NO_DEFINITION.isdisjoint(before[-1:]):
                continue
            found.setdefault(match[1], []).append(match.start(1))
    return found


def head(text: str, offset: int, name: str) -> str:
    """What tells the definition at `offset`: its name and the word before it, blanks as one.

    A name at the start of its line takes the type above along, or what follows it.
    """
    start = text.rfind("\n", 0, offset) + 1
    if before := text[start:offset].split():
        return f"{before[-1]}{'' if text[offset - 1] in '.*&:@' else ' '}{name}"
    above = text[text.rfind("\n", 0, max(start - 1, 0)) + 1 : max(start - 1, 0)]
    if start == offset and re.fullmatch(r"[A-Za-z_][\w \t*]*", above):
        return f"{above.split()[-1]} {name}"
    follows = re.match(r"([ \t]*)(\w+|[^\w\s])?", text[offset + len(name) :])
    assert follows is not None
    return f"{name}{follows[1][:1]}{follows[2] or ''}"


def shows(text: str, wanted: str) -> bool:
    """Whether a text shows the definition with that head."""
    edge = r"(?!\w)" if wanted[-1:].isalnum() or wanted.endswith("_") else ""
    return re.search(re.escape(wanted) + edge, re.sub(r"\s+", " ", text)) is not None
