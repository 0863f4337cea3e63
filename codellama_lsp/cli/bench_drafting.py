"""``codellama-lsp bench drafting``: how often drafts come true, and what they save."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from codellama_lsp.cli.bench_common import (
    Progress,
    add_common,
    batch_ms,
    count,
    load_backend,
    model_path,
    positive,
    print_answer,
    source_files,
)

if TYPE_CHECKING:
    from codellama_lsp.engine.worker.backend import LlamaBackend
    from codellama_lsp.engine.worker.drafting import TablePolicy
    from codellama_lsp.evaluation.decoding.drafts import Trace


def register(benches: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the bench."""
    drafting = benches.add_parser(
        "drafting",
        help="how often drafts come true, and what they save",
        description="The embedded model writes at places in the given files. What it wrote is "
        "played against the chosen model's batch costs, with drafts and without, by the engine's "
        "own loop (by_table); at a few places the chosen model is made to write the same tokens "
        "(directly). A place is repetitive when what stands elsewhere in its file foretells most "
        "of what was taken out there.",
    )
    add_common(drafting, context_tokens=256, tokens=64, rounds=3)
    drafting.add_argument(
        "--n", type=positive, default=160, metavar="N", help="places (default 160)"
    )
    drafting.add_argument(
        "--repeats", type=positive, default=7, metavar="N", help="of each batch size (default 7)"
    )
    drafting.add_argument(
        "--directly", type=count, default=6, metavar="N", help="places, 0: none (default 6)"
    )
    drafting.add_argument(
        "--batch-ms",
        type=batch_ms,
        metavar="SIZE:MS,…",
        help="what batches cost, known from elsewhere; then the chosen model is not loaded",
    )
    drafting.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measure and print; an interrupt prints what there is so far."""
    from codellama_lsp.engine.worker.drafting import TablePolicy
    from codellama_lsp.engine.worker.speed import batch_costs
    from codellama_lsp.evaluation.decoding.gains import time_batches

    answer: dict[str, object] = {}
    code, name = 0, "batch costs as given"
    costs = batch_costs(args.batch_ms) if args.batch_ms else None
    backend: LlamaBackend | None = None
    try:
        if costs is None:
            backend = load_backend(model_path(args, needed_tokens=args.context_tokens), args)
            name = backend.info.model_name
            progress = Progress("batches", args.repeats + 1)
            costs = time_batches(backend, args.repeats, progress.step)
            progress.end()
        answer["batch_ms"] = {str(size): round(1000 * cost, 2) for size, cost in costs.items()}
        policy = TablePolicy(costs)
        traces = _by_table(args, policy, answer)
        if backend is not None and args.directly:
            _directly(args, backend, policy, traces, answer)
    except KeyboardInterrupt:
        code = 1
    finally:
        if backend is not None:
            backend.close()
    return print_answer(args, "drafting", name, answer) or code


def _by_table(
    args: argparse.Namespace, policy: TablePolicy, answer: dict[str, object]
) -> list[Trace]:
    from codellama_lsp.evaluation.decoding.drafts import find_places, write_traces
    from codellama_lsp.evaluation.decoding.gains import by_class, play_by_table, written
    from codellama_lsp.models.catalogue import EMBEDDED_PATH

    places = find_places(source_files(args), args.n, args.seed)
    trained = load_backend(EMBEDDED_PATH, args)
    prompt_chars = int(4 * args.context_tokens * trained.info.chars_per_token)
    progress = Progress("written places", len(places))
    try:
        traces = write_traces(
            trained, places, prompt_chars=prompt_chars, tokens=args.tokens, report=progress.step
        )
        answer["written"] = written(traces)
        progress.end()
        progress = Progress("played places", len(traces))
        played = play_by_table(
            trained,
            traces,
            policy,
            prompt_chars=prompt_chars,
            seed=args.seed,
            report=progress.step,
        )
        answer["by_table"] = by_class(played)
    finally:
        progress.end()
        trained.close()
    return traces


def _directly(
    args: argparse.Namespace,
    backend: LlamaBackend,
    policy: TablePolicy,
    traces: list[Trace],
    answer: dict[str, object],
) -> None:
    from codellama_lsp.evaluation.decoding.gains import (
        Played,
        by_class,
        play_directly,
        some_of_each,
    )

    chosen = some_of_each(traces, args.directly, args.seed)
    progress = Progress("places written directly", len(chosen))
    found: list[Played] = []
    try:
        play_directly(
            backend,
            chosen,
            policy,
            prompt_chars=int(args.context_tokens * backend.info.chars_per_token),
            rounds=args.rounds,
            report=progress.step,
            found=found,
        )
    finally:
        progress.end()
        answer["directly"] = by_class(found)
