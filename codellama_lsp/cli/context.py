"""``codellama-lsp context``: what of the workspace would be sent to the model at a cursor; why."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from codellama_lsp.completion.types import CompletionRequest
    from codellama_lsp.context.assemble import Assembly
    from codellama_lsp.context.index.workspace_index import WorkspaceIndex
    from codellama_lsp.context.related import Asked
    from codellama_lsp.engine.protocol import EngineInfo

_MARKS = (".git", ".hg", "pyproject.toml", "package.json", "Cargo.toml", "go.mod", "pom.xml")
_PATIENCE_S = 600.0
Count = Callable[[str], int]


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    parser = subparsers.add_parser("context", help="what of the workspace a prompt would hold")
    parser.add_argument(
        "where", metavar="FILE:LINE:COLUMN", help="counted from 1; columns in code points"
    )
    parser.add_argument("--root", type=Path, metavar="FOLDER", help="the workspace's folder")
    parser.add_argument("--budget", type=int, metavar="TOKENS", help="room for such code")
    parser.add_argument("--model", metavar="M", help="whose tokens to count (default: as serve)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Choose and print."""
    import asyncio

    from codellama_lsp.cli.complete import read_request
    from codellama_lsp.cli.main import UserError
    from codellama_lsp.completion.exclusion import reason_to_exclude
    from codellama_lsp.telemetry import log

    log.configure()
    path, request = read_request(args.where)
    if reason := reason_to_exclude(request.document.uri, request.document.text):
        raise UserError(f"{path} never reaches a model: {reason}")
    root = (args.root or _root_of(path)).resolve()
    if not path.is_relative_to(root):
        raise UserError(f"{path} is not in {root}; pass its folder with --root")
    count, info = _counter(args.model)
    asked = asyncio.run(_asked(request, info, args.budget))
    index = _index(root)
    try:
        found, took_ms = _select(index, asked, path.relative_to(root).as_posix())
    finally:
        index.close()
    shown = _shown(found, asked, count)
    shown |= {"file": str(path), "root": str(root), "ms": round(took_ms, 2)}
    shown |= {"counted_by": info.model_name or "an estimate"}
    print(json.dumps(shown, indent=1) if args.json else _as_text(shown))
    return 0


async def _asked(request: CompletionRequest, info: EngineInfo, budget: int | None) -> Asked:
    """What the pipeline would ask; `budget` overrides the room it sees."""
    import attrs

    from codellama_lsp.completion.pipeline import Completer
    from codellama_lsp.config.files import read_user_file
    from codellama_lsp.config.settings import Layer, Settings, resolve

    options, _ = read_user_file()
    settings, _ = resolve([Layer(options)])

    def with_workspace(uri: str) -> Settings:
        return attrs.evolve(settings, workspace=True)

    completer = Completer(_Known(info), with_workspace, related=_Everything())  # type: ignore[arg-type]
    asked = await completer.asked(request)
    return asked if budget is None else attrs.evolve(asked, budget_tokens=budget)


class _Known:
    """An engine's facts without an engine."""

    def __init__(self, info: EngineInfo) -> None:
        self._info = info

    async def engine(self) -> _Known:
        return self

    async def info(self) -> EngineInfo:
        return self._info


class _Everything:
    """Knows every document."""

    def knows(self, uri: str) -> bool:
        return True


def _root_of(path: Path) -> Path:
    for folder in path.parents:
        if any((folder / mark).exists() for mark in _MARKS):
            return folder
    return path.parent


def _counter(name: str | None) -> tuple[Count, EngineInfo]:
    """How many tokens a text has, by the model's own vocabulary where there is one."""
    from codellama_lsp.context.assemble import Meter
    from codellama_lsp.engine.protocol import PROTOCOL_VERSION, EngineError, EngineInfo

    def info(model: str, trained: int, chars_per_token: float) -> EngineInfo:
        return EngineInfo(
            PROTOCOL_VERSION, model, "", trained, True, "", chars_per_token, 0.0, 0
        )  # fmt: skip

    try:
        from codellama_lsp.engine.worker.library import quiet
        from codellama_lsp.engine.worker.model import Model
        from codellama_lsp.models.catalogue import resolve_model

        resolved = resolve_model(name)
        quiet()
        model = Model(resolved.path, gpu_layers=0, extra_buffers=False, vocabulary_only=True)
    except (ImportError, EngineError) as error:
        if name is not None and not isinstance(error, ImportError):
            raise
        meter = Meter(3.2)
        return meter.tokens, info("", 16_384, 3.2)

    def count(text: str) -> int:
        return len(model.encoder.infill(text))

    sample = Path(__file__).read_text(encoding="utf-8")
    trained = min(max(model.trained_tokens, 512), 16_384)
    return count, info(model.name, trained, len(sample) / max(count(sample), 1))


