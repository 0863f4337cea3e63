"""Never ask twice: typing along, coming back, work ahead; and when a request is served at all."""

from __future__ import annotations

import asyncio

import attrs
import pytest

from codellama_lsp.completion.outcome import Outcome
from codellama_lsp.completion.types import Completion, CompletionRequest, DocumentSnapshot, Trigger
from codellama_lsp.config.settings import Settings
from codellama_lsp.engine.protocol import Priority

from .conftest import Bench, BenchOf

BLOCK = "".join(f"\n    step_{n} = compute({n}, value)" for n in range(7)).strip()
HEAD = "def f(value):\n    "
TAIL = "\n\nprint(f(1))\n"


def asked(bench: Bench) -> int:
    """How many generations the user would have seen."""
    return sum(request.priority is Priority.VISIBLE for request in bench.requests)


async def ask_at(bench: Bench, before: str, after: str, **rest: object) -> Completion:
    snapshot = DocumentSnapshot("file:///a.py", "python", 1, before + after)
    request = CompletionRequest(snapshot, len(before), **rest)  # type: ignore[arg-type]
    return await bench.completer.complete(request)


async def test_typing_a_block_asks_once(bench_of: BenchOf) -> None:
    bench = bench_of(BLOCK, "wrong", "wrong")
    assert len(BLOCK) > 200
    for typed in range(len(BLOCK)):
        completion = await ask_at(bench, HEAD + BLOCK[:typed], TAIL)
        assert [item.text for item in completion.items] == [BLOCK[typed:]]
    assert asked(bench) == 1
    assert len(bench.requests) <= 2 + len(BLOCK) // 100


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        ("x = f(", ")\n", "a, b"),
        ("x = f(a", ")\n", ", b"),
        ("x = f(a", "\n", ", b)"),
        ("x = f(a, b", ")\n", None),
        ("x = g", "\n", None),
        ("x = ", " \n", None),
    ],
)
async def test_auto_closed_brackets(
    before: str, after: str, shown: str | None, bench_of: BenchOf
) -> None:
    bench = bench_of("f(a, b)", "")
    await ask_at(bench, "x = ", "\n")
    completion = await ask_at(bench, before, after)
    assert [item.text for item in completion.items] == ([shown] if shown else [])


async def test_typing_over_a_replaced_closer(bench_of: BenchOf) -> None:
    bench = bench_of("x) and y:")
    first = await ask_at(bench, "if f(", ")\n")
    assert (first.items[0].text, first.items[0].end - first.items[0].start) == ("x) and y:", 1)
    second = await ask_at(bench, "if f(x", ")\n")
    assert (second.items[0].text, second.items[0].end - second.items[0].start) == (") and y:", 1)
    third = await ask_at(bench, "if f(x)", "\n")
    assert (third.items[0].text, third.items[0].end - third.items[0].start) == (" and y:", 0)
    assert asked(bench) == 1


async def test_backspace_brings_the_earlier_one_back(bench_of: BenchOf) -> None:
    bench = bench_of("compute(1)", "nonsense")
    await ask_at(bench, "x = ", "\n")
    assert (await ask_at(bench, "x = n", "\n")).items[0].text == "nonsense"
    back = await ask_at(bench, "x = ", "\n")
    assert (back.outcome, back.items[0].text) == (Outcome.CACHED, "compute(1)")


async def test_closing_and_edits_far_away_keep_what_is_known(bench_of: BenchOf) -> None:
    bench = bench_of("compute(1)")
    far = "# " + "long text " * 100 + "\n"
    await ask_at(bench, far + "x = ", "\n" + far)
    bench.completer.forget("file:///a.py")
    completion = await ask_at(bench, "import os\n" + far + "x = ", "\n" + far + "end\n")
    assert completion.outcome is Outcome.CACHED


async def test_other_documents_know_nothing(bench_of: BenchOf) -> None:
    bench = bench_of("one", "two")
    await bench.ask("x = |\n", uri="file:///one.py")
    assert (await bench.ask("x = |\n", uri="file:///two.py")).items[0].text == "two"


async def test_other_settings_say_other_things(bench_of: BenchOf) -> None:
    bench = bench_of("one", "two")
    await bench.ask("x = |\n")
    bench.settings = attrs.evolve(bench.settings, max_tokens=50)
    assert (await bench.ask("x = |\n")).items[0].text == "two"


