"""Language ids and comment marks by file name. Must not know syntax trees."""

from __future__ import annotations

_BY_SUFFIX = {
    "bash": "shellscript",
    "c": "c",
    "cc": "cpp",
    "cjs": "javascript",
    "cpp": "cpp",
    "cs": "csharp",
    "css": "css",
    "cts": "typescript",
    "cxx": "cpp",
    "go": "go",
    "h": "c",
    "hh": "cpp",
    "hpp": "cpp",
    "html": "html",
    "hxx": "cpp",
    "java": "java",
    "js": "javascript",
    "jsx": "javascriptreact",
    "kt": "kotlin",
    "lua": "lua",
    "md": "markdown",
    "mjs": "javascript",
    "mts": "typescript",
    "php": "php",
    "proto": "proto",
    "py": "python",
    "pyi": "python",
    "pyw": "python",
    "rb": "ruby",
    "rs": "rust",
    "rst": "restructuredtext",
    "scala": "scala",
    "scss": "scss",
    "sh": "shellscript",
    "sql": "sql",
    "svelte": "svelte",
    "swift": "swift",
    "toml": "toml",
    "ts": "typescript",
    "tsx": "typescriptreact",
    "txt": "plaintext",
    "vue": "vue",
    "yaml": "yaml",
    "yml": "yaml",
    "zig": "zig",
}
INDEXED_GLOB = "**/{*.{" + ",".join(sorted(_BY_SUFFIX)) + "},[Mm]akefile,[Dd]ockerfile}"
"""Files that a client is asked to watch."""
_BY_NAME = {"makefile": "makefile", "dockerfile": "dockerfile"}

_HASH = frozenset("python shellscript ruby toml yaml makefile dockerfile".split())
_SLASHES = frozenset(
    "javascript javascriptreact typescript typescriptreact java c cpp csharp php go rust kotlin "
    "scala swift proto scss zig".split()
)
_FAMILIES = (
    frozenset({"javascript", "javascriptreact", "typescript", "typescriptreact", "vue", "svelte"}),
    frozenset({"c", "cpp"}),
)


def language_of(name: str) -> str | None:
    """The language id of a file, by its name; None for what is no text of use to a model."""
    last = name.rpartition("/")[2].lower()
    stem, dot, suffix = last.rpartition(".")
    return _BY_SUFFIX.get(suffix) if dot and stem else _BY_NAME.get(last)


def same_family(one: str, other: str) -> bool:
    """Whether code in one language uses definitions of the other."""
    return one == other or any(one in family and other in family for family in _FAMILIES)


def comment(language_id: str, text: str) -> str:
    """`text` as a comment on a line of its own, without the line break."""
    if language_id in _HASH:
        return f"# {text}"
    if language_id in _SLASHES:
        return f"// {text}"
    if language_id in ("sql", "lua"):
        return f"-- {text}"
    if language_id in ("html", "markdown", "vue", "svelte"):
        return f"<!-- {text} -->"
    return f"/* {text} */" if language_id == "css" else f"# {text}"
