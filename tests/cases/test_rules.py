"""Every rule has a case that fails without it: rows of the table, with each rule switched off.

The rules are those of the registries that the product runs, so a new one needs a row, too.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import pytest

from codellama_lsp.completion import filters, heads, stop
from codellama_lsp.completion.plan import Plan, PlanKind
from codellama_lsp.completion.spot import Spot
from tests.cases.judge import judge
from tests.cases.table import Row, read_rows


class Never:
    """A stop rule that does not."""

    name = "never"

    def __init__(self, plan: Plan, spot: Spot) -> None:
        pass

    def cut(self, text: str, since: int = 0) -> int | None:
        return None


def check(row: Row) -> bool:
    """Whether `row` shows what it should."""
    found = judge(row.document, len(row.before), row.language, row.says)
    if row.stops and found.heard_chars == len(row.says):
        return False
    return found.accepted == row.accepted and found.outcome.has_items == bool(row.shows)


def fails(rows: Iterable[Row]) -> bool:
    return any(not check(row) for row in rows)


ROWS = read_rows()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.language}: {row.name}")
def test_row(row: Row) -> None:
    assert check(row)


def test_ends_are_known() -> None:
    assert set(stop.ENDS) == set(PlanKind)


@pytest.mark.parametrize("kind", list(stop.ENDS))
def test_end_is_needed(kind: PlanKind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(stop.ENDS, kind, Never)
    assert fails(ROWS)


@pytest.mark.parametrize(
    ("module", "registry", "index"),
    [
        pytest.param(module, registry, index, id=f"{registry.lower()}-{index}")
        for module, registry in ((stop, "FAULTS"), (heads, "HEADS"), (filters, "FILTERS"))
        for index in range(len(getattr(module, registry)))
    ],
)
def test_rule_is_needed(
    module: object, registry: str, index: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = getattr(module, registry)
    rest = tuple(itertools.chain(rules[:index], rules[index + 1 :]))
    monkeypatch.setattr(module, registry, rest)
    assert fails(ROWS), f"no row needs {rules[index]}"
