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
    from codellama_lsp.evaluation.recall import Hit, RecallRow
    from codellama_lsp.evaluation.references import Place


#: Places drawn in a package before those are left out that stand too near what they need.
_MOST_DRAWN = 4000


def register(benchmarks: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the benchmarks."""
    lift = benchmarks.add_parser(
        "lift",
        help="places whose answer another file holds: nothing, open tabs, text search and ours",
        description="Asks the same places with nothing, open tabs, text search and our choice of "
        "code in the prompt. Prompts are equally long, in the model's own tokens: every contender "
        "fills the room for code of other files with the next best of its kind, and 'none' gets "
        "larger windows of the file itself instead. Our choice is also asked in the other place.",
    )
    lift.add_argument("paths", nargs="+", type=Path, metavar="PACKAGE", help="folders")
    lift.add_argument("--model", metavar="NAME|PATH", help="a GGUF (default: as for serve)")
    lift.add_argument("--n", type=int, default=480, help="places, over all packages (480)")
    lift.add_argument("--seed", type=int, default=7)
    lift.add_argument(
        "--placement",
        choices=["before", "prefix"],
        default="before",
        help="where code of other files stands: before PRE (default) or inside the prefix",
    )
    lift.add_argument("--budget", type=int, metavar="TOKENS", help="room for code of other files")
    lift.add_argument(
        "--keep",
        type=Path,
        metavar="FILE",
        help="write every answer there; with the same FILE, an interrupted run goes on",
    )
    lift.add_argument("--json", action="store_true", help="print JSON")
    lift.set_defaults(run=run_lift)
    recall = benchmarks.add_parser(
        "recall", help="how often the definition that is needed is chosen; no model"
    )
    recall.add_argument("paths", nargs="+", type=Path, metavar="PACKAGE", help="folders")
    recall.add_argument("--n", type=int, default=300, help="places in each package (300)")
    recall.add_argument("--seed", type=int, default=7)
    recall.add_argument(
        "--language", metavar="ID", help="in files of this language alone (python, cpp, …)"
    )
    recall.add_argument(
        "--misses", type=int, default=0, metavar="N", help="tell N places that ours missed"
    )
    recall.add_argument("--json", action="store_true", help="print JSON")
    recall.set_defaults(run=run_recall)
    needle = benchmarks.add_parser(
        "needle",
        help="one definition among thousands much like it, reached by a reference alone",
        description="Makes up a workspace, every name in it drawn, and chooses at cursors whose "
        "code refers to one of its definitions: is it chosen at every budget, and is the text "
        "within the budget in the model's own tokens? Exit status 1 where it is not.",
    )
    needle.add_argument("--model", metavar="NAME|PATH", help="a GGUF (default: as for serve)")
    needle.add_argument("--definitions", type=int, default=10_000, metavar="N", help="(10000)")
    needle.add_argument("--seed", type=int, default=7)
    needle.add_argument("--json", action="store_true", help="print JSON")
    needle.set_defaults(run=run_needle)


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
    from codellama_lsp.engine.worker.counting import vocabulary
    from codellama_lsp.evaluation.lift import Bench, Kept, collect
    from codellama_lsp.evaluation.references import draw_places, library_of

    count, kept = vocabulary(model).count, Kept(args.keep)
    supervisor = EngineSupervisor(EngineSpec.of_model(model))
    try:
        await (await supervisor.engine()).info()
        drawn = {root: draw_places(root, _MOST_DRAWN, args.seed) for root in args.paths}
        # The packages with the fewest places first: what they lack, the others give.
        for number, root in enumerate(sorted(args.paths, key=lambda root: len(drawn[root]))):
            n = (args.n - len(places)) // (len(args.paths) - number)
            library = library_of(root)
            bench = Bench(
                supervisor, library, root, count, placement=args.placement, tokens=args.budget
            )
            tick = _ticker(root.name, n)
            await collect(found, places, bench, drawn[root], n, tick, kept)
    finally:
        await supervisor.close()


def run_recall(args: argparse.Namespace) -> int:
    """Run it; an interrupt prints what was measured until then."""
    from codellama_lsp.evaluation.recall import look
    from codellama_lsp.evaluation.references import draw_places, library_of

    found: dict[str, list[Hit]] = {}
    code = 0
    try:
        for root in args.paths:
            library = library_of(root)
            places = draw_places(root, args.n, args.seed, args.language)
            if not places:
                print(f"{root.name}: no place there needs another file", file=sys.stderr)
                continue
            look(library, places, found.setdefault(root.name, []), _ticker(root.name, len(places)))
    except KeyboardInterrupt:
        print("\ninterrupted; these are the places measured so far", file=sys.stderr)
        code = 1
    except OSError as error:
        print(f"codellama-lsp eval: {error}", file=sys.stderr)
        return 1
    hits = [hit for here in found.values() for hit in here]
    if not hits:
        print("codellama-lsp eval: no place there needs another file", file=sys.stderr)
        return 1
    for number, hit in enumerate(_missed(hits, args.misses)):
        place = hit.place
        line = place.text[place.text.rfind("\n", 0, place.offset) + 1 : place.offset].strip()
        told = ", ".join(f"{path}: {wanted}" for path, wanted in place.targets)
        print(f"{number + 1}. {place.path}: {line}|{place.rest}\n   {told}", file=sys.stderr)
    rows = {name: recall_rows_of(here) for name, here in found.items()}
    table = recall_rows_of(hits)
    if args.json:
        import attrs

        packages = [
            {"package": name, "rows": [attrs.asdict(row) for row in of]}
            for name, of in rows.items()
        ]
        languages = [attrs.asdict(row) for row in table]
        print(json.dumps({"seed": args.seed, "languages": languages, "packages": packages}))
    else:
        print(_recall_text(table))
    return code


def run_needle(args: argparse.Namespace) -> int:
    """Run it."""
    import tempfile

    from codellama_lsp.engine.protocol import EngineError
    from codellama_lsp.engine.worker.counting import vocabulary
    from codellama_lsp.evaluation.needle import look, make
    from codellama_lsp.evaluation.references import library_of
    from codellama_lsp.models.catalogue import resolve_model

    try:
        words = vocabulary(resolve_model(args.model).path)
        with tempfile.TemporaryDirectory(prefix="needle-") as folder:
            needles = make(Path(folder), args.definitions, args.seed)
            library = library_of(Path(folder))
            rows = [
                r for n in needles for r in look(library, n, words.chars_per_token, words.count)
            ]
    except (OSError, ValueError, EngineError) as error:
        print(f"codellama-lsp eval: {error}", file=sys.stderr)
        return 1
    if args.json:
        import attrs

        told = {"model": words.name, "seed": args.seed, "definitions": args.definitions}
        print(json.dumps({**told, "rows": [attrs.asdict(row) for row in rows]}, indent=1))
    else:
        print(f"needle: one of {args.definitions} definitions, seed {args.seed}")
        print(f"tokens of {words.name}")
        for row in rows:
            said = "there" if row.found else "NOT THERE"
            over = "" if row.tokens <= row.budget_tokens else ", OVER THE BUDGET"
            print(f"{row.kind:12} {row.budget_tokens:6}  {said}, {row.tokens} tokens{over}")
    return 0 if all(row.good for row in rows) else 1


def recall_rows_of(hits: Sequence[Hit]) -> list[RecallRow]:
    """Imported late: parsing the command line needs none of it."""
    from codellama_lsp.evaluation.recall import recall_rows

    return recall_rows(hits)


def _missed(hits: Sequence[Hit], most: int) -> list[Hit]:
    """Places that ours missed with the largest budget, to look at."""
    largest = max(hit.budget_tokens for hit in hits)
    missed = [h for h in hits if h.what == "ours" and h.budget_tokens == largest and not h.found]
    return missed[:most]


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
        f"{'':19} {'exact':>6}  {'right before':>12}  {'name':>6}  {'in prompt':>9}  "
        f"{'tokens':>6}  "
        f"{'ours ahead, exact':>24}  {'ours ahead, right before':>24}",
    ]
    for row in table:
        exact, share = row.ours_ahead_exact_interval, row.ours_ahead_before_first_error_interval
        lines.append(
            f"{row.what:19} {100 * row.exact:5.1f}%  {100 * row.before_first_error:11.1f}%  "
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


def _recall_text(table: Sequence[RecallRow]) -> str:
    budgets = sorted({row.budget_tokens for row in table})
    lines = [
        "recall: how often the needed definition is shown, from the file that holds it",
        "",
        f"{'':16} {'n':>5}  {'':6}" + "".join(f"{b:>8}" for b in budgets) + "  (tokens)",
    ]
    by_row: dict[tuple[str, str], dict[int, RecallRow]] = {}
    for row in table:
        by_row.setdefault((row.language, row.what), {})[row.budget_tokens] = row
    last = ""
    for (language, what), rows in by_row.items():
        n = next(iter(rows.values())).n
        label = f"{language:16} {n:5}" if language != last else " " * 22
        shares = "".join(f"{100 * rows[b].recall:7.1f}%" for b in budgets)
        lines.append(f"{label}  {what:6}{shares}")
        last = language
    return "\n".join(lines)
