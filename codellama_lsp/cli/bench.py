"""``codellama-lsp bench``: what the pieces cost on this machine."""

from __future__ import annotations

import argparse

from codellama_lsp.cli import bench_drafting, bench_engine, bench_keystrokes


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    parser = subparsers.add_parser("bench", help="measure what keystrokes cost")
    benches = parser.add_subparsers(dest="bench", required=True, metavar="BENCH")
    bench_keystrokes.register(benches)
    bench_engine.register(benches)
    bench_drafting.register(benches)
