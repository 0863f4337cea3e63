"""The pages in `docs/` name what the code has."""

from __future__ import annotations

import re
from pathlib import Path

import attrs
import pytest

from codellama_lsp.completion.outcome import Outcome
from codellama_lsp.config.options import Options
from codellama_lsp.lsp.build import build_server
from codellama_lsp.lsp.session import ServeOptions

PAGE = Path(__file__).parents[2] / "docs" / "protocol.md"


@pytest.mark.parametrize(
    ("heading", "names"),
    [
        ("Outcomes", {outcome.value for outcome in Outcome}),
        ("Settings", set(attrs.fields_dict(Options))),
        ("Added: commands", None),
    ],
)
def test_tables(heading: str, names: set[str] | None) -> None:
    section = PAGE.read_text(encoding="utf-8").split(f"## {heading}\n")[1].split("\n## ")[0]
    if names is None:
        server = build_server(ServeOptions(lambda model: pytest.fail("no engine is needed")))
        names = set(server.protocol.fm.commands)
    assert set(re.findall(r"^\| `([\w.]+)`", section, re.MULTILINE)) == names
