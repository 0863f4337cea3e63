"""Engines that die in the middle of a request: again on the next one, then an end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from codellama_lsp.completion.outcome import Outcome
from codellama_lsp.config.settings import Settings
from codellama_lsp.engine.backend import Engine, Generation
from codellama_lsp.engine.protocol import (
    BadRequestError,
    EngineGoneError,
    EngineInfo,
    GenerateRequest,
    GenerateResult,
    Priority,
)

from .conftest import Bench, BenchOf


class Dying:
    """A generation that says something, perhaps, and fails."""

    def __init__(self, said: str, error: Exception) -> None:
        self._said, self._error = said, error

    async def __aiter__(self) -> AsyncIterator[str]:
        if self._said:
            yield self._said
        raise self._error

    async def result(self) -> GenerateResult:
        raise self._error

    async def so_far(self) -> GenerateResult:
        raise self._error

    def stop(self) -> None:
        pass


class Mortal:
    """A provider whose engines end as listed, each with its model's info or a generation."""

    def __init__(self, bench: Bench, deaths: list[tuple[str, Exception]], load_s: float) -> None:
        self._inner, self._deaths, self._load_s = bench.provider, deaths, load_s
        self.started = 0
        self.asked: list[GenerateRequest] = []

    async def engine(self) -> Engine:
        self.started += 1
        if self.started > 1:
            await asyncio.sleep(self._load_s)
        return self  # type: ignore[return-value]

    async def info(self) -> EngineInfo:
        if self._deaths and self._deaths[0][0] == "loading":
            raise self._deaths.pop(0)[1]
        return await (await self._inner.engine()).info()

    def generate(self, request: GenerateRequest) -> Generation:
        self.asked.append(request)
        if self._deaths and request.priority is Priority.VISIBLE:
            return Dying(*self._deaths.pop(0))
        return self._inner.it.generate(request)

    def expect(self) -> None:
        pass


GONE, REFUSED = EngineGoneError("it died"), BadRequestError("it crashed on this text")

# name: (deaths, outcome, text, detail, visible generations)
DEATHS: dict[str, tuple[list[tuple[str, Exception]], Outcome, str, str, int]] = {
    "none": ([], Outcome.OFFERED, "compute(1)", "", 1),
    "before any text": ([("", GONE)], Outcome.OFFERED, "compute(1)", "", 2),
    "after some text": ([("comp", GONE)], Outcome.OFFERED, "compute(1)", "", 2),
    "after the whole of it": ([("total\nz", GONE)], Outcome.OFFERED, "total", "", 1),
    "while it loads": ([("loading", GONE)], Outcome.OFFERED, "compute(1)", "", 1),
    "three times": ([("", GONE), ("co", GONE), ("", GONE)], Outcome.OFFERED, "compute(1)", "", 4),
    "again and again": ([("", GONE), ("co", GONE)] * 4, Outcome.ENGINE_DOWN, "", "it died", 6),
    "loading again": ([("loading", GONE)] * 2 + [("", GONE)], Outcome.OFFERED, "compute(1)", "", 2),
    "always loading": ([("loading", GONE)] * 9, Outcome.ENGINE_DOWN, "", "it died", 0),
    "refused at last": ([("", GONE)] * 3 + [("", REFUSED)], Outcome.FAILED, "", "crashed on", 4),
    "refused then": ([("", GONE), ("", REFUSED)], Outcome.FAILED, "", "crashed on this text", 2),
    "refused": ([("", REFUSED)], Outcome.FAILED, "", "crashed on this text", 1),
}


@pytest.mark.parametrize("name", DEATHS)
async def test_deaths(name: str, bench_of: BenchOf) -> None:
    deaths, outcome, text, detail, generations = DEATHS[name]
    bench = bench_of("compute(1)")
    bench.settings = Settings(speculate=False)
    mortal = Mortal(bench, list(deaths), 0.0)
    bench.completer.prompts._provider = mortal
    completion = await bench.ask("x = |\ny = 2\n")
    assert completion.outcome is outcome
    assert "".join(item.text for item in completion.items) == text
    assert detail in completion.detail
    assert len(mortal.asked) == generations
    # The same prompt, so that a journal of crashes knows it again.
    assert len({(r.prefix.text, r.suffix.text, r.context) for r in mortal.asked}) == min(
        generations, 1
    )
    assert (len(bench.recorder.ended_ones), bench.recorder.open) == (1, 0)


@pytest.mark.parametrize(
    ("said", "budget_ms", "load_s", "outcome"),
    [
        ("co", 50, 30.0, Outcome.TIMED_OUT),
        ("co", 60_000, 0.0, Outcome.OFFERED),
        # Before the first text nothing of the budget is spent.
        ("", 10, 0.05, Outcome.OFFERED),
    ],
)
async def test_the_time_budget_holds_for_both_tries(
    said: str, budget_ms: int, load_s: float, outcome: Outcome, bench_of: BenchOf
) -> None:
    bench = bench_of("compute(1)")
    bench.settings = Settings(speculate=False, time_budget_ms=budget_ms)
    mortal = Mortal(bench, [(said, GONE)], load_s)
    bench.completer.prompts._provider = mortal
    assert (await bench.ask("x = |\n")).outcome is outcome
    budgets = [request.time_budget_ms or 0 for request in mortal.asked]
    assert budgets[-1] <= budget_ms
    assert len(budgets) == (1 if outcome is Outcome.TIMED_OUT else 2)


async def test_what_nobody_asked_for_is_not_tried_again(bench_of: BenchOf) -> None:
    bench = bench_of("compute(1)")
    generated: list[Priority] = []
    inner = bench.provider.it

    class Ahead:
        info = staticmethod(inner.info)
        expect = staticmethod(inner.expect)

        def generate(self, request: GenerateRequest) -> Generation:
            generated.append(request.priority)
            if request.priority is Priority.SPECULATIVE:
                return Dying("", GONE)
            return inner.generate(request)

    bench.provider.it = Ahead()  # type: ignore[assignment]
    await bench.ask("x = |\n")
    await bench.settled()
    assert generated == [Priority.VISIBLE, Priority.SPECULATIVE]
