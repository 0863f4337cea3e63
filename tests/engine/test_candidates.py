"""Several candidates of one request: one batch a step, the first as if alone, all different."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from codellama_lsp.engine.backend import CancelFlag
from codellama_lsp.engine.protocol import Finish
from codellama_lsp.engine.worker.backend import LlamaBackend
from codellama_lsp.engine.worker.settings import WorkerSettings
from tests.engine.test_backend import CODE, request, run

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def backend(embedded_path: Path) -> Iterator[LlamaBackend]:
    made = LlamaBackend(WorkerSettings(embedded_path, extra_buffers=False))
    made.load(lambda share: None)
    yield made
    made.close()


@pytest.mark.parametrize("end", [1, 5, 9, 30, 60, 120])
@pytest.mark.parametrize("one_line", [True, False])
def test_the_first_is_as_if_alone_and_all_differ(
    backend: LlamaBackend, end: int, one_line: bool
) -> None:
    made = request(CODE[:-end], stop_at_newline=one_line, max_tokens=24)
    alone, _ = run(backend, made)
    several, _ = run(backend, attrs.evolve(made, candidates=4))
    assert several.candidates[0].text == alone.candidates[0].text
    assert len({candidate.text for candidate in several.candidates}) == 4
    assert several.tokens.reused + several.tokens.fresh == several.tokens.prompt


def test_they_share_each_batch(backend: LlamaBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    _, context, _ = backend.loaded()
    batches: list[int] = []
    evaluate = context.evaluate_together

    def counted(parts):
        batches.append(len(parts))
        evaluate(parts)

    monkeypatch.setattr(context, "evaluate_together", counted)
    made = request(stop_at_newline=False, max_tokens=16, draft=False, candidates=4)
    result, _ = run(backend, made)
    assert batches[0] == 4
    assert len(batches) <= 2 * 16
    assert result.tokens.generated > len(batches)


def test_afterwards_the_cache_is_as_after_one(backend: LlamaBackend) -> None:
    run(backend, request(candidates=4))
    again, _ = run(backend, request())
    assert again.tokens.fresh == 1


def test_more_than_the_cache_has_room_for_come_in_turns(embedded_path: Path) -> None:
    small = LlamaBackend(WorkerSettings(embedded_path, extra_buffers=False, context_tokens=512))
    small.load(lambda share: None)
    result, _ = run(small, request(candidates=8, stop_at_newline=False, max_tokens=96))
    assert len(result.candidates) == 8
    small.close()


def test_cancelled_together(backend: LlamaBackend) -> None:
    flag = CancelFlag()
    made = request(candidates=3, stop_at_newline=False, max_tokens=64)
    result = backend.generate(made, lambda *_: flag.set(), flag)
    assert [candidate.finish for candidate in result.candidates] == [Finish.CANCELLED] * 3


def test_the_same_seed_gives_the_same_candidates(backend: LlamaBackend) -> None:
    made = request(CODE[:-5], candidates=3, stop_at_newline=False, max_tokens=24)
    one, two = run(backend, made)[0], run(backend, made)[0]
    assert [c.text for c in one.candidates] == [c.text for c in two.candidates]


def test_it_ends_where_it_is_unsure(backend: LlamaBackend) -> None:
    made = request(CODE + "balance\n\n    def ", stop_at_newline=False, max_tokens=64)
    sure, _ = run(backend, attrs.evolve(made, least_probability=0.0))
    unsure, _ = run(backend, attrs.evolve(made, least_probability=0.6))
    first = unsure.candidates[0]
    assert first.finish is Finish.UNSURE
    assert min(first.probabilities, default=1.0) >= 0.6
    assert sure.candidates[0].text.startswith(first.text)
    assert len(first.text) < len(sure.candidates[0].text)
    nothing, _ = run(backend, attrs.evolve(made, least_probability=1.1))
    assert nothing.candidates[0].text == ""
