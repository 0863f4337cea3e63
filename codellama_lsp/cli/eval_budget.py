"""``codellama-lsp eval budget``: whether prompts keep to their budgets, in a model's tokens."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from codellama_lsp.evaluation.budgets import Fill


def register(benchmarks: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the benchmark."""
    budget = benchmarks.add_parser(
        "budget",
        help="whether code of other files keeps to its budget in the model's own tokens",
        description="Draws places as recall does, chooses for each, and builds the prompts that an "
        "engine builds of that, with a model's vocabulary and without evaluating anything. Exit "
        "status 1 where a prompt has more than its budget.",
    )
    budget.add_argument("paths", nargs="+", type=Path, metavar="PACKAGE", help="folders")
    budget.add_argument("--model", metavar="NAME|PATH", help="a GGUF (default: as for serve)")
    budget.add_argument("--n", type=int, default=40, help="places in each package (40)")
    budget.add_argument("--seed", type=int, default=7)
    budget.add_argument("--json", action="store_true", help="print JSON")
    budget.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run it."""
    import attrs

    from codellama_lsp.engine.protocol import EngineError
    from codellama_lsp.engine.worker.counting import vocabulary
    from codellama_lsp.evaluation.budgets import budget_rows, look
    from codellama_lsp.evaluation.references import draw_places, library_of
    from codellama_lsp.models.catalogue import resolve_model

    fills: list[Fill] = []
    try:
        words = vocabulary(resolve_model(args.model).path)
        for root in args.paths:
            places = draw_places(root, args.n, args.seed)
            fills += look(
                library_of(root), places, words.chars_per_token, words.count, words.prompt_tokens
            )
    except (OSError, ValueError, EngineError) as error:
        print(f"codellama-lsp eval: {error}", file=sys.stderr)
        return 1
    if not fills:
        print("codellama-lsp eval: no place there needs another file", file=sys.stderr)
        return 1
    rows = budget_rows(fills)
    if args.json:
        told = {"model": words.name, "seed": args.seed}
        print(json.dumps({**told, "rows": [attrs.asdict(row) for row in rows]}, indent=1))
    else:
        print(f"budget: code of other files in prompts, tokens of {words.name}, seed {args.seed}")
        print(
            f"{'budget':>8} {'places':>7} {'over':>5} {'fullest':>8} {'mean':>6}  too much chosen"
        )
        for row in rows:
            print(
                f"{row.budget_tokens:8} {row.n:7} {row.over:5} {100 * row.most:7.1f}% "
                f"{100 * row.mean:5.1f}%  at {row.left_out}, at most {100 * row.most_chosen:.1f}%"
            )
    return int(any(row.over for row in rows))
