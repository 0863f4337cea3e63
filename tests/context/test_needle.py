"""One definition among ten thousand, reached by a reference alone."""

from __future__ import annotations

from pathlib import Path

import pytest

import codellama_lsp
from codellama_lsp.context.index.library import Library
from codellama_lsp.evaluation.needle import BUDGETS, Needle, look, make
from codellama_lsp.evaluation.references import library_of

SEED = 20
KINDS = ("imported", "imported as", "passed on", "called", "member", "base")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> tuple[Library, dict[str, Needle]]:
    root = tmp_path_factory.mktemp("needle")
    needles = {needle.kind: needle for needle in make(root, 10_000, SEED)}
    return library_of(root), needles


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_there_and_within_the_budget(
    workspace: tuple[Library, dict[str, Needle]], kind: str
) -> None:
    pytest.importorskip("llama_cpp")
    from codellama_lsp.engine.worker.counting import vocabulary

    words = vocabulary(Path(codellama_lsp.__file__).parent / "data" / "tiny.gguf")
    library, needles = workspace
    rows = list(look(library, needles[kind], words.chars_per_token, words.count))
    assert [row.budget_tokens for row in rows] == list(BUDGETS)
    assert all(row.good for row in rows), rows


def test_nothing_but_the_reference_leads_there(
    workspace: tuple[Library, dict[str, Needle]],
) -> None:
    library, needles = workspace
    assert library.disk.count()[1] >= 10_000
    needle = needles["imported"]
    name = needle.wanted[4:-1]
    lost = Needle(
        needle.kind, needle.path, needle.text.replace(name, "something"), needle.offset,
        needle.where, needle.wanted,
    )  # fmt: skip
    assert not any(row.found for row in look(library, lost, 3.0, len))


def test_another_seed_is_another_workspace(tmp_path: Path) -> None:
    first, second = make(tmp_path / "a", 200, 1), make(tmp_path / "b", 200, 2)
    assert [needle.kind for needle in first] == list(KINDS)
    assert {needle.wanted for needle in first}.isdisjoint(needle.wanted for needle in second)
