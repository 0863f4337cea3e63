"""The command ``codellama-lsp``: finds the verb, runs it, and words what goes wrong.

Imports a verb's module only when it is asked for: ``--version`` and `serve` must be quick.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import sys
from collections.abc import Sequence

from codellama_lsp import __version__

#: Each verb is a module of this name here, with `register(subparsers)` and `run(args)`.
VERBS = (
    "serve",
    "complete",
    "engine",
    "demo",
    "doctor",
    "models",
    "eval",
    "bench",
    "stats",
    "context",
    "index",
)

DONE, FAILED, USAGE = 0, 1, 2


class UserError(Exception):
    """Something the user can put right; the text says what is wrong and what to do."""

    exit_code = FAILED


class UsageError(UserError):
    """Wrong arguments that the parser alone cannot see."""

    exit_code = USAGE


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the exit status: 0 done, 1 the job failed, 2 wrong usage."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in arguments
    arguments = [argument for argument in arguments if argument != "--debug"]
    if arguments == ["--version"]:
        print(f"codellama-lsp {__version__}")
        return DONE
    args = _parse(arguments)
    try:
        return int(args.run(args))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return FAILED
    except Exception as error:
        if debug:
            raise
        code = error.exit_code if isinstance(error, UserError) else FAILED
        print(f"codellama-lsp: {_in_words(error)}", file=sys.stderr)
        return code


def _parse(arguments: list[str]) -> argparse.Namespace:
    verb = next((argument for argument in arguments if not argument.startswith("-")), None)
    wants_help = any(argument in ("-h", "--help") for argument in arguments)
    if verb not in VERBS and not wants_help and (verb is None or _is_value(arguments, verb)):
        # An editor's command line: "codellama-lsp --stdio".
        verb, arguments = "serve", ["serve", *arguments]
    parser = argparse.ArgumentParser(
        prog="codellama-lsp",
        description="A language server for Code Llama's infilling, on your own machine. "
        "Without a verb it serves an editor on stdin and stdout.",
    )
    parser.add_argument("--version", action="version", version=f"codellama-lsp {__version__}")
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    subparsers = parser.add_subparsers(title="verbs", dest="verb", required=True, metavar="VERB")
    for name in [verb] if verb in VERBS else VERBS:
        module = f"codellama_lsp.cli.{name}"
        if importlib.util.find_spec(module) is not None:
            importlib.import_module(module).register(subparsers)
    return parser.parse_args(arguments)


def _is_value(arguments: list[str], argument: str) -> bool:
    """Whether `argument` belongs to an option before it: "--tcp HOST:PORT"."""
    return arguments.index(argument) > 0


def _in_words(error: Exception) -> str:
    from codellama_lsp.engine.protocol import EngineError

    if isinstance(error, UserError | EngineError):
        return " ".join(str(error).splitlines())
    text = " ".join(str(error).splitlines()) or type(error).__name__
    return f"{text} ({type(error).__name__}; --debug shows where)"
