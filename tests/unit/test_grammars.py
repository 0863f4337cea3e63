"""Every language that is promised has a grammar that parses."""

from __future__ import annotations

import pytest

from codellama_lsp.syntax.grammars import LANGUAGES, grammar, parser

SNIPPETS = {
    "python": "def f(x):\n    return x\n",
    "javascript": "function f(x) { return x; }\n",
    "javascriptreact": "const a = <b>c</b>;\n",
    "typescript": "function f(x: number): number { return x; }\n",
    "typescriptreact": "const a: string = <b>c</b>;\n",
    "java": "class A { int f(int x) { return x; } }\n",
    "c": "int f(int x) { return x; }\n",
    "cpp": "template <class T> T f(T x) { return x; }\n",
    "csharp": "class A { int F(int x) { return x; } }\n",
    "php": "<?php function f($x) { return $x; }\n",
    "shellscript": "f() { echo $1; }\n",
    "go": "package a\nfunc f(x int) int { return x }\n",
    "rust": "fn f(x: i32) -> i32 { x }\n",
}


@pytest.mark.parametrize("language_id", sorted(LANGUAGES))
def test_parses(language_id: str) -> None:
    made = parser(language_id)
    assert made is not None
    assert not made.parse(SNIPPETS[language_id].encode()).root_node.has_error


def test_others_have_none() -> None:
    assert grammar("klingon") is None
    assert parser("plaintext") is None
