"""Each request ends in exactly one outcome, whatever happens around it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from codellama_lsp.completion.budget import window_budget
from codellama_lsp.completion.exclusion import matches, reason_to_exclude
from codellama_lsp.completion.outcome import Outcome
from codellama_lsp.completion.types import Trigger
from codellama_lsp.config.settings import Settings
from codellama_lsp.engine.backend import Engine
from codellama_lsp.engine.protocol import (
    BadRequestError,
    EngineError,
    EngineGoneError,
    EngineInfo,
    EngineStartError,
    GenerateRequest,
)

from .conftest import Bench, BenchOf

FOREVER_MS = 3_600_000


class Raising:
    """A provider or an engine that cannot."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def engine(self) -> Engine:
        raise self._error

    async def info(self) -> EngineInfo:
        raise self._error

    def generate(self, request: GenerateRequest) -> object:
        raise self._error

    def expect(self) -> None:
        pass


def check(bench: Bench, *outcomes: Outcome) -> None:
    """What was observed, in order of ending; nothing is left open."""
    assert [completion.outcome for _, completion in bench.recorder.ended_ones] == list(outcomes)
    assert bench.recorder.open == 0


async def test_cancelled(bench_of: BenchOf) -> None:
    bench = bench_of({"text": "a", "delay_ms": FOREVER_MS})
    task = asyncio.create_task(bench.ask("x = |"))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    check(bench, Outcome.CANCELLED)


async def test_superseded(bench_of: BenchOf) -> None:
    bench = bench_of("a", "b")
    older = asyncio.create_task(bench.ask("x = |"))
    await asyncio.sleep(0)
    newer = await bench.ask("x = |")
    assert (await older).outcome is Outcome.SUPERSEDED
    assert newer.outcome is Outcome.OFFERED
    assert sorted(c.outcome for _, c in bench.recorder.ended_ones) == ["offered", "superseded"]
    assert bench.recorder.open == 0


async def test_who_was_superseded_goes_on(bench_of: BenchOf) -> None:
    bench = bench_of("abc", "b")
    bench.hold_after(1)

    async def older() -> tuple[Outcome, int]:
        outcome = (await bench.ask("x = |")).outcome
        await asyncio.sleep(0)  # would raise in a task that is still being cancelled
        task = asyncio.current_task()
        assert task is not None
        return outcome, task.cancelling()

    task = asyncio.create_task(older())
    await bench.held()
    await bench.ask("x = q|")
    assert await task == (Outcome.SUPERSEDED, 0)


async def test_superseded_and_given_up(bench_of: BenchOf) -> None:
    bench = bench_of("abc", "b")
    bench.hold_after(1)
    older = asyncio.create_task(bench.ask("x = |"))
    await bench.held()
    newer = asyncio.create_task(bench.ask("x = q|"))
    await asyncio.sleep(0)
    older.cancel()
    with pytest.raises(asyncio.CancelledError):
        await older
    assert (await newer).outcome is Outcome.OFFERED


async def test_what_is_given_up_before_it_is_read_is_stopped(bench_of: BenchOf) -> None:
    bench = bench_of("a", "b")
    await bench.engine.info()
    # In one turn of the event loop: what reads the older one's text has not begun.
    older, newer = (asyncio.create_task(bench.ask(text)) for text in ("x = |", "y = |"))
    assert (await older).outcome is Outcome.SUPERSEDED
    assert (await newer).outcome is Outcome.OFFERED
    assert bench.stopped == 1


async def test_many_at_once(bench_of: BenchOf) -> None:
    bench = bench_of(*["a"] * 50)
    tasks = [asyncio.create_task(bench.ask("x = |", f"file:///{n % 3}.py")) for n in range(30)]
    for number in (4, 9, 29):
        tasks[number].cancel()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert len(bench.recorder.ended_ones) + sum(t.cancelled() for t in tasks) >= 30
    assert all(isinstance(end, asyncio.CancelledError) or end.outcome for end in ended)  # type: ignore[union-attr]
    assert bench.recorder.open == 0


@pytest.mark.parametrize(
    ("error", "outcome", "word"),
    [
        (EngineStartError("no model", "Get one."), Outcome.ENGINE_DOWN, "Get one"),
        (EngineGoneError("it died"), Outcome.ENGINE_DOWN, "it died"),
        (EngineError("odd"), Outcome.ENGINE_DOWN, "odd"),
        (BadRequestError("too large"), Outcome.FAILED, "too large"),
        (ValueError("secret text"), Outcome.FAILED, "ValueError"),
    ],
)
async def test_errors(error: Exception, outcome: Outcome, word: str, bench_of: BenchOf) -> None:
    bench = bench_of("a")
    bench.completer.prompts._provider = Raising(error)
    completion = await bench.ask("x = |")
    assert word in completion.detail
    assert "secret" not in completion.detail
    bench.completer.prompts._provider = bench.provider
    bench.provider.it = Raising(error)  # type: ignore[assignment]
    await bench.ask("x = |")
    bench.provider.it = bench.engine
    assert (await bench.ask("x = |")).outcome is Outcome.OFFERED
    check(bench, outcome, outcome, Outcome.OFFERED)


