"""How soon a request is evaluated that comes while a long prompt is."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Sequence
from statistics import median

import attrs

from codellama_lsp.engine.backend import Engine
from codellama_lsp.engine.protocol import (
    EngineInfo,
    GenerateRequest,
    GenerateResult,
    Priority,
    Segment,
)


@attrs.frozen
class Interruption:
    """One of them."""

    kind: str
    """"preempted": an unasked prefill made way; "replaced": it was given up for this request."""
    wait_ms: float
    """From asking until its evaluation began, as its client sees it."""
    long_tokens: int
    """Prompt tokens of what was interrupted."""
    done_tokens: int
    """Those that had been evaluated."""
    twice_tokens: int
    """Tokens evaluated for the long prompt beyond its length, when it was asked for again."""


async def interruptions(
    engine: Engine, text: str, *, prompt_tokens: int, rounds: int, seed: int
) -> AsyncIterator[Interruption]:
    """Interrupt prefills of `prompt_tokens`, each of text that the engine has not seen."""
    info = await engine.info()
    rng = random.Random(seed)
    for number in range(rounds):
        for kind in ("preempted", "replaced"):
            long = _long(text, info, prompt_tokens, f"{kind}{number}", kind)
            yield await _interrupt(engine, long, kind, number, info, rng)


async def _interrupt(
    engine: Engine,
    long: GenerateRequest,
    kind: str,
    number: int,
    info: EngineInfo,
    rng: random.Random,
) -> Interruption:
    first = engine.generate(long)
    speed = max(info.prefill_tokens_per_s, 1.0)
    expected_s = len(long.prefix.text) / info.chars_per_token / speed
    await asyncio.sleep(expected_s * rng.uniform(0.2, 0.6))
    # Its own prompt is short: what it waits for is measured, not what it costs.
    short = GenerateRequest(
        document=f"short-{kind}{number}",
        prefix=Segment(f"short-{kind}{number}", 1, f"# {kind} {number}\n" + "x = 1\n" * 8),
        suffix=Segment("none", 1, ""),
        heal=False,
        max_tokens=1,
    )
    began_s = time.perf_counter()
    if kind == "replaced":
        first.stop()
    answer = await engine.generate(short).result()
    total_ms = (time.perf_counter() - began_s) * 1000
    if kind == "replaced":
        before: GenerateResult = await first.result()
        again = await engine.generate(long).result()
        evaluated = before.tokens.evaluated + again.tokens.evaluated
        length, done = again.tokens.prompt, again.tokens.reused
    else:
        # It resumed by itself; its answer counts what came after the interruption.
        resumed = await first.result()
        evaluated, length, done = (
            resumed.tokens.prompt,
            resumed.tokens.prompt,
            resumed.tokens.reused,
        )
    return Interruption(
        kind,
        wait_ms=total_ms - answer.ms.prefill - answer.ms.decode,
        long_tokens=length,
        done_tokens=done,
        twice_tokens=max(evaluated - length, 0),
    )


def _long(text: str, info: EngineInfo, prompt_tokens: int, name: str, kind: str) -> GenerateRequest:
    chars = int(prompt_tokens * info.chars_per_token)
    body = (f"# {name}\n" + text * (1 + chars // len(text)))[:chars]
    return GenerateRequest(
        document=name,
        prefix=Segment(name, 1, body),
        suffix=Segment("none", 1, ""),
        heal=False,
        max_tokens=0,
        priority=Priority.WARM if kind == "preempted" else Priority.ASSIST,
    )


def summary(found: Sequence[Interruption]) -> dict[str, object]:
    """By kind: the waits' median and maximum, and the most tokens evaluated twice."""
    answer: dict[str, object] = {}
    for kind in ("preempted", "replaced"):
        own = [one for one in found if one.kind == kind]
        if own:
            answer[kind] = {
                "n": len(own),
                "wait_ms": round(median(one.wait_ms for one in own), 2),
                "wait_ms_max": round(max(one.wait_ms for one in own), 2),
                "prompt_tokens": own[0].long_tokens,
                "done_tokens": round(median(one.done_tokens for one in own)),
                "twice_tokens_max": max(one.twice_tokens for one in own),
            }
    return answer
