"""Keystrokes on an NVIDIA GPU: builds llama-cpp-python with CUDA, measures, writes a table.

Needs a source tree, Python 3.11 or newer with venv, and CUDA's nvcc; no network where --wheels
names a directory with llama-cpp-python's source archive and the other packages. Without a GPU it
only says what it would do. Uses the standard library alone and imports nothing of the project.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

SHAPES = ("7b", "13b")
QUANTIZATIONS = ("q4_k", "q8_0")
CONTEXT_TOKENS = (2048, 8192, 16384, 65536, 102400)
#: Ways to load a model that are tried on the first context of each shape and quantization; the
#: quickest one is used for the rest.
VARIANTS: dict[str, tuple[str, ...]] = {
    "batch 512": (),
    "batch 2048": ("--batch-tokens", "2048", "--micro-batch-tokens", "512"),
    "batch 2048, computed whole": ("--batch-tokens", "2048"),
    "batch 2048, no flash attention": ("--batch-tokens", "2048", "--flash-attention", "off"),
    "batch 2048, KV q8_0": ("--batch-tokens", "2048", "--kv-type", "q8_0"),
}
_TUNING_EVENTS = 120
LLAMA = "llama-cpp-python==0.3.36"
BUILD_TOOLS = ("hatchling>=1.27", "editables", "scikit-build-core", "cmake", "ninja")
_ROOT = Path(__file__).resolve().parent.parent


def main(argv: Sequence[str] | None = None) -> int:
    """Run; 0 done (a dry run too), 1 something failed, 2 wrong usage."""
    args = _parse(argv)
    runs = [(s, q, c) for s in args.shapes for q in args.quants for c in args.contexts]
    gpu = _gpu()
    if args.dry_run or gpu is None:
        if gpu is None:
            print("no NVIDIA GPU was found here (nvidia-smi); this is what would be done:")
        trials = [] if args.no_tune else _trials(args)
        benches = [_bench(args, *run, events=_TUNING_EVENTS) for run in trials]
        benches += [_bench(args, *run) for run in runs]
        for command in [*_setup_commands(args), *benches]:
            print("  " + shlex.join(command))
        if trials:
            print("  (each row with what was quickest for its shape and quantization)")
        print(f"  and the table goes to {args.out / 'table.md'}")
        return 0
    if not args.no_build and shutil.which("nvcc") is None:
        print("gpu-bench: nvcc is not on PATH; install CUDA's toolkit", file=sys.stderr)
        return 1
    args.out.mkdir(parents=True, exist_ok=True)
    if not args.no_build:
        venv.create(args.venv, with_pip=True, clear=False)
        for command in _setup_commands(args)[1:]:
            print("+ " + shlex.join(command), file=sys.stderr)
            subprocess.run(command, check=True, env=_build_environment())
    best = {} if args.no_tune else _tune(args)
    rows: list[tuple[Run, dict[str, Any] | str]] = []
    for number, (shape, quant, context) in enumerate(runs, 1):
        run = (shape, quant, context, best.get((shape, quant), next(iter(VARIANTS))))
        print(f"[{number} of {len(runs)}] {' '.join(map(str, run))}", file=sys.stderr)
        rows.append((run, _measure(args, run)))
        # After each one, so that an interrupt loses nothing.
        (args.out / "table.md").write_text(_table(gpu, args, rows), encoding="utf-8")
    print((args.out / "table.md").read_text(encoding="utf-8"))
    return 0 if any(isinstance(answer, dict) for _, answer in rows) else 1


#: Shape, quantization, context, variant; a variant that is left out is the first one.
Run = tuple[str, str, int] | tuple[str, str, int, str]


def _trials(args: argparse.Namespace) -> list[Run]:
    return [(s, q, args.contexts[0], v) for s in args.shapes for q in args.quants for v in VARIANTS]


def _tune(args: argparse.Namespace) -> dict[tuple[str, str], str]:
    """The quickest variant of each shape and quantization; all figures are kept in tuning.json."""
    found: dict[tuple[str, str], dict[str, float | str]] = {}
    for run in _trials(args):
        print(f"[tuning] {' '.join(map(str, run))}", file=sys.stderr)
        answer = _measure(args, run, events=_TUNING_EVENTS)
        figure = answer if isinstance(answer, str) else _slowness(answer)
        found.setdefault((run[0], run[1]), {})[run[-1]] = figure  # type: ignore[index]
        (args.out / "tuning.json").write_text(
            json.dumps({" ".join(key): value for key, value in found.items()}, indent=1),
            encoding="utf-8",
        )
    best: dict[tuple[str, str], str] = {}
    for key, figures in found.items():
        quick = {name: value for name, value in figures.items() if not isinstance(value, str)}
        if quick:
            best[key] = min(quick, key=lambda name: quick[name])
    return best


def _slowness(answer: dict[str, Any]) -> float:
    """Milliseconds that a user waits in ten typed characters and one jump."""
    typed = answer["together"]["typed"]["first_token_ms"]["median"]
    jump = answer["classes"].get("jump", {}).get("first_token_ms", {}).get("median", 0.0)
    return float(10 * typed + jump)


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="gpu-bench", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--dry-run", action="store_true", help="say what would be done")
    parser.add_argument("--wheels", type=Path, help="install from this directory, no network")
    parser.add_argument("--no-build", action="store_true", help="--venv is set up already")
    parser.add_argument("--no-tune", action="store_true", help="load every model the usual way")
    parser.add_argument("--venv", type=Path, default=_ROOT / "build" / "gpu-venv")
    parser.add_argument("--out", type=Path, default=_ROOT / "build" / "gpu-bench")
    parser.add_argument("--events", type=int, default=400)
    parser.add_argument("--timeout-s", type=float, default=1800, help="for one row")
    parser.add_argument("--shapes", nargs="+", default=SHAPES, choices=("nano", *SHAPES))
    parser.add_argument(
        "--quants", nargs="+", default=QUANTIZATIONS, choices=("q4_0", *QUANTIZATIONS)
    )
    parser.add_argument("--contexts", nargs="+", type=int, default=CONTEXT_TOKENS)
    parser.add_argument("--vs-llama-server", type=Path, help="a llama-server built with CUDA")
    return parser.parse_args(argv)


def _gpu() -> str | None:
    """Name, memory and driver of the first GPU; None where there is none."""
    query = "--query-gpu=name,memory.total,driver_version"
    try:
        done = subprocess.run(
            ["nvidia-smi", query, "--format=csv,noheader"],
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    lines = done.stdout.strip().splitlines()
    return lines[0].strip() if lines else None


def _setup_commands(args: argparse.Namespace) -> list[list[str]]:
    """What sets the environment up, the first of them creating it."""
    if args.no_build:
        return []
    pip = [str(_python(args)), "-m", "pip", "install", "--disable-pip-version-check"]
    if args.wheels:
        pip += ["--no-index", "--find-links", str(args.wheels)]
    return [
        [sys.executable, "-m", "venv", str(args.venv)],
        [*pip, *BUILD_TOOLS],
        [*pip, "--no-build-isolation", "--no-binary", "llama-cpp-python", LLAMA],
        [*pip, "--no-build-isolation", "-e", f"{_ROOT}[llama]"],
    ]


def _build_environment() -> dict[str, str]:
    """llama.cpp built for the GPU that is here, with all its attention kernels."""
    options = "-DGGML_CUDA=on -DCMAKE_CUDA_ARCHITECTURES=native -DGGML_CUDA_FA_ALL_QUANTS=on"
    return os.environ | {
        "CMAKE_ARGS": f"{options} {os.environ.get('CMAKE_ARGS', '')}".strip(),
        "CMAKE_BUILD_PARALLEL_LEVEL": str(os.cpu_count() or 1),
    }


def _python(args: argparse.Namespace) -> Path:
    return Path(args.venv) / "bin" / "python"


def _bench(
    args: argparse.Namespace,
    shape: str,
    quant: str,
    context: int,
    variant: str = "",
    events: int = 0,
) -> list[str]:
    command = [
        *(str(_python(args)), "-m", "codellama_lsp", "bench", "keystrokes", "--json"),
        *("--shape", shape, "--quant", quant, "--context-tokens", str(context)),
        *("--events", str(events or args.events)),
        *VARIANTS.get(variant, ()),
    ]
    if args.vs_llama_server:
        command += ["--vs-llama-server", str(args.vs_llama_server)]
    return command


def _measure(args: argparse.Namespace, run: Run, events: int = 0) -> dict[str, Any] | str:
    """The bench's JSON, kept in a file too; or the last line of what went wrong."""
    command = _bench(args, *run, events=events)
    try:
        done = subprocess.run(
            command, capture_output=True, timeout=args.timeout_s, text=True, check=False
        )
    except subprocess.TimeoutExpired:
        return f"took more than {args.timeout_s:.0f} s"
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        return lines[-1] if lines else f"status {done.returncode}"
    if not events:
        path = args.out / f"{run[0]}-{run[1]}-{run[2]}.json"
        path.write_text(done.stdout, encoding="utf-8")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _table(
    gpu: str,
    args: argparse.Namespace,
    rows: Sequence[tuple[Run, dict[str, Any] | str]],
) -> str:
    lines = [
        f"{gpu}; {LLAMA}; {args.events} events",
        "",
        "| shape | quantization | context | loaded with | fresh tokens per typed character, "
        "median / mean / p95 "
        "| first text, typed, ms, median / p95 | after a jump, ms, median / max | overhead until "
        "the first text, ms, median |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for (shape, quant, context, *variant), answer in rows:
        head = f"| {shape} | {quant} | {context} | {''.join(map(str, variant))} |"
        if isinstance(answer, str):
            lines.append(f"{head} {answer.replace('|', '/')} | | | |")
            continue
        typed = answer["together"]["typed"]
        fresh, first = typed["fresh_tokens"], typed["first_token_ms"]
        jump = answer["classes"].get("jump", {}).get("first_token_ms")
        after = f"{jump['median']:.0f} / {jump['max']:.0f}" if jump else "none in this trace"
        lines.append(
            f"{head} {fresh['median']:.0f} / {fresh['mean']:.1f} / {fresh['p95']:.0f} "
            f"| {first['median']:.1f} / {first['p95']:.1f} | {after} "
            f"| {typed['first_overhead_ms']['median']:.2f} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
