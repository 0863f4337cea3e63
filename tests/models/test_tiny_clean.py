"""Filters and overlap checks of the training text."""

from __future__ import annotations

from pathlib import Path

import clean
import pytest

LINES = [f"value_{'abcdefghijklmnop'[i]} = compute(value, other)" for i in range(16)]


def test_a_long_shared_run_is_overlap() -> None:
    held = clean.HeldOut()
    held.add_source("\n".join(LINES))
    other = [f"unrelated{c} = something(else)" for c in "abcdefghijklmnopqrstuvwxyz" * 4]
    assert held.overlap("\n".join(other)) is None
    assert held.overlap("\n".join(other + ["    " + line for line in LINES[:10]])) == "long run"
    assert held.overlap("\n".join(LINES[:6])) == "many short runs"
    assert held.overlap("\n".join(other + LINES[:4])) is None


def test_benchmark_problems_are_overlap() -> None:
    held = clean.HeldOut()
    held.add_problem("\n".join(LINES[:5]))
    filler = [f"unrelated{c} = something(else)" for c in "abcdefghij"]
    mixed = [LINES[0], *filler[:3], LINES[2], *filler[3:], LINES[4]]
    assert held.overlap("\n".join(mixed)) == "benchmark lines"
    assert held.overlap("\n".join(filler)) is None


@pytest.mark.parametrize(
    ("path", "text", "reason"),
    [
        ("a/_vendor/b.py", "x = 1\n", "vendored or built"),
        ("a/ext/tornado/web.py", "x = 1\n", "copy of a held-out package"),
        ("a/tornado.py", "x = 1\n", "copy of a held-out package"),
        ("a/b_pb2.py", "x = 1\n", "generated"),
        ("a/b.py", "# Auto-generated, do not edit\n", "generated"),
        ("a/b.js", "var aa=" + "bc+de;" * 300, "long lines"),
        ("a/b.py", "x = [\n" + "    1234, 5678,\n" * 50, "data"),
        ("a/b.py", "def name(argument):\n    return argument\n" * 9, None),
    ],
)
def test_filters(path: str, text: str, reason: str | None) -> None:
    assert clean.reason_to_drop(Path(path), text) == reason
