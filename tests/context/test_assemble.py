"""Filling a budget, its order, and when what was chosen changes."""

from __future__ import annotations

import pytest

from codellama_lsp.context.assemble import Assembly, Chunk, Piece
from codellama_lsp.context.candidates import Query
from codellama_lsp.context.languages import comment
from codellama_lsp.context.meter import Meter
from codellama_lsp.context.segments import Segments
from codellama_lsp.context.select import select
from tests.context.conftest import Folder

_BODY = "    total = 0\n    for part in parts:\n        total += part.size * 2\n    return total\n"
_FILES = {
    "pkg/sizes.py": f"def measure(parts, unit):\n    '''Sums sizes.'''\n{_BODY}",
    "pkg/other.py": "".join(f"def other_{i}(parts):\n{_BODY}\n" for i in range(40)),
}
_TEXT = "from pkg.sizes import measure\n\ndef f(parts):\n    return measure("


def _select(folder: Folder, budget: int, language: str = "python") -> Assembly:
    library = folder.write(_FILES).index()
    query = Query("main.py", language, _TEXT, len(_TEXT), (_TEXT,))
    return select(library, query, budget_tokens=budget, chars_per_token=3.0)


def test_little_room_gives_a_signature_more_room_the_body(folder: Folder) -> None:
    small, large = _select(folder, 40), _select(folder, 400)
    (piece,) = [p for c in small.chunks for p in c.pieces if p.qualified == "measure"]
    assert piece.form == "signature" and "def measure(parts, unit):" in piece.text
    assert "total" not in piece.text
    (piece,) = [p for c in large.chunks for p in c.pieces if p.qualified == "measure"]
    assert piece.form == "body" and "total += part.size" in piece.text


@pytest.mark.parametrize("budget", [0, 20, 60, 200, 1000, 10_000])
def test_a_budget_is_kept(folder: Folder, budget: int) -> None:
    found = _select(folder, budget)
    assert found.tokens <= budget
    meter = Meter(3.0)
    assert sum(meter.tokens(chunk.text) for chunk in found.chunks) <= budget * 1.02
    assert found.chunks or found.left_out


def test_chunks_are_headed_by_their_path_as_a_comment(folder: Folder) -> None:
    for chunk in _select(folder, 300).chunks:
        assert chunk.text.startswith(f"# {chunk.path}\n") and chunk.text.endswith("\n")


@pytest.mark.parametrize(
    ("language", "heading"),
    [
        ("python", "# pkg/sizes.py"),
        ("shellscript", "# pkg/sizes.py"),
        ("typescript", "// pkg/sizes.py"),
        ("java", "// pkg/sizes.py"),
        ("c", "// pkg/sizes.py"),
        ("php", "// pkg/sizes.py"),
        ("sql", "-- pkg/sizes.py"),
        ("html", "<!-- pkg/sizes.py -->"),
        ("css", "/* pkg/sizes.py */"),
    ],
)
def test_the_heading_is_a_comment_where_it_stands(language: str, heading: str) -> None:
    assert comment(language, "pkg/sizes.py") == heading


_CLASS = (
    "class Shape:\n    sides = 4\n\n    def area(self, scale):\n"
    "        first = self.width * scale\n        return first * self.height\n"
)


def test_little_room_gives_a_skeleton_more_room_the_bodies(folder: Folder) -> None:
    library = folder.write({"pkg/shape.py": _CLASS}).index()
    text = "from pkg.shape import Shape\n\ndef f(it: Shape):\n    return it."
    query = Query("main.py", "python", text, len(text), (text,))

    def shown(budget: int) -> tuple[dict[str, str], str]:
        found = select(library, query, budget_tokens=budget, chars_per_token=3.0)
        forms = {p.qualified: p.form for c in found.chunks for p in c.pieces}
        return forms, "".join(chunk.text for chunk in found.chunks)

    forms, text_shown = shown(45)
    assert forms["Shape"] == "skeleton" and forms["Shape.area"] == "signature"
    assert "def area(self, scale):" in text_shown and "self.height" not in text_shown
    forms, text_shown = shown(1000)
    assert forms["Shape"] == "skeleton" and forms["Shape.area"] == "body"
    assert "return first * self.height" in text_shown


def test_tokens_are_counted_on_the_safe_side() -> None:
    meter = Meter(3.0)
    assert meter.tokens("1234567890") >= 10
    assert meter.tokens("注释") >= 6
    # Short names, signs and breaks: half the characters for a token that prose has.
    assert meter.tokens("jv_free(a_b->c);\n\tx_y++;\n") >= 20
    assert meter.tokens("request") < meter.tokens("re_qu_est")


def _chunk(path: str, text: str = "", tokens: int = 10, score: float = 1.0) -> Chunk:
    piece = Piece("x", 0, text, "body", score, ("r",), False)
    return Chunk(path, text or f"# {path}\n", tokens, (piece,))


def test_a_models_own_tokens_count() -> None:
    chunks = tuple(
        _chunk(path, score=score) for path, score in (("a", 3.0), ("b", 2.0), ("c", 1.0))
    )
    assembly = Assembly(chunks, (), 30)
    assert assembly.counted([10, 9, 11]).tokens == 30
    less = assembly.counted([12, 9, 11])
    assert [chunk.path for chunk in less.chunks] == ["a", "c"] and less.tokens == 23
    assert [(left.path, left.why) for left in less.left_out] == [("b", "no room")]


def test_the_same_text_keeps_its_version() -> None:
    segments = Segments()
    (first,) = segments.of("u", [_chunk("a", "one\n")])
    assert segments.of("u", [_chunk("a", "one\n")]) == (first,)
    (second,) = segments.of("u", [_chunk("a", "two\n")])
    assert second.key == first.key and second.version != first.version
