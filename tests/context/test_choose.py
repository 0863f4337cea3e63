"""What is chosen at a cursor, and why. The cursor is the | in the text."""

# ruff: noqa: E501 (a row of a table is a line)

from __future__ import annotations

import pytest

from codellama_lsp.context.candidates import (
    BASE,
    CALLED,
    IMPORTED,
    INHERITED,
    MEMBER,
    PARTNER,
    RECEIVER,
    VISIBLE,
    Query,
)
from codellama_lsp.context.choose import choose
from tests.context.conftest import Folder

SHAPES = (
    "class Shape:\n    '''A shape.'''\n    def area(self): return 0\n\ndef scale(shape, by): ...\n"
)

#: name, files, path, language, text with the cursor, what must be among the first, and why
CASES = [
    ("an imported name", {"pkg/shapes.py": SHAPES}, "pkg/main.py", "python",
     "from pkg.shapes import scale\n\nx = |", "scale", IMPORTED),
    ("a relative import", {"pkg/shapes.py": SHAPES}, "pkg/main.py", "python",
     "from .shapes import scale\n\nx = |", "scale", IMPORTED),
    ("a name that a package passes on",
     {"pkg/shapes.py": SHAPES, "pkg/__init__.py": "from .shapes import scale\n"}, "main.py", "python",
     "from pkg import scale\n\nx = |", "scale", IMPORTED),
    ("a member of an imported module", {"pkg/shapes.py": SHAPES}, "pkg/main.py", "python",
     "from pkg import shapes\n\nx = shapes.|", "scale", MEMBER),
    ("a member of an annotated variable", {"pkg/shapes.py": SHAPES}, "pkg/main.py", "python",
     "from pkg.shapes import Shape\n\ndef f(it: Shape):\n    return it.|", "Shape.area", MEMBER),
    ("the type of what a call returned",
     {"pkg/shapes.py": SHAPES + "\ndef make() -> Shape: ...\n"}, "pkg/main.py", "python",
     "from pkg.shapes import make\n\ndef f():\n    it = make()\n    return it.|", "Shape", RECEIVER),
    ("the call being typed", {"lib/shapes.py": SHAPES}, "pkg/main.py", "python",
     "def f(a):\n    return scale(a, |", "scale", CALLED),
    ("the base of the class", {"lib/shapes.py": SHAPES}, "pkg/main.py", "python",
     "class Circle(Shape):\n    def area(self):\n        return |", "Shape", BASE),
    ("what a test tests", {"src/shapes.py": SHAPES}, "tests/test_shapes.py", "python",
     "def test_it():\n    |", "scale", PARTNER),
    ("typescript", {"src/shapes.ts": "export function scale(s: Shape, by: number) { return s; }\n"},
     "src/main.ts", "typescript", "import { scale } from './shapes';\nconst x = |", "scale", IMPORTED),
    ("java", {"src/a/b/Shape.java": "package a.b;\npublic class Shape { int area() { return 1; } }\n"},
     "src/a/Main.java", "java", "import a.b.Shape;\nclass Main { int f(Shape s) { return s.| } }",
     "Shape", IMPORTED),
    ("c", {"include/shapes.h": "int scale(int shape, int by);\n"}, "src/main.c", "c",
     '#include "shapes.h"\nint f(int a) { return scale(|', "scale", CALLED),
    ("go", {"shapes/shapes.go": "package shapes\nfunc Scale(by int) int { return by }\n"},
     "main.go", "go", 'package main\nimport "example.com/m/shapes"\nfunc f() { x := shapes.|',
     "Scale", MEMBER),
    ("rust", {"src/shapes.rs": "pub fn scale(by: u32) -> u32 { by }\n"}, "src/main.rs", "rust",
     "use crate::shapes::scale;\nfn f() { let x = |", "scale", IMPORTED),
    ("php", {"src/Shapes/Shape.php": "<?php\nnamespace App\\Shapes;\nclass Shape { function area() {} }\n"},
     "src/Main.php", "php", "<?php\nuse App\\Shapes\\Shape;\n$x = new |", "Shape", IMPORTED),
    ("shell", {"lib.sh": "scale() { echo; }\n"}, "main.sh", "shellscript",
     "source ./lib.sh\nscale |", "scale", None),
    ("c#", {"Shape.cs": "namespace N { public class Shape { public int Area() { return 1; } } }\n"},
     "Main.cs", "csharp", "class M { void F(Shape it) { it.| } }", "Shape", RECEIVER),
    ("go: the package's other files", {"pkg/shapes.go": "package pkg\nfunc scaleShape(by int) int { return by }\n"},
     "pkg/main.go", "go", "package pkg\nfunc f() { x := |", "scaleShape", VISIBLE),
    ("go: a parameter's methods, from another file",
     {"pkg/shapes.go": "package pkg\ntype Shape struct { n int }\n",
      "pkg/area.go": "package pkg\nfunc (s *Shape) Area() int { return 1 }\n"},
     "pkg/main.go", "go", "package pkg\nfunc f(it *Shape) { x := it.|", "Shape.Area", MEMBER),
    ("java: the package", {"a/b/Shape.java": "package a.b;\npublic class Shape { }\n"},
     "a/b/Main.java", "java", "package a.b;\nclass Main { int f() { |", "Shape", VISIBLE),
    ("c#: its own and a used namespace",
     {"x/Shape.cs": "namespace N.In { class Shape { } }\n", "y/Size.cs": "namespace N { class Size { } }\n"},
     "Main.cs", "csharp", "using N.In;\nnamespace N.Other { class M { void F() { |", "Shape", VISIBLE),
    ("c#: the namespace around it", {"y/Size.cs": "namespace N { class Size { } }\n"},
     "Main.cs", "csharp", "namespace N.Other { class M { void F() { |", "Size", VISIBLE),
    ("c: a header's header",
     {"a.h": '#include "b.h"\n', "b.h": "int scale_shape(int by);\n"},
     "main.c", "c", '#include "a.h"\nint f(int a) { return |', "scale_shape", VISIBLE),
    ("c++: a class in a namespace, in a header",
     {"shape.h": "namespace n {\nclass LIB_API Shape {\n public:\n  int area();\n};\n}\n"},
     "main.cc", "cpp", '#include "shape.h"\nint f(n::Shape& it) { return it.|', "Shape.area", MEMBER),
    ("shell: what other scripts use",
     {**{f"u{i}.sh": "go() {\n  need_tools a\n}\n" for i in range(9)}, "lib.sh": "need_tools() { :; }\n"},
     "main.sh", "shellscript", "go() {\n  |\n}", "need_tools", VISIBLE),
    ("javascript: what is exported by assignment", {"lib/shapes.js": "exports.scaleShape = function (s) {}\n"},
     "main.js", "javascript", "const shapes = require('./lib/shapes')\nx = shapes.|", "scaleShape", MEMBER),
    ("rust: a path of modules", {"src/proto/shapes.rs": "pub fn scale(by: u32) -> u32 { by }\n"},
     "src/main.rs", "rust", "fn f() { let x = crate::proto::shapes::|", "scale", MEMBER),
    ("an attribute's type, told elsewhere in the file",
     {"shapes.py": "class Shape:\n    def area(self): ...\n"}, "main.py", "python",
     "from shapes import Shape\n\nclass A:\n    def __init__(self):\n        self.it = Shape()\n"
     + "\n" * 200 + "    def f(self):\n        return self.it.|", "Shape.area", MEMBER),
    ("an import by the name of the folder that is open", {"shapes.py": SHAPES}, "main.py", "python",
     "from workspace.shapes import scale\n\nx = |", "scale", IMPORTED),
    ("java: the same", {"b/Shape.java": "package workspace.b;\npublic class Shape { }\n"}, "Main.java", "java",
     "import workspace.b.Shape;\nclass Main { int f() { |", "Shape", IMPORTED),
    ("java: a package that is imported whole", {"src/a/b/Shape.java": "package a.b;\npublic class Shape { }\n"},
     "src/c/Main.java", "java", "import a.b.*;\nclass Main { int f() { |", "Shape", VISIBLE),
    ("java: static members of a class", {"src/a/Shapes.java": "package a;\nclass Shapes { static int scaleShape(int by) { } }\n"},
     "src/c/Main.java", "java", "import static a.Shapes.*;\nclass Main { int f() { |", "Shapes.scaleShape", VISIBLE),
    ("java: what is inherited, without this",
     {"src/a/Shape.java": "package a;\npublic class Shape { protected int scaleBy(int by) { return 1; } }\n"},
     "src/c/Circle.java", "java", "import a.Shape;\nclass Circle extends Shape { int f() { |", "Shape.scaleBy", INHERITED),
    ("c#: the other part of a partial class",
     {"x/Shape.cs": "namespace X { public partial class Shape { int ScaleBy(int by) { return 1; } } }\n"},
     "Shape.More.cs", "csharp", "namespace Y { public partial class Shape { void F() {\n|\n} } }", "Shape.ScaleBy", INHERITED),
    ("c#: a parameter's type, its method's brace on a line of its own",
     {"x/Shape.cs": "namespace N { public class Shape { public int Area() { return 1; } } }\n"},
     "Main.cs", "csharp", "class M\n{\n    void F(Shape it)\n    {\n" + "        Go();\n" * 30
     + "        if (a)\n        {\n            it.|", "Shape.Area", MEMBER),
    ("c#: the class around, far above",
     {"x/Base.cs": "class Base { protected int ScaleBy(int by) { return 1; } }\n"}, "Main.cs", "csharp",
     "class M : Base\n{\n" + "    // nothing but a long comment, line by line\n" * 600 + "    void F()\n    {\n        |\n    }\n}\n",
     "Base.ScaleBy", INHERITED),
    ("c: headers behind conditions that a grammar cannot read", {"shapes.h": "int scale_shape(int by);\n"},
     "main.c", "c", '#ifdef A\nif (x) {\n#else\n{\n#endif\n# include "shapes.h"\nint f(int a) { return |', "scale_shape", VISIBLE),
]  # fmt: skip


