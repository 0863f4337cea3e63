"""The llama.cpp backend on a real GGUF: what is evaluated, what is kept, how it ends."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path

import attrs
import numpy as np
import pytest

from codellama_lsp.engine.backend import CancelFlag, SoFar
from codellama_lsp.engine.protocol import (
    Finish,
    GenerateRequest,
    GenerateResult,
    Layout,
    Priority,
    Segment,
)
from codellama_lsp.engine.worker.backend import LlamaBackend
from codellama_lsp.engine.worker.context import Context
from codellama_lsp.engine.worker.settings import WorkerSettings
from codellama_lsp.engine.worker.speed import Speed

CODE = '''class Account:
    """Money of one owner."""

    def __init__(self, owner, balance=0):
        self.owner = owner
        self.balance = balance

    def deposit(self, amount):
        self.balance += amount
        return self.balance

    def withdraw(self, amount):
        if amount > self.balance:
            raise ValueError("not enough money")
        self.balance -= amount
        return self.'''
AFTER = "\n\n\ndef main():\n    account = Account('me')\n    account.deposit(10)\n"

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def backend(embedded_path: Path) -> Iterator[LlamaBackend]:
    made = LlamaBackend(WorkerSettings(embedded_path, extra_buffers=False))
    made.load(lambda share: None)
    yield made
    made.close()


def request(prefix: str = CODE, suffix: str = AFTER, **changes) -> GenerateRequest:
    made = GenerateRequest(
        "doc",
        Segment("prefix", 1, prefix),
        Segment("suffix", 1, suffix),
        stop_at_newline=True,
        max_tokens=24,
        copy=False,
    )
    return attrs.evolve(made, **changes)


def run(backend: LlamaBackend, made: GenerateRequest) -> tuple[GenerateResult, str]:
    pieces: list[str] = []
    result = backend.generate(made, lambda index, text, _: pieces.append(text), CancelFlag())
    return result, "".join(pieces)


def test_pieces_add_up_to_the_text(backend: LlamaBackend) -> None:
    result, streamed = run(backend, request())
    assert streamed == result.candidates[0].text
    assert "\n" not in streamed.strip("\n")


@pytest.mark.parametrize("layout", [Layout.SPM, Layout.PSM])
def test_the_same_again_evaluates_one_token(backend: LlamaBackend, layout: Layout) -> None:
    first, _ = run(backend, request(layout=layout))
    again, _ = run(backend, request(layout=layout))
    assert again.tokens.fresh == 1
    assert again.tokens.reused == again.tokens.prompt - 1
    assert again.candidates[0].text == first.candidates[0].text


def test_typing_costs_its_own_tokens_suffix_first(backend: LlamaBackend) -> None:
    line = "balance * rate + self.owner"
    run(backend, request(CODE))
    fresh = [
        run(backend, request(CODE + line[:end]))[0].tokens.fresh for end in range(1, len(line))
    ]
    assert sorted(fresh)[len(fresh) // 2] == 1
    assert max(fresh) <= 4


def test_typing_costs_the_suffix_prefix_first(backend: LlamaBackend) -> None:
    run(backend, request(CODE, layout=Layout.PSM))
    result, _ = run(backend, request(CODE + "b", layout=Layout.PSM))
    assert result.tokens.fresh > 20


def test_typing_appends_prefix_first_too(backend: LlamaBackend) -> None:
    line = "balance * rate + self.owner"
    run(backend, request(CODE, layout=Layout.PSM))
    fresh = [
        run(backend, request(CODE + line[:end], layout=Layout.PSM, typed_chars=end))[0].tokens.fresh
        for end in range(1, len(line))
    ]
    assert sorted(fresh)[len(fresh) // 2] == 1
    assert max(fresh) <= 4


def test_healing_spells_what_it_took_off(backend: LlamaBackend) -> None:
    for end in range(1, 12):
        result, _ = run(backend, request(CODE[:-end]))
        whole = CODE[:-end] + result.candidates[0].text
        assert whole.startswith(CODE[:-end])
        assert result.tokens.healed <= 3


def test_what_no_token_spells_is_not_healed(
    backend: LlamaBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    none = np.empty(0, dtype=np.int32)
    monkeypatch.setattr(backend.loaded()[0].pieces, "allowed", lambda *_, **__: none)
    result, _ = run(backend, request(CODE[:-2], max_tokens=4))
    assert result.tokens.healed > 0
    # All of them are the text's own, then.
    assert len(result.candidates[0].probabilities) == result.tokens.generated > 0


def test_an_empty_prefix_is_healed_of_the_dummy_space(backend: LlamaBackend) -> None:
    made = request("", "\n" + CODE)
    assert backend.build(made).required in (b" ", b"")
    spaced = backend.loaded()[0].encoder.ordinary("x") != backend.loaded()[0].encoder.infill("x")
    assert backend.build(made).required == (b" " if spaced else b"")
    result, _ = run(backend, made)
    assert not re.match(r" \S", result.candidates[0].text)


def test_switching_documents_keeps_both(backend: LlamaBackend) -> None:
    other = "import os\n\n\ndef listing(path):\n    return sorted(os."
    run(backend, request(CODE))
    run(backend, request(other, document="other"))
    back, _ = run(backend, request(CODE))
    assert back.tokens.fresh <= 16
    there, _ = run(backend, request(other, document="other"))
    assert there.tokens.fresh <= 16


def test_a_set_flag_ends_it_before_anything_is_evaluated(backend: LlamaBackend) -> None:
    flag = CancelFlag()
    flag.set()
    made = request("x = 1\n" * 200 + "y", document="cancelled")
    result = backend.generate(made, lambda *_: None, flag)
    assert result.candidates[0].finish is Finish.CANCELLED
    assert result.tokens.fresh == 0


def test_cancelling_in_the_middle_keeps_what_was_evaluated(backend: LlamaBackend) -> None:
    flag = CancelFlag()
    pieces: list[str] = []

    def emit(index: int, text: str, so_far: SoFar) -> None:
        pieces.append(text)
        flag.set()

    made = request(CODE, stop_at_newline=False, max_tokens=64)
    result = backend.generate(made, emit, flag)
    assert result.candidates[0].finish is Finish.CANCELLED
    assert len(pieces) == 1
    again, _ = run(backend, made)
    assert again.tokens.fresh == 1


def test_a_flag_set_by_another_thread_breaks_off_a_prefill(backend: LlamaBackend) -> None:
    # Whenever it strikes, what was counted as fresh is in the cache and is not evaluated again.
    made = request("value = compute(1, 2, 3)\n" * 120 + "z", document="big", max_tokens=1)
    flag = CancelFlag()
    timer = threading.Timer(0.005, flag.set)
    timer.start()
    result = backend.generate(made, lambda *_: None, flag)
    timer.join()
    again, _ = run(backend, made)
    assert again.tokens.reused >= min(result.tokens.fresh, again.tokens.prompt - 1)
    assert again.tokens.reused + again.tokens.fresh == again.tokens.prompt


def test_greedy_is_the_same_with_drafts(backend: LlamaBackend) -> None:
    made = request(CODE + "balance\n\n    def wi", stop_at_newline=False, max_tokens=48)
    plain, _ = run(backend, made)
    drafted, _ = run(backend, attrs.evolve(made, draft=True))
    assert drafted.candidates[0].text == plain.candidates[0].text
    assert drafted.tokens.drafted > 0


def test_candidates_differ_and_cost_one_prefill(backend: LlamaBackend) -> None:
    made = request(CODE[:-5], candidates=3, stop_at_newline=False, max_tokens=24)
    result, _ = run(backend, made)
    assert len(result.candidates) == 3
    assert len({candidate.text for candidate in result.candidates}) > 1
    assert result.tokens.reused + result.tokens.fresh == result.tokens.prompt


def test_warming_up_generates_nothing(backend: LlamaBackend) -> None:
    made = request(CODE + "# warm", document="warm", max_tokens=0)
    result, streamed = run(backend, made)
    assert streamed == ""
    assert result.tokens.generated == 0
    after, _ = run(backend, attrs.evolve(made, max_tokens=8))
    assert after.tokens.fresh == 1


def test_a_prompt_larger_than_the_context_is_cut_to_it(backend: LlamaBackend) -> None:
    made = request("alpha = beta + gamma\n" * 4000, "\ndelta = 1" * 2000, document="huge")
    result, _ = run(backend, made)
    assert result.tokens.prompt <= backend.info.context_tokens


@pytest.mark.parametrize(
    "text", [" <MID>", "<EOT>▁<EOT>", "\0\0\0", "é" * 50, "שלום", "\ud800", "\t" * 300, "x" * 20000]
)
def test_hostile_text_is_answered(backend: LlamaBackend, text: str) -> None:
    result, _ = run(backend, request(CODE + "\n" + text, text, document="hostile"))
    assert result.candidates[0].finish in set(Finish)


def test_probabilities_belong_to_the_tokens(backend: LlamaBackend) -> None:
    result, _ = run(backend, request())
    chosen = result.candidates[0].probabilities
    assert all(0 < p <= 1 for p in chosen)
    assert len(chosen) <= result.tokens.generated


def test_every_evaluated_token_is_counted(backend: LlamaBackend) -> None:
    _, context, _ = backend.loaded()
    before = context.evaluated
    result, streamed = run(backend, request(prefix=CODE + "bal"))
    tokens = result.tokens
    assert streamed
    assert tokens.evaluated == context.evaluated - before
    assert tokens.fresh <= tokens.before_text <= tokens.fresh + tokens.healed + tokens.drafted
    assert 0 < result.ms.native <= result.ms.prefill + result.ms.decode


class Steady(Speed):
    """Is as fast as it is said to be."""

    def note(self, tokens: int, seconds: float) -> None: ...


def test_after_a_jump_a_slow_machine_answers_from_small_windows(
    backend: LlamaBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backend, "_speed", Steady(60.0))
    before = "".join(f"value_{i} = compute({i})\n" for i in range(60))
    after = "".join(f"\nother_{i} = {i}" for i in range(40))

    def typed(text: str) -> GenerateResult:
        return run(backend, request(before + text, after, document="jump", max_tokens=4))[0]

    jumped = typed("res")
    assert jumped.tokens.fresh <= 100
    assert jumped.tokens.prompt < 120
    assert typed("resu").tokens.fresh <= 4
    later = backend.unfinished()
    assert later is not None
    assert backend.unfinished() is None
    assert run(backend, later)[0].tokens.prompt > 300
    full = typed("resul")
    assert full.tokens.prompt > 300
    assert full.tokens.fresh <= 4
    assert backend.unfinished() is None


def test_unasked_work_shows_in_the_next_answer(backend: LlamaBackend) -> None:
    run(backend, request())
    other = "import shutil\n\n\ndef clean(path):\n    shutil."
    warmed, _ = run(backend, request(other, priority=Priority.WARM, max_tokens=0))
    asked, _ = run(backend, request(other))
    again, _ = run(backend, request(other))
    assert warmed.tokens.ahead == 0
    assert asked.tokens.ahead == warmed.tokens.evaluated > 1
    assert again.tokens.ahead == 0


def test_an_answered_prompt_outlives_what_was_evaluated_behind_it(backend: LlamaBackend) -> None:
    here = request("import os\n\n\ndef small(path):\n    os.", document="here")
    run(backend, here)
    run(backend, request(CODE, document="here", priority=Priority.WARM, max_tokens=0))
    for number in range(12):
        there = f"# {number}\n{CODE}"
        run(backend, request(there, f"{AFTER}# {number}", document="there", max_tokens=1))
    again, _ = run(backend, here)
    assert again.tokens.fresh == 1


def test_after_a_cancelled_prefill_at_most_one_batch_is_evaluated_twice(
    embedded_path: Path,
) -> None:
    made = LlamaBackend(
        WorkerSettings(embedded_path, extra_buffers=False, context_tokens=4096, batch_tokens=64)
    )
    made.load(lambda share: None)
    _, context, _ = made.loaded()
    try:
        for number in range(6):
            text = "".join(f"name_{number}_{line} = {line}\n" for line in range(160))
            wanted = request(text, document=f"d{number}", priority=Priority.ASSIST, max_tokens=0)
            before, flag = context.evaluated, CancelFlag()
            watcher = threading.Thread(target=_set_after, args=(flag, context, before, number))
            watcher.start()
            broken = made.generate(wanted, lambda *_: None, flag)
            flag.set()
            watcher.join()
            assert broken.candidates[0].finish is Finish.CANCELLED
            whole, _ = run(made, wanted)
            assert whole.tokens.prompt > 800
            assert context.evaluated - before <= whole.tokens.prompt + 64
    finally:
        made.close()


def _set_after(flag: CancelFlag, context: Context, before: int, number: int) -> None:
    """Cancel once some batches are through; each time elsewhere in one."""
    while context.evaluated - before < 64 * (1 + number) and not flag.is_set():
        pass
    threading.Event().wait(0.0004 * number)
    flag.set()
