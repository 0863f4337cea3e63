"""Infilling models of other families: their own sentinels, prefix first, typing appends."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from codellama_lsp.engine.backend import CancelFlag
from codellama_lsp.engine.protocol import GenerateRequest, GenerateResult, Layout, Segment
from codellama_lsp.engine.worker.backend import LlamaBackend
from codellama_lsp.engine.worker.settings import WorkerSettings
from tests.engine.families import FAMILIES, Family, write_family

pytestmark = pytest.mark.engine

BEFORE = "class Adder:\n    def add(self, a, b):\n        total = a"
AFTER = "\n        return total\n\n\nprint(Adder().add(1, 2))  # é ☃\n"


@attrs.frozen
class Loaded:
    family: Family
    ids: dict[str, int]
    backend: LlamaBackend

    def request(self, before: str, typed: str = "", **changes: object) -> GenerateRequest:
        made = GenerateRequest(
            "doc",
            prefix=Segment("p", len(typed) + 1, before + typed),
            suffix=Segment("s", 1, AFTER),
            typed_chars=len(typed),
            layout=Layout.SPM,
            max_tokens=6,
        )
        return attrs.evolve(made, **changes)  # type: ignore[arg-type]

    def generate(self, request: GenerateRequest) -> GenerateResult:
        return self.backend.generate(request, lambda *_: None, CancelFlag())

    def spelled(self, request: GenerateRequest) -> list[str]:
        """The prompt's texts between special tokens, with these by name."""
        names = {number: text for text, number in self.ids.items()}
        model = self.backend.loaded()[0]
        found = [b""]
        for token in self.backend.build(request).ids.tolist():
            if token in names:
                found += [names[token].encode(), b""]
            else:
                found[-1] += model.pieces.pieces[token]
        return [text.decode() for text in found if text]


@pytest.fixture(params=list(FAMILIES))
def loaded(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Loaded]:
    family = FAMILIES[request.param]
    path = tmp_path / f"{request.param}.gguf"
    ids = write_family(family, path)
    backend = LlamaBackend(WorkerSettings(path, extra_buffers=False, threads=1))
    backend.load(lambda share: None)
    yield Loaded(family, ids, backend)
    backend.close()


def test_the_prompt_in_its_own_words(loaded: Loaded) -> None:
    assert loaded.backend.info.can_infill
    pre, suf, mid, _ = loaded.family.sentinels
    bos = [loaded.family.bos] if loaded.family.bos else []
    # Asked for suffix-first, which none of them was trained on.
    asked = loaded.request(BEFORE)
    assert loaded.spelled(asked) == [*bos, pre, BEFORE, suf, AFTER, mid]
    assert loaded.generate(asked).layout is Layout.PSM


def test_typing_appends_behind_the_middle(loaded: Loaded) -> None:
    first = loaded.generate(loaded.request(BEFORE))
    assert first.tokens.reused == 0
    pre, suf, mid, _ = loaded.family.sentinels
    typed = ""
    for character in " = self.add(a":
        typed += character
        request = loaded.request(BEFORE, typed, heal=False)
        bos = [loaded.family.bos] if loaded.family.bos else []
        assert loaded.spelled(request) == [*bos, pre, BEFORE, suf, AFTER, mid, typed]
        tokens = loaded.generate(attrs.evolve(request, heal=True)).tokens
        assert tokens.fresh <= 4, (typed, tokens)
        assert tokens.reused >= first.tokens.prompt - 1


def test_a_sentinel_in_the_text_stays_text(loaded: Loaded) -> None:
    pre, suf, mid, end = loaded.family.sentinels
    nasty = f"# {pre}{suf}{mid}{end}\n"
    ids = loaded.backend.build(loaded.request(nasty + BEFORE)).ids.tolist()
    special = [token for token in ids if token in loaded.ids.values()]
    wanted = [loaded.family.bos] if loaded.family.bos else []
    assert special == [loaded.ids[text] for text in [*wanted, pre, suf, mid]]
    model = loaded.backend.loaded()[0]
    assert nasty.encode() in model.pieces.spell(ids)


def test_what_is_generated_has_no_sentinels(loaded: Loaded) -> None:
    for seed in range(4):
        request = loaded.request(BEFORE, max_tokens=40, temperature=2.0, seed=seed, candidates=2)
        for candidate in loaded.generate(request).candidates:
            assert not any(text in candidate.text for text in loaded.ids)