def _query(path: str, language: str, marked: str, **rest: object) -> Query:
    offset = marked.index("|")
    return Query(path, language, marked.replace("|", "", 1), offset, **rest)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("files", "path", "language", "text", "wanted", "reason"),
    [case[1:] for case in CASES],
    ids=[case[0] for case in CASES],
)
def test_what_is_referred_to(
    folder: Folder,
    files: dict[str, str],
    path: str,
    language: str,
    text: str,
    wanted: str,
    reason: str | None,
) -> None:
    noise = {
        f"noise/n{i}.py": f"def helper_{i}(value):\n    return value + {i}\n" for i in range(20)
    }
    library = folder.write({**noise, **files}).index()
    query = _query(path, language, text)
    library.open(path, query.text, language)
    candidates, _ = choose(library, query)
    found = {c.found.definition.qualified: c.reasons for c in candidates[:8]}
    assert wanted in found, found
    assert reason is None or reason in found[wanted]


def test_many_names_are_told_apart_by_their_words(folder: Folder) -> None:
    """In a header of a thousand names, all of them as much used."""
    names = [f"{a}_{b}_{c}" for a in "pqrstuvwxy" for b in "abcdefghij" for c in "klmno"]
    header = "".join(f"int {name}(int by);\n" for name in [*names, "scale_shape"])
    library = folder.write({"all.h": header}).index()
    text = '#include "all.h"\nint f(int shape, int scale) { return |'
    candidates, _ = choose(library, _query("main.c", "c", text))
    assert "scale_shape" in [c.found.definition.name for c in candidates[:3]]


