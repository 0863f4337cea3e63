"""Which tokens at a cursor are re-decided, and what may stand in their place."""

from __future__ import annotations

import pytest

np = pytest.importorskip("numpy", reason="numpy comes with llama.cpp")

from codellama_lsp.prompt.healing import PieceTable, tokens_to_heal  # noqa: E402

PIECES = [
    b"",
    b"pri",
    b"print",
    b" ",
    b"  ",
    b" x",
    b"re",
    b"m",
    b"remove",
    b"(",
    b"\n",
    b"q",
    b"p",
]
TABLE = PieceTable(PIECES, skip=frozenset({0}))


def ids(*pieces: bytes) -> list[int]:
    return [PIECES.index(piece) for piece in pieces]


@pytest.mark.parametrize(
    ("tokens", "healed"),
    [
        (ids(b"pri"), 1),  # "print" goes on
        (ids(b"print"), 0),
        (ids(b"(", b"re", b"m"), 2),  # "remove" spans both
        (ids(b"re"), 1),
        (ids(b" "), 1),  # " x" begins with it
        (ids(b"("), 0),
        (ids(b"q"), 0),
        (ids(b" ", b"\n"), 0),  # a line break is a safe boundary
        ([], 0),
    ],
)
def test_tokens_to_heal(tokens: list[int], healed: int) -> None:
    assert tokens_to_heal(tokens, TABLE) == healed


def test_never_further_back_than_asked() -> None:
    assert tokens_to_heal(ids(b"re", b"m"), TABLE, max_back=1) == 0


@pytest.mark.parametrize(
    ("required", "allowed"),
    [
        (b"pri", {b"pri", b"print", b"p"}),
        (b"rem", {b"remove", b"re"}),
        (b" ", {b" ", b"  ", b" x"}),
        (b"zz", set()),
    ],
)
def test_allowed(required: bytes, allowed: set[bytes]) -> None:
    assert {PIECES[i] for i in TABLE.allowed(required)} == allowed


@pytest.mark.parametrize(
    ("required", "allowed"),
    [
        (b"pri", {b"pri", b"print"}),
        (b"prix", {b"pri"}),
        (b"q", {b"q"}),
        (b"?", set()),
    ],
)
def test_the_last_one_spells_it_to_the_end(required: bytes, allowed: set[bytes]) -> None:
    assert {PIECES[i] for i in TABLE.allowed(required, left_tokens=1)} == allowed
