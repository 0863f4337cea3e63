"""Plays a trace through the shipped pipeline, one answer awaited per event."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable

import attrs

from codellama_lsp.completion.outcome import Outcome
from codellama_lsp.completion.pipeline import Completer
from codellama_lsp.completion.types import CompletionRequest, DocumentSnapshot
from codellama_lsp.engine.protocol import EngineError, GenerateResult
from codellama_lsp.evaluation.keystrokes.editor import EventClass
from codellama_lsp.evaluation.keystrokes.samples import Sample
from codellama_lsp.evaluation.keystrokes.traces import Event
from codellama_lsp.evaluation.keystrokes.watch import Watched, WatchedProvider

#: Whoever has gone elsewhere looks for so many keystrokes' time before typing.
_LOOKS = 5
_GONE_ELSEWHERE = (
    EventClass.OPEN,
    EventClass.JUMP,
    EventClass.SWITCH_FILE,
    EventClass.RETURN_TO_FILE,
    EventClass.PASTE,
)


async def play(
    events: Iterable[Event],
    completer: Completer,
    watched: WatchedProvider,
    pace_s: float = 0.0,
    saw: Callable[[Event], None] | None = None,
) -> AsyncIterator[tuple[Event, Sample]]:
    """The samples, in order; events that no model was asked about are left out.

    `completer` asks `watched` for its engine; `saw` hears of an event first. What an engine did
    unasked shows in its next answer and is added to the event before that. Raises `EngineError`
    where the model fails.
    """
    last: tuple[Event, Sample] | None = None
    for version, event in enumerate(events, 1):
        watched.begin()
        if saw is not None:
            saw(event)
        snapshot = DocumentSnapshot(event.uri, event.language_id, version, event.text)
        request = CompletionRequest(snapshot, event.offset, use_cache=False)
        started_s = time.perf_counter()
        completion = await completer.complete(request)
        total_ms = (time.perf_counter() - started_s) * 1000
        if completion.outcome in (Outcome.ENGINE_DOWN, Outcome.FAILED):
            raise EngineError(completion.detail or "a completion failed")
        await asyncio.sleep(pace_s * (_LOOKS if event.kind in _GONE_ELSEWHERE else 1))
        seen = await watched.settle(0.0)
        asked = [(one, await one.result()) for one in seen if one.asked_for]
        if not asked:
            continue
        if last is not None:
            yield last[0], _with_ahead(last[1], sum(result.tokens.ahead for _, result in asked))
        native_ms = sum([await one.native_ms() for one, _ in asked])
        last = event, _sample(event, started_s, total_ms, native_ms, asked)
    if last is not None:
        yield last


def _with_ahead(sample: Sample, tokens: int) -> Sample:
    return attrs.evolve(sample, ahead_tokens=tokens, all_tokens=sample.all_tokens + tokens)


def _sample(
    event: Event,
    started_s: float,
    total_ms: float,
    native_ms: float,
    asked: list[tuple[Watched, GenerateResult]],
) -> Sample:
    first, answer = asked[0]
    first_ms = total_ms if first.first_text_s is None else (first.first_text_s - started_s) * 1000
    return Sample(
        kind=event.kind,
        fresh_tokens=answer.tokens.before_text,
        ahead_tokens=0,
        first_token_ms=first_ms,
        overhead_ms=total_ms - native_ms,
        first_overhead_ms=first_ms - answer.ms.native_before_text,
        total_ms=total_ms,
        prompt_tokens=answer.tokens.prompt,
        generated_tokens=max(answer.tokens.generated - answer.tokens.healed, 0),
        all_tokens=sum(result.tokens.evaluated for _, result in asked),
        drafted_tokens=sum(result.tokens.drafted for _, result in asked),
        accepted_tokens=sum(result.tokens.accepted for _, result in asked),
    )
