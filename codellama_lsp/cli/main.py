"""The command line: one verb a module, imported only when the verb is used."""

from __future__ import annotations

import argparse
import importlib
import sys

from codellama_lsp.engine.protocol import EngineError

VERBS = ("doctor", "engine", "eval", "models")


def main() -> int:
    """Run a verb; 0 done, 1 failed, 2 wrong usage."""
    parser = argparse.ArgumentParser(prog="codellama-lsp")
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    subparsers = parser.add_subparsers(required=True, metavar="VERB")
    for verb in VERBS:
        importlib.import_module(f"codellama_lsp.cli.{verb}").register(subparsers)
    args = parser.parse_args()
    try:
        code: int = args.run(args)
    except EngineError as error:
        if args.debug:
            raise
        print(f"codellama-lsp: {error}", file=sys.stderr)
        return 1
    return code


if __name__ == "__main__":
    sys.exit(main())
