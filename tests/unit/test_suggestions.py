"""What is shown of what was generated: most of it untouched, known faults mended.

A row is a document with its cursor, what the model says, and the document after accepting.
"""

from __future__ import annotations

import pytest

from codellama_lsp.completion.outcome import Outcome
from codellama_lsp.config.settings import Settings

from .conftest import BenchOf

# name: (before | after, generated, document after accepting)
GOOD = {
    "rest of a line": ("x = |\ny = 2\n", "compute(1)", "x = compute(1)\ny = 2\n"),
    "the next line says the same": ("x = |\nf(total)\n", "f(total)", "x = f(total)\nf(total)\n"),
    "end of the file": ("import |", "os", "import os"),
    "empty file": ("|", "import os", "import os"),
    "inside a word": ("x = comp|\n", "ute(1)", "x = compute(1)\n"),
    "argument": ("f(|)\n", "a, b", "f(a, b)\n"),
    "nested argument": ("f(g(|)\n", "x)", "f(g(x))\n"),
    "balanced brackets": ("f(|)\n", "g(x)[0]", "f(g(x)[0])\n"),
    "bracket in a string": ("f(|)\n", '")"', 'f(")")\n'),
    "span": ("f(|, b)\n", "a", "f(a, b)\n"),
    "span keeps its space": ("f(|b)\n", "a, ", "f(a, b)\n"),
    "span before a word": ("f(|cd)\n", "xc + ", "f(xc + cd)\n"),
    "span ending like the rest begins": ("x = |b\n", "rab", "x = rabb\n"),
    "string": ('print("|")\n', "hello, world", 'print("hello, world")\n'),
    "apostrophe": ('print("|")\n', "don't", 'print("don\'t")\n'),
    "new line after a complete one": ("x = 1|\n", "\ny = 2", "x = 1\ny = 2\n"),
    "one line only": ("x = |\n", "1\ny = 2", "x = 1\n"),
    "body": (
        "def f(a):\n    |\n",
        "if a:\n        return 1\n    return 2",
        "def f(a):\n    if a:\n        return 1\n    return 2\n",
    ),
    "body after the colon": ("def f(a):|\n", "\n    return a", "def f(a):\n    return a\n"),
    "body ends at the dedent": (
        "def f(a):\n    |\n",
        "return a\n\n\ndef g():\n    pass",
        "def f(a):\n    return a\n",
    ),
    "body with a blank line": (
        "def f(a):\n    |\n",
        "b = a\n\n    return b",
        "def f(a):\n    b = a\n\n    return b\n",
    ),
    "braces": ("int f() {|", "\n  return 1;\n}", "int f() {\n  return 1;\n}"),
    "else belongs": (
        "if (a) {|",
        "\n  b();\n} else {\n  c();\n}\nd();\n",
        "if (a) {\n  b();\n} else {\n  c();\n}",
    ),
    "enter between braces": (
        "f() {\n    |\n}\n",
        "return 1;\n}\n\ng() {",
        "f() {\n    return 1;\n}\n",
    ),
    "nested closers stay": (
        "f() {\n  |\n}\n",
        "if (a) {\n    b();\n  }\n}",
        "f() {\n  if (a) {\n    b();\n  }\n}\n",
    ),
    "top level block": (
        "import os\n\n\n|\n",
        "def f():\n    return 1\n\n\ndef g():\n    pass\n",
        "import os\n\n\ndef f():\n    return 1\n",
    ),
    "two alike lines": ("|\n", "f(one)\nf(one)\ng()", "f(one)\nf(one)\ng()\n"),
    "same short line as below": (
        "if a:\n    |\nelse:\n    pass\n",
        "if b:\n        c()\n    else:\n        d()",
        "if a:\n    if b:\n        c()\n    else:\n        d()\nelse:\n    pass\n",
    ),
    "call over several lines": ("f(\n    g(|", "x))", "f(\n    g(x))"),
    "ruler": ("# |\n", "-" * 80, "# " + "-" * 80 + "\n"),
    "tabs": (
        "func f() {\n\t|\n}\n",
        "if a {\n\t\tb()\n\t}",
        "func f() {\n\tif a {\n\t\tb()\n\t}\n}\n",
    ),
    "crlf": ("f() {\r\n  |\r\n}\r\n", "a();\n  b();", "f() {\r\n  a();\r\n  b();\r\n}\r\n"),
    "astral": ("x = '|'\n", "😀", "x = '😀'\n"),
    "f-string": ("x = f'|'\n", "{a[0]}", "x = f'{a[0]}'\n"),
}

