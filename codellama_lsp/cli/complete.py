"""``codellama-lsp complete``: one completion in a file, through the editor's own pipeline."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codellama_lsp.cli.engines import add_options
from codellama_lsp.cli.roots import add_options as add_workspace_options

if TYPE_CHECKING:
    from codellama_lsp.cli.workspace import Workspace
    from codellama_lsp.completion.types import Completion, CompletionRequest
    from codellama_lsp.config.settings import Settings
    from codellama_lsp.context.documents import TextBuffer

_MOST_LINGER_S = 5
_TIMES = ("total", "prefill", "decode", "overhead")


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    parser = subparsers.add_parser("complete", help="one completion in a file")
    parser.add_argument(
        "where", metavar="FILE:LINE:COLUMN", help="counted from 1; columns in code points"
    )
    parser.add_argument("--json", action="store_true", help="say what it cost, too")
    parser.add_argument("--repeat", type=_count, metavar="N", help="ask N times, one engine")
    parser.add_argument("--no-cache", action="store_true", help="always ask the model")
    parser.add_argument("--layout", choices=["spm", "psm"], help="order of the prompt")
    parser.add_argument(
        "--no-workspace", action="store_true", help="read no other files of the project"
    )
    add_workspace_options(parser)
    parser.add_argument("--plan", choices=["span", "line", "block"], help="how much to complete")
    add_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Complete and print."""
    from codellama_lsp.completion.outcome import Outcome
    from codellama_lsp.engine.protocol import Layout
    from codellama_lsp.telemetry import log

    log.configure()
    path, line, column = _where(args.where)
    buffer, request = _request(path, line, column, args)
    completions = asyncio.run(_complete(args, request))
    if args.json:
        answers = [_answer(completion, buffer, request) for completion in completions]
        print(json.dumps(answers if args.repeat else answers[0], indent=2))
    else:
        for completion in completions:
            if completion.items:
                print(completion.items[0].text)
    last = completions[-1]
    if last.layout is Layout.LEFT_TO_RIGHT:
        print(
            f"codellama-lsp: {last.model} cannot infill; the text after the cursor was not used",
            file=sys.stderr,
        )
    if not last.items and not args.json:
        detail = f": {last.detail}" if last.detail else ""
        print(f"codellama-lsp: no suggestion ({last.outcome}{detail})", file=sys.stderr)
    failed = {Outcome.ENGINE_DOWN, Outcome.FAILED, Outcome.TIMED_OUT}
    if any(completion.outcome in failed for completion in completions):
        if args.json:
            print(f"codellama-lsp: {last.detail or last.outcome}", file=sys.stderr)
        return 1
    return 0


async def _complete(args: argparse.Namespace, request: CompletionRequest) -> list[Completion]:
    import attrs

    from codellama_lsp.cli.engines import choose
    from codellama_lsp.cli.roots import project_of, settings_for
    from codellama_lsp.completion.pipeline import Completer
    from codellama_lsp.engine.supervisor import EngineSupervisor

    path = _where(args.where)[0].resolve()
    root = project_of(path, args.root)
    settings = settings_for(path, root)
    # The engine of an editor that is open, or one that stays for the next command.
    settings = attrs.evolve(settings, engine_linger_s=min(settings.engine_linger_s, _MOST_LINGER_S))
    workspace = None if args.no_workspace else _workspace(root, request, settings)
    supervisor = EngineSupervisor(choose(args.engine, args.model, settings))
    try:
        # Nobody will accept anything: nothing is prepared for that.
        settings = attrs.evolve(settings, speculate=False)
        completer = Completer(supervisor, lambda uri: settings, related=workspace)
        return [await completer.complete(request) for _ in range(args.repeat or 1)]
    finally:
        await supervisor.close()
        if workspace is not None:
            workspace.close()


def _workspace(
    root: Path | None, request: CompletionRequest, settings: Settings
) -> Workspace | None:
    """The project around the file, read; None where there is none or it may not be read."""
    from codellama_lsp.completion.exclusion import reason_to_exclude

    document = request.document
    if root is None or not settings.workspace:
        return None
    if reason_to_exclude(document.uri, document.text, settings.exclude):
        return None  # no model will see it anyway
    from codellama_lsp.cli.workspace import Workspace

    workspace = Workspace(root, settings.exclude)
    workspace.update()
    if workspace.problem:
        print(f"codellama-lsp: only this file is used: {workspace.problem}", file=sys.stderr)
        workspace.close()
        return None
    return workspace


def _where(text: str) -> tuple[Path, int, int]:
    from codellama_lsp.cli.main import UsageError

    name, _, rest = text.rpartition(":")
    name, _, line = name.rpartition(":")
    if not name or not line.isdecimal() or not rest.isdecimal() or not int(line) or not int(rest):
        raise UsageError(f"expected FILE:LINE:COLUMN, both counted from 1, not {text!r}")
    return Path(name), int(line), int(rest)


def read_request(where: str) -> tuple[Path, CompletionRequest]:
    """The file (absolute) and the request that FILE:LINE:COLUMN means. Raises `UserError`."""
    path, line, column = _where(where)
    args = argparse.Namespace(plan=None, layout=None, no_cache=True)
    return path.resolve(), _request(path, line, column, args)[1]


def _request(
    path: Path, line: int, column: int, args: argparse.Namespace
) -> tuple[TextBuffer, CompletionRequest]:
    from codellama_lsp.cli.languages import language_of
    from codellama_lsp.cli.main import UsageError, UserError
    from codellama_lsp.completion.types import CompletionRequest, DocumentSnapshot, Trigger
    from codellama_lsp.context.documents import TextBuffer
    from codellama_lsp.engine.protocol import Layout

    try:
        # Not as text: that would translate line ends.
        text = path.read_bytes().decode("utf-8", "replace").removeprefix("\ufeff")
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error
    buffer = TextBuffer(text)
    if line > buffer.line_count:
        raise UsageError(f"{path} has {buffer.line_count} lines, there is no line {line}")
    start, end = buffer.line_start(line - 1), buffer.line_end(line - 1)
    if column > end - start + 1:
        raise UsageError(f"line {line} of {path} ends at column {end - start + 1}")
    snapshot = DocumentSnapshot(path.absolute().as_uri(), language_of(path), 1, text)
    return buffer, CompletionRequest(
        snapshot,
        start + column - 1,
        Trigger.INVOKED,
        plan=args.plan,
        layout=Layout(args.layout) if args.layout else None,
        use_cache=not args.no_cache,
    )


def _answer(
    completion: Completion, buffer: TextBuffer, request: CompletionRequest
) -> dict[str, Any]:
    import attrs

    from codellama_lsp.lsp.positions import UTF16, position_at

    item = completion.items[0] if completion.items else None
    start, end = (item.start, item.end) if item else (request.offset, request.offset)
    positions = [position_at(buffer, offset, UTF16) for offset in (start, end)]
    first, last = ({"line": line, "character": character} for line, character in positions)
    return {
        "text": item.text if item else "",
        "range": {"start": first, "end": last},
        "outcome": completion.outcome.value,
        "detail": completion.detail,
        "tokens": attrs.asdict(completion.tokens),
        "ms": {name: round(getattr(completion.ms, name), 3) for name in _TIMES},
        "model": completion.model,
        "layout": completion.layout.value if completion.layout else None,
    }


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError("expected a number from 1 on")
    return int(text)
