"""Plays a trace through the shipped pipeline, one answer awaited per event."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterable

from codellama_lsp.completion.outcome import Outcome
from codellama_lsp.completion.pipeline import Completer
from codellama_lsp.completion.types import CompletionRequest, DocumentSnapshot
from codellama_lsp.engine.protocol import EngineError, GenerateResult
from codellama_lsp.evaluation.keystrokes.samples import Sample
from codellama_lsp.evaluation.keystrokes.traces import Event
from codellama_lsp.evaluation.keystrokes.watch import Watched, WatchedProvider

#: A pause between two keystrokes, in which work that nobody asked for may go on.
REST_S = 0.15


async def play(
    events: Iterable[Event], completer: Completer, watched: WatchedProvider
) -> AsyncIterator[tuple[Event, Sample]]:
    """The samples, in order; events that no model was asked about are left out.

    `completer` asks `watched` for its engine. Raises `EngineError` where the model fails.
    """
    for version, event in enumerate(events, 1):
        watched.begin()
        snapshot = DocumentSnapshot(event.uri, event.language_id, version, event.text)
        request = CompletionRequest(snapshot, event.offset, use_cache=False)
        started_s = time.perf_counter()
        completion = await completer.complete(request)
        total_ms = (time.perf_counter() - started_s) * 1000
        if completion.outcome in (Outcome.ENGINE_DOWN, Outcome.FAILED):
            raise EngineError(completion.detail or "a completion failed")
        seen = await watched.settle(REST_S)
        results = [(one, await one.result()) for one in seen]
        asked = [(one, result) for one, result in results if one.asked_for]
        if asked:
            unasked = [result for one, result in results if not one.asked_for]
            yield event, _sample(event, started_s, total_ms, asked, unasked)


def _sample(
    event: Event,
    started_s: float,
    total_ms: float,
    asked: list[tuple[Watched, GenerateResult]],
    unasked: list[GenerateResult],
) -> Sample:
    first, answer = asked[0]
    ahead = sum(result.tokens.evaluated for result in unasked)
    native_ms = sum(result.ms.native for _, result in asked)
    first_ms = total_ms if first.first_text_s is None else (first.first_text_s - started_s) * 1000
    return Sample(
        kind=event.kind,
        fresh_tokens=answer.tokens.before_text,
        ahead_tokens=ahead,
        first_token_ms=first_ms,
        overhead_ms=total_ms - native_ms,
        total_ms=total_ms,
        prompt_tokens=answer.tokens.prompt,
        generated_tokens=max(answer.tokens.generated - answer.tokens.healed, 0),
        all_tokens=ahead + sum(result.tokens.evaluated for _, result in asked),
    )
