"""Parameters found by a function's name, and the call that a cursor is in: data, one check each."""

from __future__ import annotations

import pytest

from codellama_lsp.syntax.around import look
from codellama_lsp.syntax.signatures import signature

SIGNATURES = [
    ("python", "def f(a, b=1, *, c, **k): pass\n", "a b", False),
    ("python", "@lru_cache(maxsize=None)\ndef f(a): pass\n", "a", False),
    ("python", "@command\ndef f(a): pass\n", None, False),
    ("python", "class A:\n    def f(self, a: int, *rest):\n        pass\n", "a *", True),
    ("javascript", "export function f(a, b = 1) {\n}\n", "a b", False),
    ("javascript", "  f(a, b);\n", None, True),
    ("typescript", "class A {\n  private f(a: string): void {}\n}\n", "a", True),
    ("typescript", "function f(a: A): B;\nfunction f(a: A, b: B): B;\n", None, False),
    (
        "java",
        "class A {\n  static int f(int a, String... b) { return f(1, 2); }\n}\n",
        "a *",
        False,
    ),
    ("csharp", "class A {\n  async Task<int> f(int a, string b = null) { }\n}\n", "a b", False),
    ("c", "int f(void);\n", "", False),
    ("cpp", "void A::f(int a, std::vector<int> &b) const {}\n", "_ _", False),
    ("php", "<?php\nfunction f(int $a, ...$c) {}\n", "a *", False),
    ("go", "func f(a, b int, c ...string) error {\n}\n", "a b *", False),
    ("rust", "impl A {\n    pub fn f(&self, a: i32) -> X {\n}\n}", "a", True),
]


@pytest.mark.parametrize(("language", "text", "names", "methods"), SIGNATURES)
def test_signature(language: str, text: str, names: str | None, methods: bool) -> None:
    found = signature(text, "f", language, methods=methods)
    said = None
    if found is not None:
        said = " ".join([*(name or "_" for name in found.names), *"*" * found.takes_more])
    assert said == names


CALLS = [
    ("python", "x = a.foo(x, k=1, ‸)\n", "foo on a: x; k=1"),
    ("php", "<?php $a->foo($x, ‸);", "foo on $a: $x"),
    ("csharp", "class A { void F() { this.Foo(x, ‸); } }", "Foo on this: x"),
    ("rust", "fn f() { Foo::new(a, ‸); }", "new on Foo: a"),
    ("go", "func f() { a.Foo(x, ‸) }", "Foo on a: x"),
    ("python", "class A(‸): pass", None),
    ("python", 'print("‸")', None),
    ("javascript", "foo(a, (x) => { return ‸ })", None),
]


@pytest.mark.parametrize(("language", "text", "wanted"), CALLS)
def test_call(language: str, text: str, wanted: str | None) -> None:
    before, after = text.split("‸")
    around = look(before, after, language)
    call = around.call if around is not None else None
    said = f"{call.name} on {call.receiver}: {'; '.join(call.given)}" if call else None
    assert said == wanted


HEADERS = [
    ("python", "class A:\n    def f(self,\n          b):  # so\n        ‸\n", 1, "    def f(self,"),
    ("python", 'x = {\n  "a":‸\n}', 0, None),
    ("java", "class A { void f(int a,\n     int b) {\n   ‸\n }\n}", 1, "class A { void f(int a,"),
    ("javascript", "foo.bar((a) => {\n  ‸\n})", 1, "foo.bar((a) => {"),
    ("javascript", "const a = {‸}", 0, None),
]


@pytest.mark.parametrize(("language", "text", "rows_up", "wanted"), HEADERS)
def test_header(language: str, text: str, rows_up: int, wanted: str | None) -> None:
    before, after = text.split("‸")
    around = look(before, after, language)
    assert around is not None
    assert around.header_line(rows_up) == wanted
