"""When what was chosen for a document changes, and how many tokens that has read."""

from __future__ import annotations

import attrs
import pytest

from codellama_lsp.context.assemble import Assembly, Chunk, Piece
from codellama_lsp.context.epochs import FIRST_TOKENS, PER_KEYSTROKE_TOKENS, Allowance, Epoch

_ROOM = 4000


def _chunk(names: str, tokens: int = 10, score: float = 1.0, form: str = "body") -> Chunk:
    """``a:f,g``: the file and what it shows; ``f=2`` is f with another text."""
    path, _, inside = names.partition(":")
    pieces = tuple(
        Piece(name.split("=")[0], 0, f"def {name}", form, score, ("r",), False)
        for name in (inside or "x").split(",")
    )
    text = "\n".join([f"# {path}", *(piece.text for piece in pieces), ""])
    return Chunk(path, text, tokens, pieces)


def _assembly(*chunks: Chunk, budget: int = 1000) -> Assembly:
    return Assembly(chunks, (), budget)


_HELD = (_chunk("a:f", 200, 2.0), _chunk("b:g", 100, 4.0))


@attrs.frozen
class _Row:
    name: str
    offered: tuple[Chunk, ...]
    allowed: float
    cost: int | None
    texts: tuple[str, ...]
    """Of all chunks, line breaks as spaces."""
    budget: int = 1000
    room: int = _ROOM


_AS_IT_WAS = ("# a def f", "# b def g")
_ROWS = (
    _Row("the same", _HELD, 5000, None, _AS_IT_WAS),
    _Row("in another order", _HELD[::-1], 5000, None, _AS_IT_WAS),
    _Row("less", _HELD[:1], 5000, None, _AS_IT_WAS),
    _Row("a small gain", (*_HELD, _chunk("c:h", 10, 0.5)), 5000, None, _AS_IT_WAS),
    _Row("added behind", (_chunk("c:h", 30, 3.0), *_HELD), 30, 30, (*_AS_IT_WAS, "# c def h")),
    _Row("not allowed", (_chunk("c:h", 31, 3.0), *_HELD), 30, None, _AS_IT_WAS),
    _Row("below nothing", (_chunk("c:h", 31, 3.0), *_HELD), -500, None, _AS_IT_WAS),
    _Row(
        "the best of what is allowed",
        (*_HELD, _chunk("c:h", 20, 3.0), _chunk("d:k", 20, 5.0)),
        30,
        20,
        (*_AS_IT_WAS, "# d def k"),
    ),
    _Row(
        "more of a file that is there: that alone",
        (_chunk("a:f,m", 220, 4.0), _HELD[1]),
        500,
        138,
        (*_AS_IT_WAS, "# a def m"),
    ),
    _Row(
        "another form of what is there",
        (_chunk("a:f=2", 20, 4.0, "signature"), _HELD[1]),
        500,
        None,
        _AS_IT_WAS,
    ),
    _Row("edited", (_HELD[0], _chunk("b:g=2", 90, 2.0)), 500, 90, ("# a def f", "# b def g=2")),
    _Row("edited, not allowed", (_HELD[0], _chunk("b:g=2", 90)), 50, None, _AS_IT_WAS),
    _Row(
        "no room behind: laid out anew",
        (_HELD[0], _chunk("c:h", 150, 3.0)),
        500,
        150,
        ("# a def f", "# c def h"),
        room=400,
    ),
    _Row(
        "with much more room, laid out anew",
        (_chunk("a:f=2", 900, 4.0, "skeleton"), _HELD[1]),
        5000,
        1000,
        ("# a def f=2", "# b def g"),
        budget=3000,
    ),
    _Row(
        "with much more room that is not allowed, added to",
        (_chunk("a:f=2", 900, 4.0, "skeleton"), _HELD[1], _chunk("c:h", 40, 3.0)),
        50,
        40,
        (*_AS_IT_WAS, "# c def h"),
        budget=3000,
    ),
)


@pytest.mark.parametrize("row", _ROWS, ids=lambda row: row.name)
def test_a_later_choice(row: _Row) -> None:
    epoch = Epoch()
    assert epoch.offer(_assembly(*_HELD), 1, _ROOM, 300) == 300
    cost = epoch.offer(_assembly(*row.offered, budget=row.budget), 9, row.room, row.allowed)
    assert (cost, epoch.line) == (row.cost, 9)
    assert tuple(" ".join(chunk.text.split("\n")).strip() for chunk in epoch.chunks) == row.texts
    assert len({chunk.key for chunk in epoch.chunks}) == len(epoch.chunks)


def test_a_first_choice_needs_no_allowance_but_is_small() -> None:
    assert Epoch().room(_ROOM, -700) == FIRST_TOKENS
    assert Epoch().room(200, 5000) == 200
    assert Epoch().offer(_assembly(_chunk("a", FIRST_TOKENS)), 1, _ROOM, -700) == FIRST_TOKENS
    assert Epoch().offer(_assembly(_chunk("a", FIRST_TOKENS + 1)), 1, _ROOM, 0) is None


def test_an_hour_of_typing_and_moving_reads_little() -> None:
    """Whatever is chosen: what is read stays below what typing gives."""
    allowance, epoch, windows = Allowance(), Epoch(), 700
    read = changes = 0
    for line in range(6000):
        allowance.typed(windows)
        names = ",".join(f"f{line + i}" for i in range(8))
        offered = _assembly(_chunk(f"p{line}:{names}", 200, 2.0), budget=250)
        allowed = allowance.tokens - windows
        cost = epoch.offer(offered, line, _ROOM, allowed)
        if cost is not None:
            allowance.spend(cost + windows)
            read, changes = read + cost + windows, changes + 1
    assert read <= FIRST_TOKENS + windows + PER_KEYSTROKE_TOKENS * 6000
    assert changes > 3


def test_what_a_rest_gives_is_for_the_rest() -> None:
    allowance = Allowance()
    allowance.rested(100.0)
    assert allowance.tokens == 300
    allowance.rested(0.0)  # a speed that is not known yet
    assert allowance.tokens == 3300
    allowance.typed(700)
    assert allowance.tokens == 3300
    allowance.end_rest(700)
    assert allowance.tokens == 1084


def test_a_smaller_budget_leaves_out_what_does_not_fit() -> None:
    epoch = Epoch()
    epoch.offer(_assembly(_chunk("a", tokens=50), _chunk("b", tokens=30)), 1, _ROOM, 0)
    assert epoch.within(80) == ()  # nothing has read it
    epoch.show()
    assert [chunk.path for chunk in epoch.within(80)] == ["a", "b"]
    assert [chunk.path for chunk in epoch.within(40)] == ["b"]


def test_a_choice_is_wanted_when_the_cursor_is_elsewhere() -> None:
    epoch = Epoch()
    assert epoch.wants_choice(5)
    epoch.offer(_assembly(), 5, _ROOM, 0)
    assert not epoch.wants_choice(5)
    assert epoch.wants_choice(6)
    epoch.due = True
    assert epoch.wants_choice(5)
