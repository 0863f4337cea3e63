"""A text judged as it grows, from what was known of it, and judged anew: the same verdicts."""

from __future__ import annotations

import pytest

from codellama_lsp.completion import units
from codellama_lsp.completion.heads import heard
from codellama_lsp.completion.plan import choose_plan
from codellama_lsp.completion.spot import Spot
from codellama_lsp.completion.stop import Watch, first_cut, stop_rules
from codellama_lsp.context.windows import WindowTracker
from codellama_lsp.engine.scripted import split_tokens
from tests.cases.judge import BUDGET
from tests.cases.table import Row, read_rows

ROWS = read_rows()
LANGUAGES = sorted({row.language for row in ROWS})


def check(row: Row) -> None:
    """Judge what `row` says, piece by piece, up to the first cut."""
    windows = WindowTracker("it").windows(row.document, len(row.before), BUDGET)
    spot = Spot.of(windows, row.language, row.document)
    plan = choose_plan(spot)
    watch = Watch(stop_rules(plan, spot))
    raw = ""
    for piece in split_tokens(row.says):
        raw += piece
        text = heard(raw, spot, ended=False)
        units.translator_of.cache_clear()
        assert text == heard(raw, spot, ended=False), raw
        cut = watch.cut(text)
        assert cut == first_cut(stop_rules(plan, spot), text), (row.name, raw)
        if cut:
            break


@pytest.mark.parametrize("language", LANGUAGES)
def test_growing(language: str) -> None:
    for row in ROWS:
        if row.language == language:
            check(row)
