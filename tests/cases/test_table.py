"""The case table through a real server: good completions unharmed, faults mended, byte for byte."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.cases.table import ROWS, Row, read_file, read_rows
from tests.protocol.client import Client, accept, split_lines, started, write_script

FILES = sorted(ROWS.glob("*.txt"))


async def check(client: Client, row: Row) -> str:
    """What is wrong with what is shown for `row`; empty if nothing is."""
    lines = split_lines(row.before)
    client.open(row.document, row.uri, row.language)
    items = await client.inline(len(lines) - 1, utf16(lines[-1]), uri=row.uri)
    if len(items) > 1:
        return f"{row.name}: {len(items)} items"
    shown = accept(row.document, items[0]) if items else row.document
    if shown == row.accepted and bool(items) == bool(row.shows):
        return ""
    outcome = await client.why(row.uri)
    return f"{row.name} ({outcome}): {shown!r} instead of {row.accepted!r}"


def utf16(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
async def test_rows(path: Path, tmp_path: Path) -> None:
    rows = read_file(path)
    script = write_script(tmp_path, *[row.says for row in rows])
    async with started(script) as client:
        await client.initialize()
        wrong = [problem for row in rows if (problem := await check(client, row))]
        assert not wrong, "\n".join(wrong)


def test_the_table_is_large_and_mostly_good() -> None:
    rows = read_rows()
    assert len(rows) >= 500
    assert sum(row.good for row in rows) / len(rows) >= 2 / 3
    assert len({row.language for row in rows}) >= 10
    assert [key for key, n in Counter((r.language, r.name) for r in rows).items() if n > 1] == []
