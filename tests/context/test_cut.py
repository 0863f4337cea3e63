"""What files are cut into, by language."""

# ruff: noqa: E501 (a row of a table is a line)

from __future__ import annotations

import pytest

from codellama_lsp.context.index.cut import cut

CASES = [
    ("python", "@deco\ndef f(a,\n      b=1) -> int:\n    '''Says.'''\n    return a\n",
     {"f": ("function", "@deco\ndef f(a,\n      b=1) -> int:", "Says.")}),
    ("python", "LIMIT: int = 3\nclass A(B, C):\n    kind = 1\n    def m(self): return 1\n",
     {"LIMIT": ("value", "LIMIT: int = 3", ""), "A": ("class", "class A(B, C):", ""),
      "A.kind": ("value", "kind = 1", ""), "A.m": ("function", "def m(self):", "")}),
    ("python", "if x:\n    def g(): pass\n", {"g": ("function", "def g():", "")}),
    ("javascript", "/** Adds. */\nexport function add(a, b) { return a; }\n",
     {"add": ("function", "export function add(a, b)", "Adds.")}),
    ("javascript", "export const mul = (a, b) => { return a; };\nconst N = 3;\n",
     {"mul": ("function", "const mul = (a, b)", ""), "N": ("value", "const N = 3;", "")}),
    ("typescript", "export interface I extends J { x: number; go(a: string): void }\ntype T = A | B;\nenum E { One, Two }\n",
     {"I": ("class", None, ""), "I.x": ("value", "x: number", ""), "I.go": ("function", "go(a: string): void", ""),
      "T": ("value", "type T = A | B;", ""), "E.Two": ("value", "Two", "")}),
    ("typescriptreact", "export const V = (p: P) => <b>{p.x}</b>;\n", {"V": ("function", None, "")}),
    ("java", "package p;\npublic class X extends Y {\n  static final int LIMIT = 3;\n  /** Runs. */\n  public int run(String s) { return 1; }\n}\n",
     {"X": ("class", "public class X extends Y", ""), "X.LIMIT": ("value", None, ""), "X.run": ("function", "public int run(String s)", "Runs.")}),
    ("c", "#define MAXX 3\ntypedef struct { int a; } pair_t;\nint add(int a);\nstatic int *mk(int n) { return 0; }\n",
     {"MAXX": ("value", None, ""), "pair_t": ("class", "typedef struct", ""), "add": ("function", "int add(int a);", ""), "mk": ("function", "static int *mk(int n)", "")}),
    ("cpp", "namespace ns { class V : public W { int size() const { return 1; } }; }\nint ns::V::more() { return 2; }\n",
     {"V": ("class", "class V : public W", ""), "V.size": ("function", "int size() const", ""), "ns.V.more": ("function", None, "")}),
    ("c", "namespace ns {\nclass LIB_EXPORT V {\n public:\n  int size();\n};\n}\n",
     {"V": ("class", "class LIB_EXPORT V", ""), "V.size": ("function", "int size();", "")}),
    ("c", "int lock(int a) LOCKED(mu);\nint take(int b) NOTHROW\n{ return 1; }\ntypedef struct pair { int a; } PAIR;\n",
     {"lock": ("function", "int lock(int a) LOCKED(mu);", ""), "take": ("function", "int take(int b) NOTHROW", ""),
      "pair": ("class", None, ""), "PAIR": ("value", "typedef struct pair PAIR;", "")}),
    ("c", "int f(int a) {\n#if A\n  if (a) {\n#else\n  {\n#endif\n    g();\n  }\n}\n}\nint scale(int b);\nint grow(int c) { int here = 1; return here; }\n",
     {"scale": ("function", "int scale(int b);", ""), "grow": ("function", None, "")}),
    ("csharp", "namespace N {\n#if A\n  [Serializable]\n  class B : C { [Test]\n  int Go(int a) { return 1; } }\n#endif\n}\n",
     {"B": ("class", "class B : C", ""), "B.Go": ("function", "int Go(int a)", "")}),
    ("java", "@Deprecated\n@Named({\"a\", \"b(c)\"})\npublic class X {\n  @Override\n  public void go(@Nullable int a) {}\n}\n",
     {"X": ("class", "public class X", ""), "X.go": ("function", "public void go(@Nullable int a)", "")}),
    ("csharp", "/// <summary>\n/// Runs.\n/// </summary>\nclass C { }\n", {"C": ("class", "class C", "Runs.")}),
    ("javascript", "exports.one = function (a) { return a }\nC.prototype.two = async function two() {}\n"
     "module.exports = { three() {} }\nmodule.exports.four = 4\nmodule.exports = function five() {}\nx.y = 3\n",
     {"one": ("function", "exports.one = function (a)", ""), "C.two": ("function", None, ""), "three": ("function", None, ""),
      "four": ("value", "module.exports.four = 4", ""), "five": ("function", None, "")}),
    ("csharp", "namespace N { public class C : D { public int P { get; set; } public int Run(string s) { return 1; } } }\n",
     {"C": ("class", "public class C : D", ""), "C.P": ("value", None, ""), "C.Run": ("function", "public int Run(string s)", "")}),
    ("php", "<?php\nclass K extends L { const Q = 2; private $x = 1; public function m($y) { return 1; } }\n",
     {"K": ("class", "class K extends L", ""), "K.Q": ("value", None, ""), "K.x": ("value", None, ""), "K.m": ("function", "public function m($y)", "")}),
    ("shellscript", "LIMIT=3\n# does it\ngo() { echo; }\n", {"LIMIT": ("value", "LIMIT=3", ""), "go": ("function", None, "does it")}),
    ("go", "package p\n// Do does.\nfunc (s *S) Do(a int) error { return nil }\ntype S struct { X int }\n",
     {"S.Do": ("function", "func (s *S) Do(a int) error", "Do does."), "S": ("class", "type S struct", ""), "S.X": ("value", "X int", "")}),
    ("rust", "/// Doc.\npub struct S { pub x: u32 }\nimpl Tr for S { fn go(&self) -> u32 { 1 } }\npub const N: u32 = 3;\n",
     {"S": ("class", None, None), "S.x": ("value", "pub x: u32", ""), "S.go": ("function", "fn go(&self) -> u32", ""), "N": ("value", None, "")}),
]  # fmt: skip


