"""What the benches have in common: which model, progress, arguments."""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from codellama_lsp.engine.spec import LoadValue
    from codellama_lsp.engine.worker.backend import LlamaBackend
    from codellama_lsp.evaluation.positions import SourceFile

_LONG_TRAINED_TOKENS = 2**18
_FILES = 40


def add_model(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that `model_path` reads."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--model", metavar="NAME|PATH", help="a GGUF (default: as for serve)")
    which.add_argument(
        "--shape", choices=("nano", "1b", "7b", "13b"), help="random weights of this shape instead"
    )
    parser.add_argument(
        "--quant", choices=("q4_0", "q8_0", "q4_k"), default="q4_0", help="of a --shape"
    )
    load = parser.add_argument_group("how the model is loaded")
    load.add_argument("--threads", type=int, default=0, help="(default: as for serve)")
    load.add_argument("--batch-tokens", type=positive, metavar="N", help="of a batch, at most")
    load.add_argument(
        "--micro-batch-tokens", type=positive, metavar="N", help="computed at once, at most"
    )
    load.add_argument("--flash-attention", choices=("auto", "on", "off"), default="auto")
    load.add_argument("--kv-type", choices=("f16", "q8_0", "q5_1", "q4_0"), default="f16")


def load_settings(args: argparse.Namespace) -> dict[str, LoadValue]:
    """What those arguments say, as load-time settings that differ from the usual ones."""
    written: dict[str, LoadValue] = {
        "threads": args.threads or None,
        "batch_tokens": args.batch_tokens,
        "micro_batch_tokens": args.micro_batch_tokens,
        "flash_attention": {"auto": None, "on": True, "off": False}[args.flash_attention],
        "kv_type": None if args.kv_type == "f16" else args.kv_type,
    }
    return {name: value for name, value in written.items() if value is not None}


def model_path(args: argparse.Namespace, *, needed_tokens: int = 0) -> Path:
    """The model to load, made first if it is a shape; for a context of `needed_tokens`."""
    from codellama_lsp.models.catalogue import resolve_model

    if args.shape is None:
        return resolve_model(args.model).path
    from codellama_lsp.models.shapes import TRAINED_TOKENS, ensure_shape

    progress = Progress(f"making the {args.shape} shape", 100)
    return ensure_shape(
        args.shape,
        quantization=args.quant,
        trained_tokens=TRAINED_TOKENS if needed_tokens <= TRAINED_TOKENS else _LONG_TRAINED_TOKENS,
        report=lambda share: progress.to(int(100 * share)),
    )


def add_common(
    parser: argparse.ArgumentParser, *, context_tokens: int, tokens: int, rounds: int
) -> None:
    """Add the arguments of a bench of the engine itself."""
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="files to take code of")
    add_model(parser)
    parser.add_argument(
        *("--context-tokens",),
        type=positive,
        default=context_tokens,
        metavar="N",
        help=f"of the prompt (default {context_tokens})",
    )
    if tokens > 1:
        parser.add_argument(
            *("--tokens",), type=positive, default=tokens, metavar="N",
            help=f"generated (default {tokens})",
        )  # fmt: skip
    parser.add_argument(
        "--rounds", type=positive, default=rounds, metavar="N", help=f"(default {rounds})"
    )
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", action="store_true", help="print JSON")


def source_files(args: argparse.Namespace) -> list[SourceFile]:
    """The files that the arguments name, some of them where they are many."""
    from codellama_lsp.cli.main import UsageError
    from codellama_lsp.evaluation.keystrokes.sources import choose_files

    try:
        return choose_files(args.paths, _FILES, random.Random(args.seed))
    except (OSError, ValueError) as error:
        raise UsageError(str(error)) from error


def load_backend(path: Path, args: argparse.Namespace) -> LlamaBackend:
    """A model in this process, loaded as the arguments say."""
    from codellama_lsp.engine.worker.backend import LlamaBackend
    from codellama_lsp.engine.worker.settings import WorkerSettings
    from codellama_lsp.models.catalogue import EMBEDDED_PATH

    cells = getattr(args, "cells", None) or 0
    settings = WorkerSettings(
        path, **(load_settings(args) | {"context_tokens": cells, "remember_drafts": False})
    )
    backend = LlamaBackend(settings, EMBEDDED_PATH)
    backend.load(lambda share: None)
    return backend


def print_answer(
    args: argparse.Namespace, bench: str, model: str, answer: Mapping[str, object]
) -> int:
    """As JSON, or as lines; returns 0."""
    if args.json:
        print(json.dumps({"bench": bench, "model": model} | dict(answer), indent=1))
        return 0
    print(f"{bench}: {model}")
    for name, value in answer.items():
        rows = value if isinstance(value, Mapping) and _is_nested(value) else {"": value}
        for row, values in rows.items():
            if isinstance(values, Mapping):
                values = ", ".join(f"{key} {one}" for key, one in values.items())
            print(f"  {f'{name} {row}'.strip():22} {values}")
    return 0


def _is_nested(value: Mapping[str, object]) -> bool:
    return any(isinstance(one, Mapping) for one in value.values())


class Progress:
    """A line on stderr that is written over, about five times a second."""

    def __init__(self, what: str, total: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._what = what
        self._total = total
        self._clock = clock
        self._started_s = self._shown_s = clock()

    def to(self, done: int) -> None:
        """So much is done."""
        now_s = self._clock()
        if now_s - self._shown_s < 0.2 and done < self._total:
            return
        self._shown_s = now_s
        left_s = (now_s - self._started_s) / max(done, 1) * (self._total - done)
        line = f"\r{self._what}: {done} of {self._total}, about {left_s:.0f} s left   "
        print(line, end="", file=sys.stderr, flush=True)

    def step(self, done: int, _total: int) -> None:
        """The same, for those who say the total each time."""
        self.to(done)

    def end(self) -> None:
        """The line is done."""
        print(file=sys.stderr)


def positive(text: str) -> int:
    """An argument's value."""
    value = int(text) if text.isdecimal() else 0
    if value < 1:
        raise argparse.ArgumentTypeError("expected a whole number above 0")
    return value


def count(text: str) -> int:
    """An argument's value."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError("expected a whole number from 0 on")
    return int(text)


def batch_ms(text: str) -> str:
    """An argument's costs of batches, as they are written."""
    from codellama_lsp.engine.worker.speed import batch_costs

    try:
        batch_costs(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError("expected SIZE:MS,… of size 1 and of others") from error
    return text


def duration(text: str) -> float:
    """An argument's milliseconds."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e6:
        raise argparse.ArgumentTypeError("expected milliseconds from 0 on")
    return value