async def test_use_cache_false_bypasses_all(bench_of: BenchOf) -> None:
    bench = bench_of("one", "two")
    await bench.ask("x = |\n", use_cache=False)
    assert (await bench.ask("x = |\n", use_cache=False)).items[0].text == "two"
    assert [request.priority for request in bench.requests] == [Priority.VISIBLE] * 2


async def test_work_ahead_answers_what_follows_an_accept(bench_of: BenchOf) -> None:
    bench = bench_of("total = 1", ahead=["\n    return total"])
    await ask_at(bench, HEAD, TAIL)
    await bench.settled()
    completion = await ask_at(bench, HEAD + "total = 1", TAIL)
    assert (completion.outcome, completion.items[0].text) == (
        Outcome.CACHED,
        "\n    return total",
    )
    assert asked(bench) == 1


async def test_no_work_ahead_when_told_so(bench_of: BenchOf) -> None:
    bench = bench_of("total = 1")
    bench.settings = Settings(speculate=False)
    await ask_at(bench, HEAD, TAIL)
    await bench.settled()
    assert len(bench.requests) == 1


async def test_typing_along_what_is_being_generated(bench_of: BenchOf) -> None:
    bench = bench_of(BLOCK, "wrong")
    bench.hold_after(12)
    first = asyncio.create_task(ask_at(bench, HEAD, TAIL))
    await bench.held()
    second = asyncio.create_task(ask_at(bench, HEAD + BLOCK[:5], TAIL))
    assert (await first).outcome is Outcome.SUPERSEDED
    bench.release()
    assert (await second).items[0].text == BLOCK[5:]
    assert asked(bench) == 1


async def test_typing_something_else_ends_it(bench_of: BenchOf) -> None:
    bench = bench_of(BLOCK, "other")
    bench.hold_after(12)
    first = asyncio.create_task(ask_at(bench, HEAD, TAIL))
    await bench.held()
    second = await ask_at(bench, HEAD + "an", TAIL)
    assert (await first).outcome is Outcome.SUPERSEDED
    assert second.items[0].text == "other"
    assert bench.stopped == 1


async def test_several_candidates(bench_of: BenchOf) -> None:
    bench = bench_of("a + b", "a + b", "b + a", "more")
    first = await bench.ask("x = |\n", candidates=3, trigger=Trigger.INVOKED)
    assert [item.text for item in first.items] == ["a + b", "b + a"]
    second = await bench.ask("x = |\n", candidates=3, trigger=Trigger.INVOKED)
    assert second.outcome is Outcome.CACHED
    assert [item.text for item in second.items] == ["a + b", "b + a"]


async def test_nothing_inside_a_word(bench_of: BenchOf) -> None:
    bench = bench_of("x")
    completion = await bench.ask("ab|cd = 1\n")
    assert (completion.outcome, completion.items) == (Outcome.SKIPPED, ())
    assert completion.detail == "in the middle of a word"
    assert (await bench.ask("ab|cd = 1\n", trigger=Trigger.INVOKED)).items[0].text == "x"


async def test_nothing_while_a_word_is_erased(bench_of: BenchOf) -> None:
    bench = bench_of("", "x", "y", "z")
    assert (await bench.ask("value = total|\n")).outcome is Outcome.EMPTY
    assert (await bench.ask("value = tota|\n")).outcome is Outcome.SKIPPED
    assert (await bench.ask("value = |\n")).items[0].text == "x"
    assert (await bench.ask("value = tot|\n")).items[0].text == "y"


async def test_waiting_for_a_fast_typist(bench_of: BenchOf) -> None:
    """With a slow model, the wait follows the rhythm; the first request waits for nothing."""
    bench = bench_of(*[{"text": f"{n}x", "delay_ms": 30} for n in range(8)])
    bench.settings = Settings(speculate=False)
    for text in ("a", "ab", "abc"):
        await bench.ask(f"{text}|\n")
        bench.now_s += 0.2
    assert bench.slept_s and 0 < bench.slept_s[-1] < 0.2
    assert len(bench.slept_s) < 3
    bench.slept_s.clear()
    await bench.ask("abcd|\n", trigger=Trigger.INVOKED)
    assert bench.slept_s == []


async def test_a_fixed_wait(bench_of: BenchOf) -> None:
    bench = bench_of("1")
    bench.settings = Settings(debounce_ms=70)
    await bench.ask("x = |\n")
    assert bench.slept_s == [0.07]
