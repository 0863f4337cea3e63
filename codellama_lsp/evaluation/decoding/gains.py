"""What drafts save where a trained model's text is written by a model of another size.

Two ways. By table: each batch size is timed on the other model, and the recorded texts are played
against those times with the engine's own decode loop and policy, which needs no evaluation, so that
many places can be played. Directly: the other model is made to write the same tokens, with drafts
and without; that says whether the table tells the truth.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence

import attrs

from codellama_lsp.engine.worker.backend import SAMPLE, LlamaBackend
from codellama_lsp.engine.worker.drafting import TablePolicy
from codellama_lsp.evaluation.decoding.drafts import Trace
from codellama_lsp.evaluation.decoding.runs import Forced, decode, play, request_at

_RESAMPLES = 2000
#: Those between are interpolated. The engine measures fewer of them when it loads a model.
_TIMED_SIZES = (1, 2, 3, 4, 6, 8, 12, 16)
Report = Callable[[int, int], None]


@attrs.define
class Played:
    """One place: seconds of its decoding, without drafts and with them."""

    trace: Trace
    plain_s: float
    drafted_s: float
    drafted: int = 0
    accepted: int = 0
    table_plain_s: float = 0.0
    """The same batches by the table, where the seconds were measured."""
    table_drafted_s: float = 0.0


def time_batches(backend: LlamaBackend, repeats: int, report: Report) -> dict[int, float]:
    """Least seconds of a batch by its size, as drafts have them, sizes in turns."""
    model, context, cache = backend.loaded()
    sample = model.encoder.infill(SAMPLE)
    sequence = cache.sequences  # no prompt uses it
    start = min(64, len(sample), context.batch_tokens)
    context.evaluate(sequence, 0, sample[:start])
    sizes = [size for size in _TIMED_SIZES if size <= context.batch_tokens]
    found: dict[int, list[float]] = {size: [] for size in sizes}
    for number in range(repeats + 1):
        for size in sizes:
            began_s = time.perf_counter()
            context.evaluate(sequence, start, [*sample, *sample][:size], all_logits=True)
            context.logits(size - 1)
            if number:  # the first round warms up
                found[size].append(time.perf_counter() - began_s)
            context.forget(sequence, start)
        report(number + 1, repeats + 1)
    context.forget(sequence, 0)
    return {size: min(seconds) for size, seconds in found.items()}


def play_by_table(
    trained: LlamaBackend, traces: Sequence[Trace], policy: TablePolicy, *,
    prompt_chars: int, seed: int, report: Report,
) -> list[Played]:  # fmt: skip
    """All traces in one random order; `policy` learns from each what it meets, as in an engine."""
    played: list[Played] = []
    for done, trace in enumerate(random.Random(seed).sample(traces, len(traces)), 1):
        place = trace.place
        request = request_at(
            place.file.text, place.offset, place.after, prompt_chars, len(trace.tokens)
        )
        run = play(trained, request, trace.tokens, policy)
        played.append(
            Played(
                trace,
                plain_s=policy.cost(1) * (len(trace.tokens) - 1),
                drafted_s=sum(map(policy.cost, run.batches)),
                drafted=run.spent.drafted,
                accepted=run.spent.accepted,
            )
        )
        report(done, len(traces))
    return played


def play_directly(
    backend: LlamaBackend,
    traces: Sequence[Trace],
    policy: TablePolicy,
    *,
    prompt_chars: int,
    rounds: int,
    report: Report,
    found: list[Played],
) -> None:
    """Add to `found` what `backend` takes, with drafts by `policy` and without."""
    for done, trace in enumerate(traces, 1):
        place = trace.place
        request = request_at(
            place.file.text, place.offset, place.after, prompt_chars, len(trace.tokens)
        )
        one = Played(trace, float("inf"), float("inf"))
        for number in range(rounds):
            for drafting in (False, True) if number % 2 == 0 else (True, False):
                run = decode(backend, request, Forced(trace.tokens), policy if drafting else None)
                table_s = sum(map(policy.cost, run.batches))
                if drafting:
                    one.drafted_s = min(one.drafted_s, run.seconds)
                    one.table_drafted_s = table_s
                    one.drafted, one.accepted = run.spent.drafted, run.spent.accepted
                else:
                    one.plain_s = min(one.plain_s, run.seconds)
                    one.table_plain_s = table_s
        found.append(one)
        report(done, len(traces))


def some_of_each(traces: Sequence[Trace], n: int, seed: int) -> list[Trace]:
    """`n` traces drawn at random, half of them of repetitive places as far as there are any."""
    rng = random.Random(seed)
    mixed = rng.sample(traces, len(traces))
    first = [trace for trace in mixed if trace.place.repetitive][: (n + 1) // 2]
    return [*first, *(trace for trace in mixed if not trace.place.repetitive)][:n]


def by_class(played: Sequence[Played]) -> dict[str, dict[str, object]]:
    """Both classes; a class's gain is that of all its places together, with a 95% interval."""
    answer: dict[str, dict[str, object]] = {}
    for name, repetitive in (("repetitive", True), ("others", False)):
        own = [one for one in played if one.trace.place.repetitive is repetitive]
        if not own:
            continue
        tokens = sum(len(one.trace.tokens) for one in own)
        wasted = sum(one.drafted - one.accepted for one in own)
        low, high = _interval(own)
        row: dict[str, object] = {
            "places": len(own),
            "tokens": tokens,
            "gain": round(_gain(own), 3),
            "gain_low": round(low, 3),
            "gain_high": round(high, 3),
            "drafted": sum(one.drafted for one in own),
            "accepted": sum(one.accepted for one in own),
            "wasted_per_token": round(wasted / tokens, 3),
        }
        if all(one.table_plain_s for one in own):
            by_table = sum(o.table_plain_s for o in own) / sum(o.table_drafted_s for o in own)
            row["gain_by_table"] = round(by_table, 3)
        answer[name] = row
    return answer


def written(traces: Sequence[Trace]) -> dict[str, object]:
    """What the trained model wrote: how often drafts changed its text, and came true."""
    answer: dict[str, object] = {
        "same": sum(trace.same == "same" for trace in traces),
        "ties": sum(trace.same == "tie" for trace in traces),
        "else": sum(trace.same == "else" for trace in traces),
    }
    for name, repetitive in (("repetitive", True), ("others", False)):
        own = [trace for trace in traces if trace.place.repetitive is repetitive]
        tried = sum(trace.tried for trace in own)
        if tried:
            answer[f"acceptance_{name}"] = round(sum(trace.kept for trace in own) / tried, 3)
    return answer


def _gain(played: Sequence[Played]) -> float:
    return sum(one.plain_s for one in played) / sum(one.drafted_s for one in played)


def _interval(played: Sequence[Played]) -> tuple[float, float]:
    """Percentile bootstrap over places, 95%."""
    rng = random.Random(0)
    gains = sorted(_gain(rng.choices(played, k=len(played))) for _ in range(_RESAMPLES))
    return gains[int(0.025 * _RESAMPLES)], gains[int(0.975 * _RESAMPLES) - 1]
