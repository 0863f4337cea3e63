"""How soon a request is evaluated that comes while a long prompt is; what becomes of that one."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from statistics import median

import attrs

from codellama_lsp.engine.backend import Engine, Generation
from codellama_lsp.engine.protocol import (
    EngineInfo,
    Finish,
    GenerateRequest,
    GenerateResult,
    Priority,
    Segment,
)

#: "preempted": an unasked prefill makes way; "replaced": one is given up for the new request.
KINDS = ("preempted", "replaced")
#: The request comes so long after the prefill began, in seconds, and within this share of it.
_AFTER_S = (1.0, 5.0)
_SHARE = (0.2, 0.6)
#: A prefill that was over sooner than its speed promised is tried again, so often.
_TRIES = 5
#: Of a model's context, what a prompt fills at most; its length is an estimate.
_FITS = 0.75


@attrs.frozen
class Interruption:
    """One of them, in milliseconds."""

    kind: str
    wait_ms: float
    """From the request's arrival in the engine until its first tokens go to llama.cpp."""
    client_wait_ms: float
    """From asking until then, as its client sees it."""
    long_tokens: int
    """Prompt tokens of what was interrupted; 0 where it was still waiting to go on."""


@attrs.frozen
class Resumption:
    """What was interrupted, to its end; all in tokens of its prompt."""

    kind: str
    long_tokens: int
    kept_tokens: int
    """There already when it went on."""
    twice_tokens: int
    """Given to llama.cpp beyond the prompt's length, over both attempts."""


@attrs.define
class _Pair:
    """A long prompt, what was asked meanwhile, and what came of both."""

    kind: str
    long: GenerateRequest
    first: Generation
    answer: GenerateResult
    total_ms: float
    """Of the answer, as its client sees it."""


class Interrupter:
    """Interrupts prefills of `prompt_tokens`, each of text that the engine has not seen."""

    def __init__(self, engine: Engine, info: EngineInfo, text: str, tokens: int, seed: int) -> None:
        self._engine = engine
        self._info = info
        self._text = text
        # A prompt that is cut to fit would lose the beginning that makes it a new one.
        self._tokens = tokens = min(tokens, int(info.context_tokens * _FITS))
        self._rng = random.Random(seed)
        self._asked = 0
        self.prefill_s = tokens / max(info.prefill_tokens_per_s, 1.0)
        """About how long a prompt takes."""
        self._common = tokens
        """Tokens that all prompts begin with."""

    async def interrupt(self, kind: str) -> Interruption:
        """One of `kind`; what was interrupted is given up, so that this takes seconds anywhere."""
        for _ in range(_TRIES):
            pair = await self._ask(kind)
            pair.first.stop()
            given_up = await pair.first.result()
            if self._was_broken_off(given_up):
                break
        answer = pair.answer
        return Interruption(
            kind,
            wait_ms=answer.ms.queued + answer.ms.prepare,
            client_wait_ms=pair.total_ms - answer.ms.prefill - answer.ms.decode,
            long_tokens=given_up.tokens.prompt,
        )

    async def resume(self, kind: str) -> Resumption | None:
        """One of `kind`, and what was interrupted to its end; None: it was over too soon."""
        for _ in range(_TRIES):
            pair = await self._ask(kind)
            before = await pair.first.result()
            if kind == "replaced":
                if not self._was_broken_off(before):
                    continue
                after = await self._engine.generate(pair.long).result()
                first = before.tokens.evaluated
            else:
                # It resumed by itself; what it took before is counted as unasked work.
                after, first = before, pair.answer.tokens.ahead
                if after.tokens.reused >= after.tokens.prompt - 1:
                    continue
            return Resumption(
                kind,
                long_tokens=after.tokens.prompt,
                kept_tokens=after.tokens.reused,
                twice_tokens=first + after.tokens.evaluated + self._common - after.tokens.prompt,
            )
        return None

    def _was_broken_off(self, result: GenerateResult) -> bool:
        """Whether the prefill was interrupted; its speed is known better now."""
        fresh, missing = result.tokens.fresh, result.tokens.prompt - result.tokens.reused
        if fresh:
            self.prefill_s = result.ms.prefill / 1000 * missing / fresh
        return any(one.finish is Finish.CANCELLED for one in result.candidates)

    async def _ask(self, kind: str) -> _Pair:
        self._asked += 1
        name = f"L{self._asked}_{kind}"
        long = self._long(name, kind)
        first = self._engine.generate(long)
        least_s, most_s = (
            min(limit_s, self.prefill_s * share)
            for limit_s, share in zip(_AFTER_S, _SHARE, strict=True)
        )
        await asyncio.sleep(self._rng.uniform(least_s, most_s))
        # Its own prompt is short: what it waits for is measured, not what it costs.
        short = GenerateRequest(
            document=f"{name}-short",
            prefix=Segment(f"{name}-short", 1, f"# short {self._asked}\n" + "x = 1\n" * 8),
            suffix=Segment("none", 1, ""),
            heal=False,
            max_tokens=1,
        )
        began_s = time.perf_counter()
        if kind == "replaced":
            first.stop()
        answer = await self._engine.generate(short).result()
        # The very first of these shares nothing else with what was there.
        self._common = min(self._common, answer.tokens.reused)
        return _Pair(kind, long, first, answer, (time.perf_counter() - began_s) * 1000)

    def _long(self, name: str, kind: str) -> GenerateRequest:
        chars = int(self._tokens * self._info.chars_per_token)
        text = self._text
        body = (f"{name}\n" + text * (1 + chars // len(text)))[:chars]
        return GenerateRequest(
            document=name,
            prefix=Segment(name, 1, body),
            suffix=Segment("none", 1, ""),
            heal=False,
            max_tokens=0,
            priority=Priority.WARM if kind == "preempted" else Priority.ASSIST,
        )


def summary(found: Sequence[Interruption], resumed: Sequence[Resumption]) -> dict[str, object]:
    """By kind: the waits' median and maximum; of those that went on, what was evaluated twice."""
    answer: dict[str, object] = {}
    for kind in KINDS:
        own = [one for one in found if one.kind == kind]
        again = [one for one in resumed if one.kind == kind]
        row: dict[str, object] = {}
        if own:
            row = {
                "n": len(own),
                "wait_ms": round(median(one.wait_ms for one in own), 2),
                "wait_ms_max": round(max(one.wait_ms for one in own), 2),
                "client_wait_ms": round(median(one.client_wait_ms for one in own), 2),
                "client_wait_ms_max": round(max(one.client_wait_ms for one in own), 2),
                "prompt_tokens": max(one.long_tokens for one in own),
            }
        if again:
            row |= {
                "resumed": len(again),
                "kept_tokens": round(median(one.kept_tokens for one in again)),
                "twice_tokens_max": max(one.twice_tokens for one in again),
            }
        if row:
            answer[kind] = row
    return answer
