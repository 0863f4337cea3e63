"""How each language writes strings, comments and brackets: enough to know which are open.

One pattern a language finds the next thing of interest in code; its group's name says what it is.
Must not know trees: this is what works on half a line of broken code, on every keystroke.
"""

from __future__ import annotations

import functools
import re

import attrs

_CHAR = r"'(?:\\(?:x[0-9a-fA-F]+|u\{[^}\n]*\}|u[0-9a-fA-F]{4}|[0-7]{1,3}|.)|[^'\\\n])'"
_SLASHES = r"(?P<line>//)|(?P<block>/\*)|(?P<end>\*/)"
_REGEX = (
    r"(?P<skip>(?:(?<=[(=,:\[!&|?{};\n])|(?<=[(=,:\[!&|?{};] )|(?<=\breturn ))"
    r"/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n\[])+/[a-z]*)"
)
_BRACKETS = r"(?P<open>[(\[{])|(?P<close>[)\]}])"

_PYTHON = r"(?P<line>#)|(?P<string>[rRbBuUfFtT]{0,3}(?:\"\"\"|'''|\"|'))"
_SCRIPT = _SLASHES + "|" + _REGEX + r"|(?P<string>[\"'`])"
_JAVA = (
    _SLASHES
    + rf"|(?P<skip>{_CHAR})|(?P<string>\"\"\"|\"|(?<![\w'])'(?=[^'\n]{{0,2}}\Z))|(?P<odd>')"
)
_C = (
    _SLASHES
    + rf"|(?P<skip>{_CHAR}|(?<=\d)')|(?P<heredoc>R\"(?P<raw>[^\s()\\]{{0,16}})\()"
    + r"|(?P<string>\"|(?<![\w'])'(?=[^'\n]{0,2}\Z))|(?P<odd>')"
)
_CSHARP = (
    _SLASHES
    + rf"|(?P<skip>{_CHAR})|(?P<string>(?:\$@|@\$|@)\"|\$*\"\"\"|\$?\""
    + r"|(?<![\w'])'(?=[^'\n]{0,2}\Z))|(?P<odd>')"
)
_PHP = (
    r"(?P<line>//|#(?!\[))|(?P<block>/\*)|(?P<end>\*/)|(?P<string>[\"'])"
    r"|(?P<heredoc><<<[ \t]*[\"']?(?P<tag>[A-Za-z_]\w*)[\"']?)"
)
_BASH = (
    r"(?P<line>(?<![^\s;&|(])#)|(?P<skip>\\.|\$#)|(?P<string>\$?[\"']|`)"
    r"|(?P<heredoc><<-?[ \t]*[\"']?(?P<tag>[A-Za-z_][\w,.$-]*)[\"']?(?!<))"
)
_GO = _SLASHES + rf"|(?P<skip>{_CHAR})|(?P<string>[\"`]|(?<![\w'])'(?=[^'\n]{{0,2}}\Z))|(?P<odd>')"
_RUST = _SLASHES + rf"|(?P<skip>{_CHAR}|'[a-z_]\w*)|(?P<string>(?<!\w)[bc]?r#*\"|\")"
_PLAIN = r"(?P<string>\"|`|(?<!\w)')"

_OF_CLASSES = (
    r"^[ \t]*(?:public|private|protected|internal)[ \t][^;\n]*[{;(]?$|^[ \t]*@Override$"
    r"|^(?:import|using|namespace|package)[ \t][\w.* ]+[;{]?$"
)
#: By a lexis's name: lines as they hardly stand in texts and comments.
_LANDMARKS = {
    "python": (
        r"^(?:(?:async )?def \w+\(|class \w+[(:]|from [\w.]+ import |import \w+$|@\w[\w.]*(?:\(|$)"
        r"|[ \t]+(?:async )?def \w+\(.*\)(?: -> [^\n]+)?:\n[ \t]*"
        r"(?:r?\"\"\"|return |self\.|if |try:))"
    ),
    "script": (
        r"^(?:export|import|function|async function|(?:abstract )?class|interface) \w"
        r"|^(?:const|let|type) \w+(?:<[^\n]*>)? = |^(?:describe|test|it)\("
    ),
    "java": _OF_CLASSES,
    "csharp": _OF_CLASSES,
    "c": (
        r"^#(?:include|define|ifn?def|if|endif)\b"
        r"|^(?:static|struct|typedef|namespace|extern) |^[{}]$"
    ),
    "php": (
        r"^[ \t]*(?:(?:abstract|final|public|protected|private|static) )*function \w+\("
        r"|^(?:namespace|use) [\w\\]+;$|^(?:(?:abstract|final) )?(?:class|interface|trait) \w+"
    ),
    "bash": r"^[\w-]+ ?\(\) ?\{|^[ \t]*(?:fi|done|esac|;;)$",
    "go": r"^(?:func|type|var|const|import|package) ",
    "rust": (
        r"^[ \t]*(?:pub(?:\([^)]*\))? )?(?:async |unsafe |const )*"
        r"(?:fn|struct|enum|impl|mod|trait|use)\b[^\n]*[{;(]$|^#\[\w"
    ),
}