BAD = {
    "bracket twice": ("f(|)\n", "a, b)", "f(a, b)\n"),
    "two brackets twice": ("f(g(|))\n", "x))", "f(g(x))\n"),
    "goes on after the bracket": ("if f(|)\n", "x) and y:", "if f(x) and y:\n"),
    "bracket and semicolon twice": ("f(|);\n", "a);", "f(a);\n"),
    "quote twice": ('f("|")\n', 'abc")', 'f("abc")\n'),
    "quote, and more": ('x = "|"\n', 'abc" + y', 'x = "abc" + y\n'),
    "rest of the line twice": ("f(|, b)\n", "a, b)", "f(a, b)\n"),
    "colon twice": ("if |:\n", "a > 1:", "if a > 1:\n"),
    "assignment twice": (
        "x|, total = compute(y)\n",
        "z, total = compute(y)",
        "xz, total = compute(y)\n",
    ),
    "next line again": (
        "def f():\n    |\n    return total\n",
        "total = 1\n    return total\n",
        "def f():\n    total = 1\n    return total\n",
    ),
    "next line again, and more": (
        "|\nprint(total)\n",
        "total = 1\nprint(total)\nprint(2)\n",
        "total = 1\nprint(total)\n",
    ),
    "brace again": ("f() {\n  |\n}\n", "a();\n}", "f() {\n  a();\n}\n"),
    "brace on its own line": ("f() {|}\n", "\n  a();\n}", "f() {\n  a();\n}\n"),
    "trailing blank lines": ("def f():\n    |\n", "pass\n\n\n", "def f():\n    pass\n"),
    "trailing spaces": ("x = |\n", "1   ", "x = 1\n"),
    "loop of lines": ("|\n", "call(a)\n" * 9, "call(a)\n"),
    "loop of two lines": ("|\n", "call(a)\nmore(b)\n" * 9, "call(a)\nmore(b)\n"),
}

NOTHING = {
    "nothing": ("x = |\n", "", Outcome.EMPTY),
    "blanks": ("x = |\n", "  \n  ", Outcome.EMPTY),
    "loop in a line": ("x = |\n", "alpha + " * 90, Outcome.FILTERED),
    "only what follows": ("|\nprint(total)\n", "print(total)\n", Outcome.FILTERED),
    "only the bracket": ("f(|)\n", ")", Outcome.FILTERED),
    "only the rest": ("f(|, total)\n", ", total)", Outcome.FILTERED),
}


async def check(bench_of: BenchOf, marked: str, said: str, expected: str) -> None:
    completion = await bench_of(said).ask(marked)
    assert completion.outcome is Outcome.OFFERED, completion.detail
    (item,) = completion.items
    offset = marked.index("|")
    text = marked[:offset] + marked[offset + 1 :]
    assert item.start == offset
    assert "\n" not in text[item.start : item.end]
    assert text[: item.start] + item.text + text[item.end :] == expected


@pytest.mark.parametrize("name", GOOD)
async def test_good_ones_come_through(name: str, bench_of: BenchOf) -> None:
    await check(bench_of, *GOOD[name])


@pytest.mark.parametrize("name", BAD)
async def test_faults_are_mended(name: str, bench_of: BenchOf) -> None:
    await check(bench_of, *BAD[name])


@pytest.mark.parametrize("name", NOTHING)
async def test_nothing(name: str, bench_of: BenchOf) -> None:
    marked, said, outcome = NOTHING[name]
    completion = await bench_of(said).ask(marked)
    assert (completion.outcome, completion.items) == (outcome, ())
    assert bool(completion.detail) == (outcome is Outcome.FILTERED)


@pytest.mark.parametrize(
    ("multi_line", "plan", "marked", "expected"),
    [
        ("never", None, "def f():\n    |\n", "a"),
        ("always", None, "x = |\n", "a\n    b"),
        ("auto", "line", "def f():\n    |\n", "a"),
        ("auto", "block", "x = |\n", "a\n    b"),
    ],
)
async def test_plans(
    multi_line: str, plan: str | None, marked: str, expected: str, bench_of: BenchOf
) -> None:
    bench = bench_of("a\n    b")
    bench.settings = Settings(multi_line=multi_line)  # type: ignore[arg-type]
    completion = await bench.ask(marked, plan=plan)
    assert [item.text for item in completion.items] == [expected]


async def test_auto_closed_brackets_stay_out_of_the_prompt(bench_of: BenchOf) -> None:
    bench = bench_of("(", "a, b)\n", "")
    first = await bench.ask("f|\nend = 1\n")
    second = await bench.ask("f(|)\nend = 1\n")
    assert [item.text for item in second.items] == ["a, b"]
    assert second.tokens.reused == first.tokens.prompt