async def test_an_unreadable_script(bench_of: BenchOf, tmp_path: Path) -> None:
    bench = bench_of(1)
    assert "script" in (await bench.ask("x = |")).detail
    check(bench, Outcome.ENGINE_DOWN)


@pytest.mark.parametrize(
    ("settings", "outcome"),
    [
        (Settings(), Outcome.OFFERED),
        (Settings(enabled=False), Outcome.DISABLED),
        (Settings(languages_off=frozenset(["python"])), Outcome.DISABLED),
        (Settings(exclude=("*.py",)), Outcome.EXCLUDED),
        (Settings(max_tokens=1, debounce_ms=1), Outcome.OFFERED),
        (Settings(time_budget_ms=1e6, context_tokens=1), Outcome.OFFERED),
    ],
)
async def test_settings(settings: Settings, outcome: Outcome, bench_of: BenchOf) -> None:
    bench = bench_of("a")
    bench.settings = settings
    await bench.ask("x = |", trigger=Trigger.AUTOMATIC)
    check(bench, outcome)


async def test_typing_along_reuses_the_prompt(bench_of: BenchOf) -> None:
    bench = bench_of(*[""] * 20)
    text = "def f(a):\n    "
    fresh = []
    for char in "return compute(a, b)":
        text += char
        fresh.append((await bench.ask(text + "|\n\ndef g():\n    pass\n")).tokens.fresh)
    assert max(fresh[1:]) <= 2


async def test_a_request_is_announced_before_it_is_made(bench_of: BenchOf) -> None:
    bench = bench_of("abc")
    await bench.ask("x = |")
    assert bench.announced == [0]
    await bench.settled()
    before = len(bench.requests)
    # What is known already is not asked for, nor is work ahead announced.
    assert (await bench.ask("x = a|")).outcome is Outcome.CACHED
    await bench.settled()
    assert before > 1 and bench.announced == [0]


async def test_times_add_up(bench_of: BenchOf) -> None:
    ms = (await bench_of("a").ask("x = |")).ms
    assert ms.total == pytest.approx(ms.prefill + ms.decode + ms.overhead)


@pytest.mark.parametrize(
    ("path", "glob", "found"),
    [
        ("/a/b.py", "*.py", True),
        ("/a/b.pyc", "*.py", False),
        ("/a/gen/x/b.py", "gen", True),
        ("/a/gen/x/b.py", "gen/**", True),
        ("/a/gen/x/b.py", "gen/*.py", False),
        ("/a/gen/x/b.py", "gen/**/*.py", True),
        ("/a/gen/b.py", "gen/**/*.py", True),
        ("/a/b.ts", "*.{ts,js}", True),
        ("/a/b.ts", "?.ts", True),
        ("/a/b.ts", "[a-c].ts", True),
        ("/a/b.ts", "[!b].ts", False),
        ("/a/b.ts", "/a", True),
        ("/x/a/b.ts", "/a", False),
        ("/a/b.ts", "B.TS", True),
        ("/a/b(1).ts", "b(1).ts", True),
        ("/a/b.ts", "[", False),
        ("/a/b.ts", "{", False),
        ("/a/b.ts", "", False),
        ("/a/b.ts", "/", False),
    ],
)
def test_globs(path: str, glob: str, found: bool) -> None:
    assert matches(path, glob) is found


@pytest.mark.parametrize(
    ("uri", "excluded"),
    [
        ("file:///p/.env", True),
        ("file:///p/.env.local", True),
        ("file:///h/.cargo/credentials.toml", True),
        ("file:///p/terraform.tfstate", True),
        ("file:///h/.my.cnf", True),
        ("file:///p/environment.py", False),
        ("file:///p/id_rsa", True),
        ("file:///p/id_generator.py", False),
        ("file:///p/server.pem", True),
        ("file:///home/me/.aws/credentials", True),
        ("file:///c%3A/p/x.key", True),
        ("untitled:.env", True),
        ("git:/p/.env?ref", True),
        ("file:///p/keyboard.py", False),
        ("untitled:Untitled-1", False),
        ("", False),
    ],
)
def test_secrets_by_name(uri: str, excluded: bool) -> None:
    assert bool(reason_to_exclude(uri, "x")) is excluded


@pytest.mark.parametrize("context", [256, 1024, 2048, 4096, 16384, 100_000])
@pytest.mark.parametrize("wanted", [None, 128, 100_000])
def test_windows_fit_the_model(context: int, wanted: int | None) -> None:
    info = EngineInfo(1, "m", "", context, True, "", 3.0, 0.0, 1)
    budget = window_budget(info, wanted)
    # With the slack of an anchored prefix window and a suffix taken to the end.
    most_tokens = (budget.prefix_chars + budget.suffix_chars) * 1.25 / info.chars_per_token
    assert most_tokens <= context * 0.9
    assert budget.prefix_chars > budget.suffix_chars > 0
