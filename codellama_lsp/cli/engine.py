"""``codellama-lsp engine``: the process that holds a model. Started by `serve`, not by people.

Must stay light: it is imported before every engine's first answer.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from codellama_lsp.engine.spec import LoadValue


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    parser = subparsers.add_parser("engine", help="the process that holds a model (internal)")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--model", type=Path, metavar="GGUF", help="a model for llama.cpp")
    what.add_argument("--scripted", type=Path, metavar="JSON", help="answers to play")
    parser.add_argument("--load", type=_settings, default={}, help="load-time settings, as JSON")
    parser.add_argument("--socket", type=Path, required=True, help="where to listen")
    parser.add_argument("--linger-s", type=float, default=0.0, help="wait for another client")
    parser.add_argument("--first-client-s", type=float, default=30.0, help="wait for the first")
    parser.add_argument("--nice", type=int, default=10, help="of work that nobody waits for")
    parser.add_argument("--shared", action="store_true", help="others of this user may find it")
    parser.add_argument("--parent", type=int, metavar="PID", help="die with this parent process")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Serve until the last client has gone."""
    import attrs

    from codellama_lsp.engine import process, registry
    from codellama_lsp.engine.protocol import EngineStartError
    from codellama_lsp.engine.spec import EngineSpec

    code = 0
    try:
        token = process.read_token()
        if args.parent is not None:
            process.die_with_parent(args.parent)
        spec = (
            EngineSpec(script=args.scripted)
            if args.scripted is not None
            else EngineSpec.of_model(args.model, args.load)
        )
        spec = attrs.evolve(spec, nice=args.nice)
        process.serve(
            spec,
            args.socket,
            token,
            linger_s=args.linger_s,
            first_client_s=args.first_client_s,
            nice=args.nice,
        )
        if args.shared:
            registry.leave(args.socket.parent, spec.identity, os.getpid())
    except EngineStartError as error:
        print(f"codellama-lsp engine: {error}", file=sys.stderr)
        code = 1
    # The decode thread may be stuck in native code, and native destructors may crash: neither
    # is worth waiting for once nobody is connected.
    sys.stderr.flush()
    os._exit(code)


def _settings(text: str) -> dict[str, LoadValue]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError("not JSON") from error
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError("not a JSON object")
    return value


def _main() -> int:
    parser = argparse.ArgumentParser(prog="codellama-lsp")
    register(parser.add_subparsers(required=True))
    args = parser.parse_args()
    return run(args)


if __name__ == "__main__":
    sys.exit(_main())
