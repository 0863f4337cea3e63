"""What is open at the end of a stretch that begins in the middle of things."""

from __future__ import annotations

import pytest

from codellama_lsp.syntax.lexis import lexis_of
from codellama_lsp.syntax.scan import scan
from codellama_lsp.syntax.stretch import scan_stretch

#: Language, the stretch up to the cursor, and what closes what the cursor is in; empty in code.
STRETCHES = {
    "documentation above a function": (
        "python",
        'of a list of numbers.\n    """\n    return 1\n\n\ndef mean(xs):\n    x = ',
        "",
    ),
    "documentation, and documentation again": (
        "python",
        'of numbers, it\'s said.\n    """\n    return 1\n\n\ndef mean(xs):\n    """Return the ',
        '"""',
    ),
    "documentation of a method": (
        "python",
        'of it.\n        """\n        return 1\n\n    def mean(self) -> int:\n        """Return ',
        '"""',
    ),
    "an example within documentation": (
        "python",
        'x = 1\n\ndef f():\n    """Such:\n\nimport sys\n    """\n    return 1\n\n\ndef g():\n    ',
        "",
    ),
    "a raw string of Go": ("go", "SELECT a\nFROM b`\n\nfunc f() {\n\tx := ", "}"),
    "a raw string of Go after one": ("go", "FROM b`\n\nfunc f() {\n\tx := `SELECT ", "`"),
    "a template literal": (
        "typescript",
        "<p>it's</p>`;\n\nexport function f() {\n  return g(",
        ")",
    ),
    "a comment with stars": (
        "java",
        " a long text\n * about\n * things\n * and more\n * of ",
        "*/",
    ),
    "a comment with stars that ends": ("java", "a\n * b\n * c\n * d\n */\nclass A { int x = ", "}"),
    "a string of a shell": ("shellscript", "it'\nfi\nif [ -n \"$x\" ]; then\n  echo '", "'"),
    "code": ("javascript", "  }\n  return `a ${b}`;\n}\n\nconst x = f(", ")"),
}

#: The same from a document's beginning.
TEXTS = {
    "a verbatim string that begins with a quote": ("csharp", 'var a = @"""x"""; f(', ")"),
    "a raw string": ("csharp", 'var a = """x"y""" + f(', ")"),
    "a raw string without a hash": ("rust", r'let a = r"\\.\pipe\"; f(', ")"),
    "a string of escapes": ("shellscript", r"case $x in $'\x89'LZO$'\0'*) echo ", ""),
    "a heredoc whose tag is more than a word": ("shellscript", 'a << "b,$C"\nx\'\nb,$C\ny=(', ")"),
}


def closer(stack: tuple[object, ...]) -> str:
    return getattr(stack[-1], "closer", "") if stack else ""


@pytest.mark.parametrize("name", STRETCHES)
def test_stretch(name: str) -> None:
    language, text, expected = STRETCHES[name]
    assert closer(scan_stretch(text, lexis_of(language), language).stack) == expected


@pytest.mark.parametrize("name", TEXTS)
def test_text(name: str) -> None:
    language, text, expected = TEXTS[name]
    assert closer(scan(text, lexis_of(language)).stack) == expected