def _index(root: Path) -> WorkspaceIndex:
    """The workspace's index, brought up to date; another process's where that one writes it."""
    from codellama_lsp.cli.main import UserError
    from codellama_lsp.context.index.workspace_index import WorkspaceIndex

    index = WorkspaceIndex(root)
    until, told = time.monotonic() + _PATIENCE_S, 0.0
    while index.step() and time.monotonic() < until:
        state = index.state
        if state.state == "building" and state.total and time.monotonic() - told > 0.5:
            told = time.monotonic()
            print(f"\rreading {state.done} of {state.total} files", end="", file=sys.stderr)
    if told:
        print("\r" + " " * 40 + "\r", end="", file=sys.stderr)
    if index.state.state in ("off", "failed"):
        raise UserError(index.state.message)
    return index


def _select(index: WorkspaceIndex, asked: Asked, path: str) -> tuple[Assembly, float]:
    from codellama_lsp.context.candidates import Query

    windows = asked.windows
    index.open(path, asked.text, asked.language)
    opened = index.library.opened(path)
    text = opened.text if opened is not None else asked.text
    # Line ends and secrets change lengths: find the cursor by what stands behind it.
    behind = len(asked.text[asked.offset :].replace("\r\n", "\n"))
    query = Query(
        path, asked.language, text, max(len(text) - behind, 0),
        (windows.prefix.text, windows.left_out + windows.suffix.text),
    )  # fmt: skip
    started = time.perf_counter()
    found = index.select(query, asked.budget_tokens, asked.chars_per_token)
    return found, (time.perf_counter() - started) * 1000


def _shown(found: Assembly, asked: Asked, count: Count) -> dict[str, Any]:
    """The assembly with the model's own counts; what these put over the budget is left out."""
    from codellama_lsp.context.index.messages import assembly_to_json

    shown = assembly_to_json(found)
    total = 0
    for chunk in shown["chunks"]:
        chunk["tokens"] = count(chunk["text"])
        total += chunk["tokens"]
    while shown["chunks"] and total > found.budget_tokens:
        least = min(shown["chunks"], key=lambda chunk: chunk["score"])
        shown["chunks"].remove(least)
        total -= least["tokens"]
        names = ", ".join(piece["name"] for piece in least["pieces"])
        shown["left_out"].insert(
            0, {"path": least["path"], "name": names, "score": least["score"], "reasons": [],
                "why": "no room, by the model's own count"},
        )  # fmt: skip
    shown["tokens"] = total
    windows = asked.windows
    shown["windows"] = {
        "prefix": {"text": windows.prefix.text, "tokens": count(windows.prefix.text)},
        "suffix": {"text": windows.suffix.text, "tokens": count(windows.suffix.text)},
    }
    return shown


def _as_text(shown: dict[str, Any]) -> str:
    lines = [
        f"{shown['tokens']} of {shown['budget_tokens']} tokens for code of {shown['root']}, "
        f"counted by {shown['counted_by']}; chosen in {shown['ms']} ms",
        "",
    ]
    for chunk in shown["chunks"]:
        lines.append(f"── {chunk['path']}: {chunk['tokens']} tokens")
        for piece in chunk["pieces"]:
            lines.append(
                f"   {piece['score']:6.2f}  {piece['name'] or 'text'}, line {piece['line']}, "
                f"{piece['form']}: {'; '.join(piece['reasons'])}"
            )
        lines += [f"   │ {line}" for line in chunk["text"].rstrip("\n").split("\n")]
    for what in ("suffix", "prefix"):
        lines.append(f"── the file itself, {what}: {shown['windows'][what]['tokens']} tokens")
    if shown["left_out"]:
        lines += ["", f"left out: {len(shown['left_out'])}; the best of them"]
        for left in shown["left_out"][:12]:
            why = "; ".join([left["why"], *left["reasons"]])
            lines.append(f"   {left['score']:6.2f}  {left['path']}: {left['name']} ({why})")
    return "\n".join(lines)
