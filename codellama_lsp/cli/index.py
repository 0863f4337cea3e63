"""``codellama-lsp index``: the process that reads a workspace ahead. Started by `serve`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    parser = subparsers.add_parser("index", help="the process that reads a workspace (internal)")
    parser.add_argument("--root", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--watch", action="store_true", help="watch the disk for changes")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Serve until stdin ends."""
    from codellama_lsp.memory import import_hashes

    import_hashes()
    from codellama_lsp.context.index.worker import serve
    from codellama_lsp.telemetry import log

    log.configure()
    source, sink = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    # Nothing but messages may go to the pipe.
    os.dup2(2, 1)
    serve(args.root, source, sink, watch=args.watch)
    return 0


def _main() -> int:
    parser = argparse.ArgumentParser(prog="codellama-lsp")
    register(parser.add_subparsers(required=True))
    args = parser.parse_args()
    return run(args)


if __name__ == "__main__":
    sys.exit(_main())
