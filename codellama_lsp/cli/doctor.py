"""``codellama-lsp doctor``: does it work here, how fast, and what to do about each problem."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterator

import attrs

from codellama_lsp.diagnosis.check import Check, Verdict, problem
from codellama_lsp.engine.protocol import EngineStartError
from codellama_lsp.engine.spec import EngineSpec

_MARKS = {Verdict.OK: "ok     ", Verdict.WARNING: "warning", Verdict.PROBLEM: "PROBLEM"}


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    parser = subparsers.add_parser("doctor", help="does it work here, and how fast")
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument("--model", help="name or path; default: the embedded model")
    parser.add_argument("--engine", metavar="scripted:FILE", help="another engine than llama.cpp")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Look at everything; 1 when completions cannot work."""
    checks = asyncio.run(_run(args))
    healthy = all(check.verdict is not Verdict.PROBLEM for check in checks)
    if args.json:
        rows = [attrs.asdict(check) for check in checks]
        print(json.dumps({"ok": healthy, "checks": rows}, indent=2))
    else:
        print("Completions work here." if healthy else "Completions cannot work like this.")
    return 0 if healthy else 1


async def _run(args: argparse.Namespace) -> list[Check]:
    checks = []
    async for check in _all(args):
        checks.append(check)
        if not args.json:
            _say(check)
    return checks


async def _all(args: argparse.Namespace) -> AsyncIterator[Check]:
    from codellama_lsp.diagnosis import engine, installation, workspace

    needs_llama = args.engine is None
    for check in (
        *installation.installation(needs_llama=needs_llama),
        *installation.directories(),
        *workspace.workspace(),
    ):
        yield check
    try:
        spec, about = _choose(args)
    except EngineStartError as error:
        yield problem("model", error.message, error.remedy)
        return
    for check in about:
        yield check
    async for check in engine.engine(spec):
        yield check


def _choose(args: argparse.Namespace) -> tuple[EngineSpec, Iterator[Check]]:
    from codellama_lsp.diagnosis import installation
    from codellama_lsp.models.catalogue import resolve_model

    if args.engine:
        return EngineSpec.of_engine(args.engine), iter(())
    chosen = resolve_model(args.model)
    return EngineSpec.of_model(chosen.path), installation.models(chosen)


def _say(check: Check) -> None:
    print(f"{_MARKS[check.verdict]}  {check.name:18}  {check.value}")
    if check.remedy:
        print(f"{'':9}{'':18}  -> {check.remedy}")
    sys.stdout.flush()