@pytest.mark.parametrize(("language", "text", "wanted"), CASES)
def test_definitions(language: str, text: str, wanted: dict) -> None:
    found = {d.qualified: d for d in cut(text, language).definitions if d.name}
    for qualified, (kind, signature, doc) in wanted.items():
        assert qualified in found, sorted(found)
        definition = found[qualified]
        assert definition.kind == kind
        assert signature is None or definition.signature == signature
        assert doc is None or definition.doc == doc


IMPORTS = [
    ("python", "import os, a.b as c\n", [("os", "", "os"), ("a.b", "", "c")]),
    ("python", "from ..x import (y as z,\n  w)\n", [("..x", "y", "z"), ("..x", "w", "w")]),
    ("javascript", "import D, {a as b} from './m';\n", [("./m", "a", "b"), ("./m", "default", "D")]),
    ("javascript", "const x = require('./y');\nconst {p: q} = require('./z');\n", [("./y", "", "x"), ("./z", "p", "q")]),
    ("typescript", "import type { A } from '../a';\nimport * as ns from './b';\n", [("../a", "A", "A"), ("./b", "", "ns")]),
    ("java", "import a.b.C;\nimport static a.D.go;\n", [("a.b.C", "", "C"), ("a.D", "go", "go")]),
    ("c", '#include "x/y.h"\n', [("x/y.h", "*", "")]),
    ("csharp", "using A.B;\n", [("A.B", "*", "")]),
    ("php", "<?php\nuse C\\D as E;\nuse F\\{G, H};\n", [("C\\D", "", "E"), ("F\\G", "", "G"), ("F\\H", "", "H")]),
    ("go", 'package p\nimport ("fmt"; x "a/b")\n', [("fmt", "", "fmt"), ("a/b", "", "x")]),
    ("rust", "use crate::a::{B, c::{D as E}};\n", [("crate::a", "B", "B"), ("crate::a::c", "D", "E")]),
    ("shellscript", "source ./lib.sh\n", [("./lib.sh", "*", "")]),
]  # fmt: skip


@pytest.mark.parametrize(("language", "text", "wanted"), IMPORTS)
def test_imports(language: str, text: str, wanted: list) -> None:
    assert [(i.module, i.name, i.alias) for i in cut(text, language).imports] == wanted


def test_a_class_shows_its_attributes_and_members() -> None:
    text = "class A(B):\n    def __init__(self, q):\n        self.q = q\n    def m(self, x): return x\n"
    (skeleton,) = [d.skeleton for d in cut(text, "python").definitions if d.kind == "class"]
    assert skeleton.split("\n") == [
        "class A(B):",
        "    self.q = q",
        "    def __init__(self, q):",
        "    def m(self, x):",
    ]


def test_other_text_is_cut_at_blank_lines() -> None:
    text = "a\nb\nc\n\nd\n\ne\nf\ng\n"
    assert [d.body for d in cut(text, "plaintext").definitions] == ["a\nb\nc", "e\nf\ng"]


@pytest.mark.parametrize("text", ["", "\n", "def (", "class A(\n    def", "\x00\udc80", "{" * 500])
@pytest.mark.parametrize("language", ["python", "cpp", "typescript", "plaintext", "nonsense"])
def test_no_text_is_too_broken(language: str, text: str) -> None:
    cut(text, language)
