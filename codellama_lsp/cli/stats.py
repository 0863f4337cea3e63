"""``codellama-lsp stats``: what was offered, what became of it, and how long it took."""

from __future__ import annotations

import argparse


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    parser = subparsers.add_parser("stats", help="local counts of suggestions and their fate")
    parser.add_argument("--json", action="store_true", help="all numbers")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the counts."""
    import json
    import sqlite3

    from codellama_lsp import dirs
    from codellama_lsp.cli.main import UserError
    from codellama_lsp.telemetry.ledger import LEDGER_NAME, Ledger
    from codellama_lsp.telemetry.report import drawn, summary

    path = dirs.data_dir() / LEDGER_NAME
    try:
        numbers = summary(Ledger(path).rows())
    except (sqlite3.Error, TypeError, ValueError) as error:
        raise UserError(f"{path} holds no counts; remove it to start anew") from error
    print(json.dumps(numbers, indent=2) if args.json else drawn(numbers))
    return 0