TESTS = [("src/main.py", "x = ScaleSha|", ["ScaleShape", "ScaleShapeTest"]),
         ("tests/test_main.py", "x = ScaleSha|", ["ScaleShape", "ScaleShapeMaker", "ScaleShapeTest"])]  # fmt: skip


@pytest.mark.parametrize(("path", "text", "order"), TESTS)
def test_tests_are_hardly_ever_meant(
    folder: Folder, path: str, text: str, order: list[str]
) -> None:
    library = folder.write(
        {
            "src/a.py": "class ScaleShape: ...\n",
            "tests/test_a.py": "class ScaleShapeTest: ...\nclass ScaleShapeMaker: ...\n",
        }
    ).index()
    candidates, _ = choose(library, _query(path, "python", text))
    found = [c.found.definition.name for c in candidates if c.found.definition.name in order]
    if path.startswith("tests/"):
        assert found[-1] == "ScaleShapeTest"
    else:
        assert found == order


def test_unsaved_text_wins_over_the_disk(folder: Folder) -> None:
    library = folder.write({"shapes.py": "def old_name(): ...\n"}).index()
    library.open("shapes.py", "def new_name(): ...\n")
    query = _query("main.py", "python", "import shapes\nshapes.|")
    names = {c.found.definition.name for c in choose(library, query)[0]}
    assert "new_name" in names and "old_name" not in names
    library.close("shapes.py")
    names = {c.found.definition.name for c in choose(library, query)[0]}
    assert "old_name" in names and "new_name" not in names


def test_what_the_windows_show_is_not_repeated(folder: Folder) -> None:
    text = "def near_by(a):\n    return a\n\nx = near_by(|"
    library = folder.write({"main.py": text.replace("|", "")}).index()
    shown = (text.replace("|", ""),)
    candidates, _ = choose(library, _query("main.py", "python", text, shown=shown))
    assert "near_by" not in {c.found.definition.name for c in candidates}


def test_the_line_being_written_is_no_example_of_itself(folder: Folder) -> None:
    text = "from shapes import scale_shape\n\ndef f(a):\n    found = scale_sh|ape(a, 2)\n"
    files = {"shapes.py": "def scale_shape(shape, by): ...\n", "main.py": text.replace("|", "")}
    library = folder.write(files).index()
    shown = tuple(text.split("|"))
    candidates, _ = choose(library, _query("main.py", "python", text, shown=shown))
    usages = [c for c in candidates if c.found.definition.kind == "usage"]
    assert not any("found = scale_shape" in c.found.definition.body for c in usages)
