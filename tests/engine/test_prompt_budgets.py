"""No prompt has more than its budgets, counted in the ids that the model is given."""

from __future__ import annotations

import random
from pathlib import Path

import attrs
import pytest

import codellama_lsp
from codellama_lsp.engine.protocol import GenerateRequest, Layout, Segment
from codellama_lsp.engine.worker.model import Model
from codellama_lsp.engine.worker.prompting import PromptBuilder

pytestmark = pytest.mark.engine

_ROOT = Path(codellama_lsp.__file__).parent
_LINES = "".join(
    path.read_text(encoding="utf-8") for path in sorted(_ROOT.glob("engine/*.py"))
).splitlines(keepends=True)


@pytest.fixture
def builder(embedded: Model) -> PromptBuilder:
    return PromptBuilder(embedded, most_tokens=1 << 16, healing_tokens=4)


def _chunks(rng: random.Random) -> tuple[Segment, ...]:
    starts = [rng.randrange(len(_LINES) - 40) for _ in range(rng.randint(1, 12))]
    texts = ["".join(_LINES[at : at + rng.randint(1, 40)]) for at in starts]
    return tuple(Segment(f"c{n}", 1, text) for n, text in enumerate(texts))


@pytest.mark.parametrize("in_prefix", [False, True])
@pytest.mark.parametrize("layout", [Layout.SPM, Layout.PSM])
def test_code_of_other_files(
    embedded: Model, builder: PromptBuilder, layout: Layout, in_prefix: bool
) -> None:
    rng, alone = (
        random.Random(4),
        GenerateRequest("d", Segment("p", 1, "x = f("), Segment("s", 1, "\n")),
    )
    alone = attrs.evolve(alone, layout=layout, heal=False, context_in_prefix=in_prefix)
    empty = len(builder.build(alone).ids)
    full = 0
    for number in range(60):
        most = rng.choice([0, 16, 100, 400, 1500])
        context = tuple(attrs.evolve(s, key=f"{s.key}.{number}") for s in _chunks(rng))
        wanted = attrs.evolve(alone, context=context)
        bounded = attrs.evolve(wanted, most_context_tokens=most)
        tokens = len(builder.build(bounded).ids) - empty
        assert tokens <= most
        everything = len(builder.build(wanted).ids) - empty
        if everything < most:
            assert tokens == everything
        full += tokens > 0.7 * most
    assert full > 15
    inside = embedded.pieces.spell(builder.build(wanted).ids.tolist()).decode()
    assert context[0].text in inside


def test_both_places(embedded: Model, builder: PromptBuilder) -> None:
    prefix, suffix = Segment("p", 1, "y = f("), Segment("s", 1, "\nz = 2\n")
    context = (Segment("c", 1, "# a.py\nx = 1\n"),)
    for in_prefix, order in ((False, "xzy"), (True, "zxy")):
        wanted = GenerateRequest(
            "d", prefix, suffix, context=context, context_in_prefix=in_prefix, heal=False
        )
        shown = embedded.pieces.spell(builder.build(wanted).ids.tolist()).decode()
        assert sorted("xyz", key=lambda name: shown.index(f"{name} = ")) == list(order)


def test_windows_of_the_users_size(builder: PromptBuilder) -> None:
    text, after = "".join(_LINES[:200]), "".join(_LINES[200:300])
    nothing = GenerateRequest("d", Segment("e", 1, "x"), Segment("f", 1, ""), heal=False)
    empty = len(builder.build(nothing).ids) - 1
    heads = set()
    for chars in range(2000, 3000, 10):
        wanted = GenerateRequest(
            "d", Segment("p", chars, text[:chars]), Segment("s", 1, after), heal=False,
            most_window_tokens=500,
        )  # fmt: skip
        ids = builder.build(wanted).ids.tolist()
        assert 350 <= len(ids) - empty <= 500
        heads.add(tuple(ids[:200]))
    assert len(heads) <= 8  # what is typed leaves the prompt's beginning alone, mostly
