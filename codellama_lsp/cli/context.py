"""``codellama-lsp context``: what of the workspace would be sent to the model at a cursor; why."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

from codellama_lsp.cli.engines import add_options
from codellama_lsp.cli.roots import add_options as add_workspace_options

if TYPE_CHECKING:
    from codellama_lsp.cli.workspace import Workspace
    from codellama_lsp.completion.types import CompletionRequest
    from codellama_lsp.config.settings import Settings
    from codellama_lsp.context.related import Asked
    from codellama_lsp.engine.protocol import EngineInfo

_MOST_LINGER_S = 5
_ESTIMATED = "none here; these are estimates"
_ESTIMATED_CONTEXT_TOKENS = 16_384
_ESTIMATED_CHARS_PER_TOKEN = 3.2


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    parser = subparsers.add_parser("context", help="what of the workspace a prompt would hold")
    parser.add_argument(
        "where", metavar="FILE:LINE:COLUMN", help="counted from 1; columns in code points"
    )
    add_workspace_options(parser)
    parser.add_argument(
        "--budget",
        type=int,
        metavar="TOKENS",
        help="room for other files' code (default: what the model reads in a few seconds here)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Choose and print."""
    import asyncio

    from codellama_lsp.cli.complete import read_request
    from codellama_lsp.cli.main import UserError
    from codellama_lsp.cli.roots import project_of, settings_for
    from codellama_lsp.cli.workspace import Workspace
    from codellama_lsp.completion.exclusion import reason_to_exclude
    from codellama_lsp.context.preview import as_text
    from codellama_lsp.telemetry import log

    log.configure()
    path, request = read_request(args.where)
    root = project_of(path, args.root)
    settings = settings_for(path, root)
    if reason := reason_to_exclude(request.document.uri, request.document.text, settings.exclude):
        raise UserError(f"{path} never reaches a model: {reason}")
    if root is None:
        raise UserError(f"nothing above {path} looks like a project; name its folder with --root")
    workspace = Workspace(root, settings.exclude)
    try:
        workspace.update()
        if workspace.problem:
            raise UserError(f"{root} is not read: {workspace.problem}")
        shown = asyncio.run(_shown(args, request, settings, workspace))
    finally:
        workspace.close()
    shown |= {"file": str(path), "root": str(root)}
    print(json.dumps(shown, indent=1) if args.json else as_text(shown))
    return 0


async def _shown(
    args: argparse.Namespace, request: CompletionRequest, settings: Settings, workspace: Workspace
) -> dict[str, Any]:
    """What the model would read, by its own count; by estimates where no model runs."""
    import attrs

    from codellama_lsp.cli.engines import choose
    from codellama_lsp.completion.pipeline import Completer
    from codellama_lsp.context.meter import Meter
    from codellama_lsp.context.preview import described, measuring, order_of, texts
    from codellama_lsp.engine.protocol import EngineError
    from codellama_lsp.engine.supervisor import EngineSupervisor

    linger_s = min(settings.engine_linger_s, _MOST_LINGER_S)
    settings = attrs.evolve(settings, workspace=True, engine_linger_s=linger_s)

    async def asked_of(provider: Any) -> Asked:
        completer = Completer(provider, lambda uri: settings, related=workspace)
        asked = await completer.prompts.asked(request)
        return asked if args.budget is None else attrs.evolve(asked, budget_tokens=args.budget)

    supervisor = None
    try:
        supervisor = EngineSupervisor(choose(args.engine, args.model, settings))
        engine = await supervisor.engine()
        asked = await asked_of(supervisor)
        found = workspace.choose(asked)
        wanted = measuring(found, asked.windows, settings.layout, version=1)
        counted = await engine.generate(wanted).result()
        counts, by = counted.segment_tokens, (await engine.info()).model_name
        layout = counted.layout
    except EngineError as error:
        if args.model or args.engine:
            raise
        print(f"codellama-lsp: {error}", file=sys.stderr)
        asked = await asked_of(_Estimated())
        found = workspace.choose(asked)
        meter = Meter(_ESTIMATED_CHARS_PER_TOKEN)
        counts, by = tuple(map(meter.tokens, texts(found, asked.windows))), _ESTIMATED
        layout = settings.layout
    finally:
        if supervisor is not None:
            await supervisor.close()
    order = order_of(settings.workspace_placement, layout)
    return described(found, asked.windows, counts, counted_by=by, order=order, ms=workspace.took_ms)


class _Estimated:
    """A model that is not there: as large as Code Llama, and quick."""

    async def engine(self) -> _Estimated:
        return self

    async def info(self) -> EngineInfo:
        from codellama_lsp.engine.protocol import PROTOCOL_VERSION, EngineInfo

        return EngineInfo(
            PROTOCOL_VERSION, "", "", _ESTIMATED_CONTEXT_TOKENS, True, "",
            _ESTIMATED_CHARS_PER_TOKEN, 0.0, 0,
        )  # fmt: skip
