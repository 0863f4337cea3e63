"""``codellama-lsp bench keystrokes``: what a keystroke costs, through the editor's own pipeline."""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import random
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from codellama_lsp.cli.bench_common import (
    Progress,
    add_model,
    batch_ms,
    duration,
    load_settings,
    model_path,
    positive,
)

if TYPE_CHECKING:
    from codellama_lsp.context.windows import WindowBudget
    from codellama_lsp.engine.protocol import EngineInfo
    from codellama_lsp.engine.spec import EngineSpec
    from codellama_lsp.evaluation.keystrokes.report import Report
    from codellama_lsp.evaluation.keystrokes.samples import Sample
    from codellama_lsp.evaluation.keystrokes.traces import Event

#: What llama-server can hold with llama.vim's ``-b 1024``, so that windows are equal by default.
_CONTEXT_TOKENS = 740
#: Of the engine's cells, what the pipeline's windows may take at most.
_WINDOW_SHARE = 0.6
_USUAL_CELLS = 8192
_FILES = 4
#: A longer trace needs more files, or it ends when all is written.
_EVENTS_OF_A_FILE = 75
#: A quick typist's time for a character.
_PACE_MS = 100.0


def register(benches: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the bench."""
    keys = benches.add_parser(
        "keystrokes",
        help="play typing traces: fresh tokens and milliseconds per keystroke",
        description="Plays a typing trace over real files through the editor's own pipeline and "
        "counts every token given to the model between a keystroke and the first visible "
        "character. The result cache is off.",
    )
    keys.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="files to type in")
    add_model(keys)
    keys.add_argument("--events", type=positive, default=600, metavar="N", help="(default 600)")
    keys.add_argument("--seed", type=int, default=7)
    keys.add_argument(
        "--context-tokens",
        type=positive,
        default=_CONTEXT_TOKENS,
        metavar="N",
        help=f"size of both windows together (default {_CONTEXT_TOKENS})",
    )
    keys.add_argument(
        "--max-tokens", type=positive, default=16, metavar="N", help="generated (default 16)"
    )
    keys.add_argument(
        "--workspace",
        type=Path,
        metavar="DIR",
        help="type in files of this folder, with code of its other files in the prompts, chosen "
        "and changed as in an editor",
    )
    keys.add_argument(
        "--workspace-tokens",
        type=positive,
        metavar="N",
        help="room for that code (default: as for serve)",
    )
    keys.add_argument(
        "--pace-ms",
        type=duration,
        default=_PACE_MS,
        metavar="N",
        help="pause before the next keystroke, five times as long after going elsewhere; "
        f"work that nobody asked for has that time (default {_PACE_MS:.0f})",
    )
    keys.add_argument(
        "--vs-llama-server",
        type=Path,
        metavar="BIN",
        help="play the same trace to this llama-server as llama.vim would",
    )
    keys.add_argument(
        "--batch-ms",
        type=batch_ms,
        metavar="SIZE:MS,…",
        help="draft as where batches cost this, however quick they are here",
    )
    keys.add_argument("--json", action="store_true", help="print JSON")
    keys.add_argument("--plot", type=Path, metavar="FILE.png", help="draw it (needs matplotlib)")
    keys.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measure and print; an interrupt prints what was measured until then."""
    from codellama_lsp.cli.main import UsageError, UserError
    from codellama_lsp.evaluation.keystrokes.plot import PlotError, check_plot, draw
    from codellama_lsp.evaluation.keystrokes.report import Report
    from codellama_lsp.evaluation.keystrokes.sources import choose_files
    from codellama_lsp.evaluation.keystrokes.traces import trace

    rng = random.Random(args.seed)
    try:
        if args.plot:
            check_plot(args.plot)
        paths = args.paths or ([args.workspace] if args.workspace else [])
        count = max(_FILES, args.events // _EVENTS_OF_A_FILE)
        files = choose_files(paths, count, rng, context_tokens=args.context_tokens)
    except (OSError, ValueError, PlotError) as error:
        raise UsageError(str(error)) from error
    spec = _spec(args)
    report = Report(
        model=spec.name,
        settings={
            "seed": args.seed,
            "events": args.events,
            "context_tokens": args.context_tokens,
            "max_tokens": args.max_tokens,
            "pace_ms": args.pace_ms,
            **load_settings(args),
            **({"batch_ms": args.batch_ms} if args.batch_ms else {}),
            **({"workspace": args.workspace.name} if args.workspace else {}),
        },
    )
    code = 0
    try:
        played: list[tuple[Event, Sample]] = []
        events = trace(files, args.events, args.seed)
        info = asyncio.run(_play(spec, events, args, report, played))
        if args.vs_llama_server:
            _play_peer(spec, info, args, report, played)
    except KeyboardInterrupt:
        report.interrupted, code = True, 1
        print("\ninterrupted; this is what was measured so far", file=sys.stderr)
    if not report.ours:
        raise UserError("nothing was measured")
    print(json.dumps(report.as_json(), indent=1) if args.json else report.as_text())
    if args.plot:
        draw(report, args.plot)
        print(f"drawn: {args.plot}", file=sys.stderr)
    return code


def _spec(args: argparse.Namespace) -> EngineSpec:
    """The model to load, made first if it is a shape."""
    from codellama_lsp.engine.spec import EngineSpec

    needed = math.ceil(args.context_tokens / _WINDOW_SHARE) + args.max_tokens + 64
    # Two files side by side, as with the usual number of cells, as long as that is affordable.
    cells = needed * 2 if needed <= 32768 else needed
    # What earlier runs have learnt of drafts would make this one another.
    load = load_settings(args) | {"remember_drafts": False}
    if args.batch_ms:
        load["batch_ms"] = args.batch_ms
    if cells > _USUAL_CELLS:
        load["context_tokens"] = cells
    path = model_path(args, needed_tokens=needed)
    return EngineSpec.of_model(path, load)


async def _play(
    spec: EngineSpec,
    events: Iterable[Event],
    args: argparse.Namespace,
    report: Report,
    played: list[tuple[Event, Sample]],
) -> EngineInfo:
    from codellama_lsp.completion.budget import limit_of
    from codellama_lsp.completion.pipeline import Completer
    from codellama_lsp.config.settings import Settings
    from codellama_lsp.engine.supervisor import EngineSupervisor
    from codellama_lsp.evaluation.keystrokes.play import play
    from codellama_lsp.evaluation.keystrokes.watch import WatchedProvider
    from codellama_lsp.evaluation.keystrokes.workspace import Workspace

    settings = Settings(
        context_tokens=limit_of(args.context_tokens),
        max_tokens=args.max_tokens,
        workspace_tokens=args.workspace_tokens,
    )
    supervisor = EngineSupervisor(spec)
    watched = WatchedProvider(supervisor)
    workspace: Workspace | None = None
    try:
        info = await (await watched.engine()).info()
        report.model = info.model_name
        report.settings["threads"] = info.details.get("threads", "")
        saw: Callable[[Event], None] | None = None
        completer = Completer(watched, lambda uri: settings)
        if args.workspace:
            workspace = Workspace()
            report.settings["index"] = await workspace.index(args.workspace)
            completer = Completer(watched, lambda uri: settings, related=workspace.context)
            workspace.context.read_ahead = completer.prompts.read_ahead
            saw = workspace.saw
        progress = Progress("keystrokes", args.events)
        async for event, sample in play(events, completer, watched, args.pace_ms / 1000, saw):
            report.ours.append(sample)
            played.append((event, sample))
            progress.to(len(played))
        progress.end()
        return info
    finally:
        if workspace is not None:
            await workspace.close()
        await supervisor.close()


def _play_peer(
    spec: EngineSpec,
    info: EngineInfo,
    args: argparse.Namespace,
    report: Report,
    played: list[tuple[Event, Sample]],
) -> None:
    from codellama_lsp.completion.budget import limit_of, window_budget
    from codellama_lsp.evaluation.keystrokes.peer import LlamaServer, batch_tokens, play_peer

    assert spec.model is not None
    budget: WindowBudget = window_budget(
        info, limit_of(args.context_tokens), shared=args.workspace is not None
    )
    batch = batch_tokens(
        budget.prefix_chars / info.chars_per_token, budget.suffix_chars / info.chars_per_token
    )
    threads = int(info.details.get("threads") or 1)
    report.peer_name = f"llama-server -b {batch} -ub {batch} --cache-reuse 256"
    with LlamaServer(args.vs_llama_server, spec.model, batch=batch, threads=threads) as server:
        progress = Progress("llama-server", len(played))
        for _, sample in play_peer(played, server.client, budget.prefix_chars, budget.suffix_chars):
            report.peers.append(sample)
            progress.to(len(report.peers))
        progress.end()
