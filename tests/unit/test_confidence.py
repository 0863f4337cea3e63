"""Where a text is cut that the model stopped being sure of."""

from __future__ import annotations

import pytest

from codellama_lsp.engine.worker.confidence import confident_end


@pytest.mark.parametrize(
    ("text", "doubtful", "expected"),
    [
        ("", "x", ""),
        ("balance", " +", "balance"),
        ("balance +", " rate", "balance"),
        ("self.bal", "ance", "self"),
        ("self.bal", "(", "self.bal"),
        ("print(value, ", "x", "print"),
        ("print(value)", ".", "print(value)"),
        ("f(a)[b", "]", "f(a)"),
        ("x = 'half", " a", "x"),
        ("x = 'whole'", " +", "x = 'whole'"),
        ("a = 1\nb = 2\nc = ", "3", "a = 1\nb = 2"),
        ("\n    a = 1\n    b", " =", "\n    a = 1"),
        ("\n    ret", "urn", ""),
        ("   ", "x", ""),
        ("((((", "x", ""),
    ],
)
def test_cut(text: str, doubtful: str, expected: str) -> None:
    assert text[: confident_end(text, doubtful)] == expected
