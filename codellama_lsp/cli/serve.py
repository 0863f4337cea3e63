"""``codellama-lsp serve``: the language server."""

from __future__ import annotations

import argparse


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    from codellama_lsp.cli.engines import add_options

    parser = subparsers.add_parser("serve", help="serve an editor (what no verb at all means)")
    parser.add_argument("--stdio", action="store_true", help="accepted for editors that say so")
    parser.add_argument("--tcp", metavar="HOST:PORT", type=_address, help="for debugging")
    parser.add_argument("--clientProcessId", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--kept-after-s", type=float, default=None, help=argparse.SUPPRESS)
    add_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Serve until the client leaves."""
    import gc

    # Half of the time until `initialize` is imports, so collect among them less often than usual.
    # Not at all would keep 10 MB: each class that attrs makes leaves another one behind.
    gc.set_threshold(3_000, 5, 1)
    import logging
    import os
    import sys

    from codellama_lsp.memory import give_back, import_hashes, without

    import_hashes()
    with without("ssl"):  # nothing here opens a network connection
        import asyncio

    from codellama_lsp.lsp import lean

    lean.import_types()
    give_back()

    from codellama_lsp.cli.engines import choose
    from codellama_lsp.config.options import Options
    from codellama_lsp.config.settings import Settings
    from codellama_lsp.engine.spec import EngineSpec
    from codellama_lsp.lsp.build import build_server
    from codellama_lsp.lsp.session import KEPT_AFTER_S, ServeOptions
    from codellama_lsp.lsp.transport import serve_stdio, serve_tcp
    from codellama_lsp.telemetry import log

    log.configure()
    if not args.tcp and sys.stdin.isatty():
        print(
            "codellama-lsp: waiting for an editor's messages on stdin; "
            "`codellama-lsp --help` lists what else there is",
            file=sys.stderr,
        )

    def choose_engine(settings: Settings) -> EngineSpec:
        return choose(args.engine, None, settings)

    kept_after_s = KEPT_AFTER_S if args.kept_after_s is None else args.kept_after_s
    server = build_server(ServeOptions(choose_engine, Options(model=args.model), kept_after_s))
    gc.freeze()
    gc.set_threshold(700, 10, 10)
    give_back()
    serving = serve_tcp(server, *args.tcp) if args.tcp else serve_stdio(server)
    code = 1
    try:
        code = asyncio.run(serving)
    except KeyboardInterrupt:
        code = 130
    finally:
        logging.shutdown()
        sys.stderr.flush()
        # A thread may still wait for input that never comes; nothing is left to lose.
        os._exit(code)


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise argparse.ArgumentTypeError("expected HOST:PORT")
    return host, int(port)
