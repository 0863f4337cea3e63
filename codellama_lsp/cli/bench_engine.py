"""``codellama-lsp bench decode`` and ``interrupt``: the engine without an editor."""

from __future__ import annotations

import argparse
import asyncio
from typing import TYPE_CHECKING

from codellama_lsp.cli.bench_common import (
    Progress,
    add_common,
    load_backend,
    load_settings,
    model_path,
    positive,
    print_answer,
    source_files,
)

if TYPE_CHECKING:
    from codellama_lsp.engine.spec import EngineSpec
    from codellama_lsp.evaluation.decoding.interrupt import Interruption, Resumption

#: Where a prompt takes no longer, interrupted prefills are also followed to their end.
_QUICK_PREFILL_S = 10.0


def register(benches: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the benches."""
    decode = benches.add_parser(
        "decode",
        help="plain decoding beside a bare llama.cpp loop, alone and with the cache full",
        description="Decodes the same prompt with the engine's loop and with a loop of nothing but "
        "llama_decode and the likeliest token, in turns; then again while other prompts hold all "
        "other cells of the engine's cache.",
    )
    add_common(decode, context_tokens=1024, tokens=64, rounds=9)
    decode.add_argument(
        "--cells", type=positive, metavar="N", help="of the engine's cache (default: as for serve)"
    )
    decode.set_defaults(run=run_decode)
    interrupt = benches.add_parser(
        "interrupt",
        help="how soon a request is evaluated that comes while a long prompt is",
        description="Begins to evaluate a long prompt and asks for something more urgent one to "
        "five seconds later. Where the prompt takes no more than ten seconds, what was interrupted "
        "is also followed to its end, to see what was evaluated twice.",
    )
    add_common(interrupt, context_tokens=2000, tokens=1, rounds=5)
    interrupt.add_argument(
        "--resume", action="store_true", help="follow them to their end however long that takes"
    )
    interrupt.set_defaults(run=run_interrupt)


def run_decode(args: argparse.Namespace) -> int:
    """Measure and print; an interrupt prints the rounds so far."""
    from codellama_lsp.evaluation.decoding.plain import Plain, measure_plain

    files = source_files(args)
    backend = load_backend(model_path(args, needed_tokens=args.context_tokens), args)
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
            report=progress.step,
            found=found,
        )
    except KeyboardInterrupt:
        code = 1
    finally:
        progress.end()
        backend.close()
    if not found.ours_ms:
        return 1
    return print_answer(args, "decode", backend.info.model_name, found.as_json()) or code


def run_interrupt(args: argparse.Namespace) -> int:
    """Measure and print; an interrupt prints the rounds so far."""
    from codellama_lsp.engine.spec import EngineSpec
    from codellama_lsp.evaluation.decoding.interrupt import summary

    text = "\n".join(file.text for file in source_files(args))
    cells = max(8192, 3 * args.context_tokens)
    load = load_settings(args) | {"context_tokens": cells, "remember_drafts": False}
    path = model_path(args, needed_tokens=args.context_tokens)
    found: list[Interruption] = []
    resumed: list[Resumption] = []
    code = 0
    try:
        asyncio.run(_interrupt(EngineSpec.of_model(path, load), text, args, found, resumed))
    except KeyboardInterrupt:
        code = 1
    if not found:
        return 1
    return print_answer(args, "interrupt", path.stem, summary(found, resumed)) or code


async def _interrupt(
    spec: EngineSpec,
    text: str,
    args: argparse.Namespace,
    found: list[Interruption],
    resumed: list[Resumption],
) -> None:
    from codellama_lsp.engine.supervisor import EngineSupervisor
    from codellama_lsp.evaluation.decoding.interrupt import KINDS, Interrupter

    supervisor = EngineSupervisor(spec)
    kinds = KINDS * args.rounds
    progress = Progress("interruptions", len(kinds))
    try:
        engine = await supervisor.engine()
        interrupter = Interrupter(engine, await engine.info(), text, args.context_tokens, args.seed)
        for kind in kinds:
            found.append(await interrupter.interrupt(kind))
            progress.to(len(found))
        if args.resume or interrupter.prefill_s <= _QUICK_PREFILL_S:
            progress.end()
            progress = Progress("resumptions", len(kinds))
            for number, kind in enumerate(kinds, 1):
                if (one := await interrupter.resume(kind)) is not None:
                    resumed.append(one)
                progress.to(number)
    finally:
        progress.end()
        await supervisor.close()
