"""Budgets of tokens and of time, through a real server: what is whole is shown, not nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import pytest

from tests.cases.table import Row
from tests.cases.test_table import check
from tests.protocol.client import started, write_script

_BLOCK = "x = 1\n    y = [" + "1, " * 60 + "2]\n    return y"


@attrs.frozen
class Case:
    """A model that is stopped by a budget."""

    name: str
    options: dict[str, Any]
    item: dict[str, Any]
    before: str
    after: str
    shows: str


CASES = (
    Case(
        "out of tokens in a block",
        {"max-tokens": 20},
        {"text": _BLOCK},
        "def f():\n    ",
        "\n",
        "x = 1",
    ),
    Case(
        "out of tokens in a line",
        {"max-tokens": 3},
        {"text": "alpha + beta + gamma"},
        "total = ",
        "\n",
        "alpha +",
    ),
    Case(
        "out of tokens before a bracket's end, the lines before are whole",
        {"max-tokens": 24},
        {"text": "a = 1;\n    b = 2;\n    c = g(1, 2, 3, 4, 5, 6, 7);"},
        "void f(void) {\n    ",
        "\n}\n",
        "a = 1;\n    b = 2;",
    ),
    # The pace makes the time run out in the second line, however busy the machine is.
    Case(
        "out of time in a block",
        {"time-budget-ms": 2000},
        {"text": _BLOCK, "pace_ms": 150},
        "def f():\n    ",
        "\n",
        "x = 1",
    ),
    Case(
        "the time before the first word does not count",
        {"time-budget-ms": 1000},
        {"text": "sum(xs)", "delay_ms": 1500},
        "total = ",
        "\n",
        "sum(xs)",
    ),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_budget(case: Case, tmp_path: Path) -> None:
    language = "c" if "void" in case.before else "python"
    row = Row(language, case.name, True, case.before, case.after, "", case.shows, "")
    async with started(write_script(tmp_path, case.item)) as client:
        await client.initialize(options=case.options)
        assert await check(client, row) == ""


async def test_nothing_whole_is_said_so(tmp_path: Path) -> None:
    item = {"text": "\n" * 40 + "late", "pace_ms": 100}
    async with started(write_script(tmp_path, item)) as client:
        await client.initialize(options={"time-budget-ms": 500})
        client.open("x = \n")
        assert await client.inline(0, 4) == []
        assert await client.why() == "timed_out"
