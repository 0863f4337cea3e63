"""When suggestions count as slow, why, and that the verdict does not flicker."""

from __future__ import annotations

import pytest

from codellama_lsp.completion.outcome import Outcome
from codellama_lsp.completion.types import Completion, CompletionTimings
from codellama_lsp.engine.protocol import TokenCounts
from codellama_lsp.telemetry.pace import Pace, Power

LIMIT_MS = 1000.0


def answered(
    ms: float,
    *,
    prefill: float = 0.0,
    queued: float = 0.0,
    fresh: int = 0,
    generated: int = 10,
    outcome: Outcome = Outcome.OFFERED,
) -> Completion:
    """The model took `ms`, so much of it for reading and waiting."""
    times = CompletionTimings(
        total=ms, prefill=prefill, decode=ms - prefill - queued, queued=queued
    )
    return Completion(outcome, tokens=TokenCounts(fresh=fresh, generated=generated), ms=times)


def given_up(ms: float) -> Completion:
    return Completion(Outcome.SUPERSEDED, ms=CompletionTimings(total=ms, overhead=ms))


CACHED = Completion(Outcome.CACHED, ms=CompletionTimings(total=0.2, overhead=0.2))
FAST, MIDDLE, SLOW = answered(200), answered(900), answered(3000)

# name: (how requests ended, whether that is slow)
VERDICTS: dict[str, tuple[list[Completion], bool]] = {
    "nothing yet": ([], False),
    "fast": ([FAST] * 9, False),
    "two slow ones are no habit": ([SLOW] * 2, False),
    "three slow ones": ([SLOW] * 3, True),
    "the first one reads the file": ([SLOW, FAST, FAST, FAST], False),
    "one in between": ([FAST, FAST, SLOW, FAST, SLOW, FAST], False),
    "most of the last five": ([FAST, FAST, SLOW, SLOW, SLOW], True),
    "what was known says nothing": ([SLOW, CACHED, SLOW, CACHED, SLOW, *[CACHED] * 9], True),
    "a little better is not good": ([SLOW] * 5 + [MIDDLE] * 9, True),
    "and not bad either": ([FAST] * 5 + [MIDDLE] * 9, False),
    "good again": ([SLOW] * 5 + [FAST] * 3, False),
    "typing on before it answers": ([given_up(1500)] * 3, True),
    "typing fast": ([given_up(80)] * 50, False),
    "given up early proves nothing": ([SLOW] * 3 + [given_up(80)] * 50, True),
    "nothing came of it": ([answered(3000, outcome=Outcome.EMPTY)] * 3, True),
    "out of time": ([answered(3000, outcome=Outcome.TIMED_OUT)] * 3, True),
    "errors say nothing": ([Completion(Outcome.ENGINE_DOWN)] * 9, False),
}


@pytest.mark.parametrize("name", VERDICTS)
def test_verdicts(name: str) -> None:
    ended, slow = VERDICTS[name]
    pace = Pace()
    for completion in ended:
        pace.ended(completion, LIMIT_MS)
    assert (pace.slow is not None) is slow
    never = Pace()
    for completion in ended:
        never.ended(completion, 0)
    assert never.slow is None


READING = answered(3000, prefill=2500, fresh=500)

# name: (an ending, the machine, words of the message, words of the remedy)
REASONS: dict[str, tuple[Completion, Power, str, str]] = {
    "reading": (READING, Power(), "reads 200 tokens/s of context", "Set `context_tokens` to 128"),
    "reading, faster": (
        answered(3000, prefill=2500, fresh=2500),
        Power(),
        "reads 1000 tokens/s",
        "`context_tokens` to 500",
    ),
    "writing": (answered(4000, generated=20), Power(), "writes 5.0 tokens/s", "`max_tokens` to 4"),
    "battery": (READING, Power(on_battery=True), "runs on its battery", "Plug it in"),
    "saving": (READING, Power(saves_power=True), "set to save power", "power profile"),
    "loaded": (READING, Power(loaded_by_others=True), "other programs", "until they are done"),
    "shared": (
        answered(3000, queued=2000),
        Power(on_battery=True),
        "2.0 s of it they wait for other windows",
        "codellama.toggle",
    ),
    "unknown": (given_up(3000), Power(), "slower than you type", "`context_tokens`"),
}


@pytest.mark.parametrize("name", REASONS)
def test_reasons(name: str) -> None:
    completion, power, message, remedy = REASONS[name]
    pace = Pace(lambda: power)
    for _ in range(3):
        pace.ended(completion, LIMIT_MS)
    assert pace.slow is not None
    assert pace.slow.message.startswith("suggestions take ")
    assert message in pace.slow.message
    assert remedy in pace.slow.remedy
    assert "`model`" in pace.slow.remedy


def test_what_is_told_stays_for_a_minute() -> None:
    now = [0.0]
    pace = Pace(clock=lambda: now[0])
    for _ in range(3):
        pace.ended(SLOW, LIMIT_MS)
    first = pace.slow
    for ms in (2500, 2600, 2700, 2800, 2900):
        now[0] += 10
        pace.ended(answered(ms), LIMIT_MS)
        assert pace.slow is first
    now[0] += 10
    pace.ended(answered(2700), LIMIT_MS)
    assert pace.slow is not first
    assert pace.slow is not None and "2.7 s" in pace.slow.message


def test_another_model_starts_anew() -> None:
    pace = Pace()
    for _ in range(3):
        pace.ended(SLOW, LIMIT_MS)
    pace.forget()
    pace.ended(SLOW, LIMIT_MS)
    assert pace.slow is None
