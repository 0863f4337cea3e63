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

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "protocol.md"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        name, _, section = link.partition("#")
        if "://" in link:
            continue
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), link
        if section:
            headings = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            slugs = {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in headings}
            assert section in slugs, link
