"""``codellama-lsp eval``: benchmarks of what the shipped pipeline gets right."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from codellama_lsp.cli import eval_budget, eval_context

if TYPE_CHECKING:
    from codellama_lsp.evaluation.positions import Position
    from codellama_lsp.evaluation.rest_of_line import Row

_BAR_CHARS = 24


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    parser = subparsers.add_parser("eval", help="measure what the model and the pipeline get right")
    benchmarks = parser.add_subparsers(dest="benchmark", required=True, metavar="BENCHMARK")
    rest = benchmarks.add_parser(
        "rest-of-line",
        help="remove the tail of random lines and ask for it, beside a copier without a model",
    )
    rest.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="files or folders")
    rest.add_argument("--model", metavar="NAME|PATH", help="a GGUF (default: as for serve)")
    rest.add_argument("--n", type=_positive, default=1000, help="positions (default 1000)")
    rest.add_argument("--seed", type=int, default=7)
    rest.add_argument("--json", action="store_true", help="print JSON")
    rest.set_defaults(run=run)
    eval_context.register(benchmarks)
    eval_budget.register(benchmarks)


def run(args: argparse.Namespace) -> int:
    """Run the benchmark; an interrupt prints what was measured until then."""
    from codellama_lsp.engine.protocol import EngineError
    from codellama_lsp.evaluation.positions import draw, source_files
    from codellama_lsp.evaluation.rest_of_line import rows
    from codellama_lsp.models.catalogue import resolve_model

    try:
        positions = draw(source_files(args.paths), args.n, args.seed)
        model = resolve_model(args.model)
    except (OSError, ValueError, EngineError) as error:
        print(f"codellama-lsp eval: {error}", file=sys.stderr)
        return 1
    found: dict[str, list[str]] = {}
    code = 0
    try:
        asyncio.run(_collect(found, positions, model.path))
    except KeyboardInterrupt:
        print("\ninterrupted; these are the positions measured so far", file=sys.stderr)
        code = 1
    except EngineError as error:
        print(f"codellama-lsp eval: {error}", file=sys.stderr)
        return 1
    if not found:
        return 1
    table = rows(positions, found)
    if args.json:
        print(json.dumps(_as_json(table, model.name, args.seed), indent=1))
    else:
        print(_as_text(table, model.name, args.seed))
    return code


async def _collect(found: dict[str, list[str]], positions: Sequence[Position], model: Path) -> None:
    from codellama_lsp.completion.pipeline import Completer
    from codellama_lsp.engine.spec import EngineSpec
    from codellama_lsp.engine.supervisor import EngineSupervisor
    from codellama_lsp.evaluation.rest_of_line import collect

    supervisor = EngineSupervisor(EngineSpec.of_model(model))
    started = time.monotonic()

    def tick(done: int) -> None:
        if done % 10 and done != len(positions):
            return
        left_s = (time.monotonic() - started) / done * (len(positions) - done)
        end = "\n" if done == len(positions) else ""
        line = f"\r{done} of {len(positions)} positions, about {left_s:.0f} s left   "
        print(line, end=end, file=sys.stderr, flush=True)

    try:
        # A model that cannot be loaded is one clear error, not a thousand empty answers.
        await (await supervisor.engine()).info()
        await collect(found, Completer(supervisor), positions, tick)
    finally:
        await supervisor.close()


def _as_json(table: Sequence[Row], model: str, seed: int) -> dict[str, object]:
    import attrs

    n = max((row.n for row in table), default=0)
    return {"model": model, "seed": seed, "n": n, "rows": [attrs.asdict(row) for row in table]}


def _as_text(table: Sequence[Row], model: str, seed: int) -> str:
    n = max((row.n for row in table), default=0)
    lines = [
        f"rest of line: {n} positions, model {model}, seed {seed}, greedy",
        "",
        f"{'':12} {'where':9} {'n':>5}  {'exact':>6} {'95%':>13}  "
        f"{'right before':>12}  {'ahead of copier':>23}",
    ]
    for row in table:
        low, high = (100 * v for v in row.interval)
        ahead_low, ahead_high = (100 * v for v in row.ahead_interval)
        bar = "█" * round(_BAR_CHARS * row.exact)
        lines.append(
            f"{row.what:12} {row.where:9} {row.n:5}  {100 * row.exact:5.1f}% "
            f"{low:5.1f} – {high:5.1f}  {100 * row.before_first_error:11.1f}%  "
            f"{100 * row.ahead_of_copier:+6.1f} ({ahead_low:+5.1f} to {ahead_high:+5.1f})  {bar}"
        )
    lines += ["", '"right before": mean share of characters before the first error']
    return "\n".join(lines)


def _positive(text: str) -> int:
    value = int(text) if text.isdigit() else 0
    if value < 1:
        raise argparse.ArgumentTypeError("wants a whole number above 0")
    return value