@attrs.frozen
class Quoting:
    """How a string goes on and ends."""

    closer: str
    one_line: bool = True
    escapes: bool = True
    doubled: bool = False
    """Whether the quote written twice stands for itself."""
    code_opener: str = ""
    """What begins code inside of it."""


@attrs.frozen
class Lexis:
    """What the scanner needs to know about a language."""

    name: str
    pattern: re.Pattern[str]
    line_comment: str = ""
    """What a line comment begins with; empty where there are none."""
    colon_blocks: bool = False
    """Whether indentation makes blocks."""
    loose_closers: bool = False
    """Whether a lone closing bracket is fine (``a)`` of a shell's case)."""
    landmark: re.Pattern[str] | None = None
    """What begins a line that is surely code, whatever stands above it."""

    def quoting(self, opener: str) -> Quoting:
        """What `opener`, found as a string's, promises."""
        return _quoting(self.name, opener)


def _lexis(
    name: str,
    pattern: str,
    comment: str = "",
    *,
    colon_blocks: bool = False,
    loose_closers: bool = False,
) -> Lexis:
    compiled = re.compile(f"{pattern}|{_BRACKETS}", re.DOTALL)
    landmark = _LANDMARKS.get(name)
    return Lexis(
        name,
        compiled,
        comment,
        colon_blocks,
        loose_closers,
        re.compile(landmark, re.MULTILINE) if landmark else None,
    )


_KNOWN = {
    "python": _lexis("python", _PYTHON, "#", colon_blocks=True),
    "script": _lexis("script", _SCRIPT, "//"),
    "java": _lexis("java", _JAVA, "//"),
    "c": _lexis("c", _C, "//"),
    "csharp": _lexis("csharp", _CSHARP, "//"),
    "php": _lexis("php", _PHP, "//"),
    "bash": _lexis("bash", _BASH, "#", loose_closers=True),
    "go": _lexis("go", _GO, "//"),
    "rust": _lexis("rust", _RUST, "//"),
    "plain": _lexis("plain", _PLAIN, loose_closers=True),
}

_OF_LANGUAGE = {
    "python": "python",
    "javascript": "script",
    "javascriptreact": "script",
    "typescript": "script",
    "typescriptreact": "script",
    "java": "java",
    "kotlin": "java",
    "scala": "java",
    "swift": "java",
    "c": "c",
    "cpp": "c",
    "objective-c": "c",
    "csharp": "csharp",
    "php": "php",
    "shellscript": "bash",
    "go": "go",
    "rust": "rust",
}


def lexis_of(language_id: str) -> Lexis:
    """The lexis of an LSP language id; a careful one for languages that are not known."""
    return _KNOWN[_OF_LANGUAGE.get(language_id, "plain")]


@functools.lru_cache(maxsize=256)
def _quoting(name: str, opener: str) -> Quoting:
    quote = opener.lstrip("rRbBcuUfFtT$@#")
    tripled = len(quote) == 3
    if name == "python":
        code = "{" if "f" in opener.lower() or "t" in opener.lower() else ""
        return Quoting(quote, one_line=not tripled, code_opener=code)
    if name == "csharp":
        verbatim = "@" in opener
        code = "{" if "$" in opener else ""
        return Quoting(
            quote,
            one_line=not (verbatim or tripled),
            escapes=not (verbatim or tripled),
            doubled=verbatim and not tripled,
            code_opener=code,
        )
    if name == "rust":
        hashes = opener.count("#")
        return Quoting('"' + "#" * hashes, one_line=False, escapes="r" not in opener)
    if name == "bash":
        return Quoting(quote, one_line=False, escapes=opener != "'", code_opener=_shell_code(quote))
    if name == "php":
        return Quoting(quote, one_line=False, code_opener="{$" if quote == '"' else "")
    if quote == "`":
        raw = name == "go"
        return Quoting(
            quote, one_line=name == "plain", escapes=not raw, code_opener="" if raw else "${"
        )
    return Quoting(quote, one_line=not tripled)


def _shell_code(quote: str) -> str:
    return "$(" if quote == '"' else ""
