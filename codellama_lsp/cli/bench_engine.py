"""``codellama-lsp bench decode``, ``drafting`` and ``interrupt``: the engine without an editor."""

from __future__ import annotations

import argparse
import asyncio
import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from codellama_lsp.cli.bench_common import (
    Progress,
    add_model,
    load_settings,
    model_path,
    positive,
)

if TYPE_CHECKING:
    from codellama_lsp.engine.spec import EngineSpec
    from codellama_lsp.engine.worker.backend import LlamaBackend
    from codellama_lsp.evaluation.decoding.interrupt import Interruption
    from codellama_lsp.evaluation.positions import SourceFile

_FILES = 40


def register(benches: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the benches."""
    decode = benches.add_parser(
        "decode",
        help="plain decoding beside a bare llama.cpp loop, alone and with the cache full",
        description="Decodes the same prompt with the engine's loop and with a loop of nothing but "
        "llama_decode and the likeliest token, in turns; then again while other prompts hold all "
        "other cells of the engine's cache.",
    )
    _common(decode, context_tokens=1024, tokens=64, rounds=9)
    decode.add_argument(
        "--cells", type=positive, metavar="N", help="of the engine's cache (default: as for serve)"
    )
    decode.set_defaults(run=run_decode)
    drafting = benches.add_parser(
        "drafting",
        help="how often drafts come true, and what they save",
        description="The embedded model writes at places in the given files, plainly and with "
        "drafts; then the chosen model is made to write the same tokens, with drafts and without, "
        "in turns. A place is repetitive when what stands elsewhere in its file foretells most of "
        "what was taken out there.",
    )
    _common(drafting, context_tokens=256, tokens=64, rounds=3)
    drafting.add_argument("--n", type=positive, default=24, metavar="N", help="places (default 24)")
    drafting.set_defaults(run=run_drafting)
    interrupt = benches.add_parser(
        "interrupt",
        help="how soon a request is evaluated that comes while a long prompt is",
    )
    _common(interrupt, context_tokens=2000, tokens=1, rounds=5)
    interrupt.set_defaults(run=run_interrupt)


def _common(
    parser: argparse.ArgumentParser, *, context_tokens: int, tokens: int, rounds: int
) -> None:
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="files to take code of")
    add_model(parser)
    parser.add_argument(
        *("--context-tokens",),
        type=positive,
        default=context_tokens,
        metavar="N",
        help=f"of the prompt (default {context_tokens})",
    )
    if tokens > 1:
        parser.add_argument(
            *("--tokens",), type=positive, default=tokens, metavar="N",
            help=f"generated (default {tokens})",
        )  # fmt: skip
    parser.add_argument(
        "--rounds", type=positive, default=rounds, metavar="N", help=f"(default {rounds})"
    )
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", action="store_true", help="print JSON")


def run_decode(args: argparse.Namespace) -> int:
    """Measure and print; an interrupt prints the rounds so far."""
    from codellama_lsp.evaluation.decoding.plain import Plain, measure_plain

    files = _files(args)
    backend = _load(model_path(args, needed_tokens=args.context_tokens), args)
    found, code = Plain(), 0
    progress = Progress("rounds", 2 * args.rounds)
    text = "\n".join(file.text for file in files)
    try:
        measure_plain(
            backend,
            text,
            prompt_chars=int(args.context_tokens * backend.info.chars_per_token),
            tokens=max(args.tokens, 2),
            rounds=args.rounds,
            report=lambda done, total: progress.to(done),
            found=found,
        )
    except KeyboardInterrupt:
        code = 1
    finally:
        progress.end()
        backend.close()
    if not found.ours_ms:
        return 1
    return _print(args, "decode", backend.info.model_name, found.as_json()) or code


def run_drafting(args: argparse.Namespace) -> int:
    """Measure and print; an interrupt prints the places so far."""
    from codellama_lsp.evaluation.decoding.drafts import (
        find_places,
        play_traces,
        summary,
        write_traces,
    )
    from codellama_lsp.models.catalogue import EMBEDDED_PATH

    places = find_places(_files(args), args.n, args.seed)
    trained = _load(EMBEDDED_PATH, args)
    progress = Progress("written places", len(places))
    traces = write_traces(
        trained,
        places,
        prompt_chars=int(4 * args.context_tokens * trained.info.chars_per_token),
        tokens=args.tokens,
        report=lambda done, total: progress.to(done),
    )
    progress.end()
    trained.close()
    backend = _load(model_path(args, needed_tokens=args.context_tokens), args)
    code = 0
    progress = Progress("played places", len(traces))
    try:
        play_traces(
            backend,
            traces,
            prompt_chars=int(args.context_tokens * backend.info.chars_per_token),
            rounds=args.rounds,
            report=lambda done, total: progress.to(done),
        )
    except KeyboardInterrupt:
        code = 1
    finally:
        progress.end()
        backend.close()
    answer = summary(traces) | {"batch_ms": backend.info.details["batch_ms"]}
    return _print(args, "drafting", backend.info.model_name, answer) or code


def run_interrupt(args: argparse.Namespace) -> int:
    """Measure and print; an interrupt prints the rounds so far."""
    from codellama_lsp.engine.spec import EngineSpec
    from codellama_lsp.evaluation.decoding.interrupt import summary

    text = "\n".join(file.text for file in _files(args))
    cells = max(8192, 3 * args.context_tokens)
    load = load_settings(args) | {"context_tokens": cells}
    path = model_path(args, needed_tokens=args.context_tokens)
    found: list[Interruption] = []
    code = 0
    try:
        asyncio.run(_interrupt(EngineSpec.of_model(path, load), text, args, found))
    except KeyboardInterrupt:
        code = 1
    if not found:
        return 1
    return _print(args, "interrupt", path.stem, summary(found)) or code


async def _interrupt(
    spec: EngineSpec, text: str, args: argparse.Namespace, found: list[Interruption]
) -> None:
    from codellama_lsp.engine.supervisor import EngineSupervisor
    from codellama_lsp.evaluation.decoding.interrupt import interruptions

    supervisor = EngineSupervisor(spec)
    progress = Progress("interruptions", 2 * args.rounds)
    try:
        engine = await supervisor.engine()
        async for one in interruptions(
            engine, text, prompt_tokens=args.context_tokens, rounds=args.rounds, seed=args.seed
        ):
            found.append(one)
            progress.to(len(found))
    finally:
        progress.end()
        await supervisor.close()


def _files(args: argparse.Namespace) -> list[SourceFile]:
    from codellama_lsp.cli.main import UsageError
    from codellama_lsp.evaluation.keystrokes.sources import choose_files

    try:
        return choose_files(args.paths, _FILES, random.Random(args.seed))
    except (OSError, ValueError) as error:
        raise UsageError(str(error)) from error


def _load(path: Path, args: argparse.Namespace) -> LlamaBackend:
    from codellama_lsp.engine.worker.backend import LlamaBackend
    from codellama_lsp.engine.worker.settings import WorkerSettings
    from codellama_lsp.models.catalogue import EMBEDDED_PATH

    cells = getattr(args, "cells", None) or 0
    settings = WorkerSettings(path, **(load_settings(args) | {"context_tokens": cells}))
    backend = LlamaBackend(settings, EMBEDDED_PATH)
    backend.load(lambda share: None)
    return backend


def _print(args: argparse.Namespace, bench: str, model: str, answer: Mapping[str, object]) -> int:
    if args.json:
        print(json.dumps({"bench": bench, "model": model} | dict(answer), indent=1))
        return 0
    print(f"{bench}: {model}")
    for name, value in answer.items():
        if isinstance(value, Mapping):
            value = ", ".join(f"{key} {one}" for key, one in value.items())
        print(f"  {name:14} {value}")
    return 0
