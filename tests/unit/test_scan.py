"""Texts that were read before are not read again, and that changes nothing."""

from __future__ import annotations

import random

import pytest

from codellama_lsp.syntax import scan as scanning
from codellama_lsp.syntax.lexis import lexis_of
from codellama_lsp.syntax.scan import scan

_PIECES = (
    "def f(a, b):\n", "    x = [1, {2: '3'}]\n", '"""', "'", '"', "(", ")", "]", "# it's\n", "{",
    "}", "f'{a(", "\n", "    ", "word ", "/* ", "*/", "<<EOF\n", "EOF\n", "`${", "\\",
)  # fmt: skip


@pytest.mark.parametrize("language", ["python", "javascript", "shellscript", "cpp", "ruby"])
@pytest.mark.parametrize("seed", range(4))
def test_a_text_edited_anywhere_is_read_as_if_for_the_first_time(language: str, seed: int) -> None:
    rng = random.Random(seed)
    lexis = lexis_of(language)
    text = "".join(rng.choices(_PIECES, k=900))
    for _ in range(60):
        at = rng.choice((len(text), rng.randrange(len(text))))
        gone = rng.choice((0, 0, 1, 40))
        text = text[:at] + rng.choice(_PIECES) + text[at + gone :]
        again = scan(text, lexis)
        scanning._remembered.clear()
        assert attrs_of(again) == attrs_of(scan(text, lexis))
        if rng.random() < 0.7:
            scan(text, lexis)


def attrs_of(found: scanning.Scan) -> tuple[object, ...]:
    return found.stack, found.floor, tuple(found.closings), found.faults
