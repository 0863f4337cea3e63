"""Grammars by LSP language id, loaded when first asked for. None is fetched at run time."""

from __future__ import annotations

import functools
import importlib

import tree_sitter

#: Language id, as in the LSP specification, to the wheel's module and its function.
_GRAMMARS = {
    "python": ("tree_sitter_python", "language"),
    "javascript": ("tree_sitter_javascript", "language"),
    "javascriptreact": ("tree_sitter_javascript", "language"),
    "typescript": ("tree_sitter_typescript", "language_typescript"),
    "typescriptreact": ("tree_sitter_typescript", "language_tsx"),
    "java": ("tree_sitter_java", "language"),
    "c": ("tree_sitter_c", "language"),
    "cpp": ("tree_sitter_cpp", "language"),
    "csharp": ("tree_sitter_c_sharp", "language"),
    "php": ("tree_sitter_php", "language_php"),
    "shellscript": ("tree_sitter_bash", "language"),
    "go": ("tree_sitter_go", "language"),
    "rust": ("tree_sitter_rust", "language"),
}

LANGUAGES = frozenset(_GRAMMARS)
"""Language ids that have a grammar; others get the plain-text rules."""


@functools.cache
def grammar(language_id: str) -> tree_sitter.Language | None:
    """The grammar for a language id; None where there is none or its wheel is missing."""
    known = _GRAMMARS.get(language_id)
    if known is None:
        return None
    try:
        module = importlib.import_module(known[0])
    except ImportError:
        return None
    return tree_sitter.Language(getattr(module, known[1])())


def parser(language_id: str) -> tree_sitter.Parser | None:
    """A parser of its own for each caller (parsers are not for sharing between threads)."""
    language = grammar(language_id)
    return None if language is None else tree_sitter.Parser(language)
