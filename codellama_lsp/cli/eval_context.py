"""``codellama-lsp eval lift`` and ``eval recall``: what code of the workspace is worth."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from codellama_lsp.evaluation.lift import LiftAnswer, LiftRow
    from codellama_lsp.evaluation.recall import RecallRow
    from codellama_lsp.evaluation.references import Place


def register(benchmarks: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the benchmarks."""
    lift = benchmarks.add_parser(
        "lift",
        help="places whose answer another file holds: nothing, open tabs, text search and ours",
    )
    lift.add_argument("paths", nargs="+", type=Path, metavar="PACKAGE", help="folders")
    lift.add_argument("--model", metavar="NAME|PATH", help="a GGUF (default: as for serve)")
    lift.add_argument("--n", type=int, default=480, help="places, over all packages (480)")
    lift.add_argument("--seed", type=int, default=7)
    lift.add_argument("--placement", choices=["before", "prefix"], default="prefix")
    lift.add_argument("--budget", type=int, metavar="TOKENS", help="room for code of other files")
    lift.add_argument("--json", action="store_true", help="print JSON")
    lift.set_defaults(run=run_lift)
    recall = benchmarks.add_parser(
        "recall", help="how often the definition that is needed is chosen; no model"
    )
    recall.add_argument("paths", nargs="+", type=Path, metavar="PACKAGE", help="folders")
    recall.add_argument("--n", type=int, default=300, help="places in each package (300)")
    recall.add_argument("--seed", type=int, default=7)
    recall.add_argument("--json", action="store_true", help="print JSON")
    recall.set_defaults(run=run_recall)


def run_lift(args: argparse.Namespace) -> int:
    """Run it; an interrupt prints what was measured until then."""
    from codellama_lsp.engine.protocol import EngineError
    from codellama_lsp.evaluation.lift import lift_rows
    from codellama_lsp.models.catalogue import resolve_model

    found: dict[str, list[LiftAnswer]] = {}
    places: list[Place] = []
    try:
        model = resolve_model(args.model)
        asyncio.run(_lift(args, model.path, found, places))
        code = 0
    except KeyboardInterrupt:
        print("\ninterrupted; these are the places measured so far", file=sys.stderr)
        code = 1
    except (OSError, EngineError) as error:
        print(f"codellama-lsp eval: {error}", file=sys.stderr)
        return 1
    if not found:
        print("codellama-lsp eval: no place there needs another file", file=sys.stderr)
        return 1
    table = lift_rows(places, found)
    if args.json:
        import attrs

        rows = [attrs.asdict(row) for row in table]
        told = {"model": model.name, "seed": args.seed, "n": table[0].n}
        print(json.dumps({**told, "placement": args.placement, "rows": rows}, indent=1))
    else:
        print(_lift_text(table, model.name, args))
    return code


async def _lift(
    args: argparse.Namespace,
    model: Path,
    found: dict[str, list[LiftAnswer]],
    places: list[Place],
) -> None:
    from codellama_lsp.engine.spec import EngineSpec
    from codellama_lsp.engine.supervisor import EngineSupervisor
    from codellama_lsp.evaluation.lift import Bench, collect
    from codellama_lsp.evaluation.references import draw_places, library_of

    supervisor = EngineSupervisor(EngineSpec.of_model(model))
    try:
        await (await supervisor.engine()).info()
        share, rest = divmod(args.n, len(args.paths))
        for number, root in enumerate(args.paths):
            library = library_of(root)
            here = draw_places(root, library, share + (number < rest), args.seed)
            places += here
            bench = Bench(supervisor, library, root, placement=args.placement, tokens=args.budget)
            await collect(found, bench, here, _ticker(root.name, len(here)))
    finally:
        await supervisor.close()


def run_recall(args: argparse.Namespace) -> int:
    """Run it."""
    from codellama_lsp.evaluation.recall import recall_rows
    from codellama_lsp.evaluation.references import draw_places, library_of

    tables: dict[str, list[RecallRow]] = {}
    for root in args.paths:
        try:
            library = library_of(root)
        except OSError as error:
            print(f"codellama-lsp eval: {error}", file=sys.stderr)
            return 1
        places = draw_places(root, library, args.n, args.seed)
        tables[str(root)] = recall_rows(library, places, _ticker(root.name, len(places)))
    if args.json:
        import attrs

        packages = [
            {"package": name, "rows": [attrs.asdict(row) for row in table]}
            for name, table in tables.items()
        ]
        print(json.dumps({"seed": args.seed, "packages": packages}, indent=1))
    else:
        for name, table in tables.items():
            print(_recall_text(name, table))
    return 0


def _ticker(name: str, total: int) -> Callable[[int], None]:
    started = time.monotonic()

    def tick(done: int) -> None:
        if done % 5 and done != total:
            return
        left_s = (time.monotonic() - started) / done * (total - done)
        end = "\n" if done == total else ""
        line = f"\r{name}: {done} of {total} places, about {left_s:.0f} s left   "
        print(line, end=end, file=sys.stderr, flush=True)

    return tick


def _lift_text(table: Sequence[LiftRow], model: str, args: argparse.Namespace) -> str:
    lines = [
        f"lift: {table[0].n} places that need another file, model {model}, seed {args.seed}, "
        f"greedy, code of other files {args.placement}",
        "",
        f"{'':6} {'exact':>6}  {'right before':>12}  {'name':>6}  {'in prompt':>9}  {'tokens':>6}  "
        f"{'ours ahead, exact':>24}  {'ours ahead, right before':>24}",
    ]
    for row in table:
        exact, share = row.ours_ahead_exact_interval, row.ours_ahead_before_first_error_interval
        lines.append(
            f"{row.what:6} {100 * row.exact:5.1f}%  {100 * row.before_first_error:11.1f}%  "
            f"{100 * row.name:5.1f}%  {100 * row.name_in_prompt:8.1f}%  {row.prompt_tokens:6.0f}  "
            f"{_ahead(row.ours_ahead_exact, exact):>24}  "
            f"{_ahead(row.ours_ahead_before_first_error, share):>24}"
        )
    lines += [
        "",
        '"right before": mean share of characters before the first error; "name": the answer',
        'begins with the rest of the name; "in prompt": the code of other files has the name.',
        "Differences in points with 95% paired bootstrap intervals.",
    ]
    return "\n".join(lines)


def _ahead(value: float, interval: tuple[float, float]) -> str:
    low, high = (100 * v for v in interval)
    return f"{100 * value:+.1f} ({low:+.1f} to {high:+.1f})"


def _recall_text(name: str, table: Sequence[RecallRow]) -> str:
    lines = [f"recall in {name}", f"{'':6} {'language':16} {'budget':>6} {'n':>5}  definition"]
    for row in table:
        low, high = (100 * v for v in row.interval)
        lines.append(
            f"{row.what:6} {row.language:16} {row.budget_tokens:6} {row.n:5}  "
            f"{100 * row.definition:5.1f}% ({low:.1f} to {high:.1f}), "
            f"name anywhere {100 * row.name:.1f}%"
        )
    return "\n".join(lines)
