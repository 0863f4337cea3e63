"""Measures the index of a large workspace: 10,000 files with a million lines, made from a seed.

    python scripts/index_bench.py [--files N]

The server's side runs in this process, with a scripted engine that completes all the while; the
index process is a real one. Reported: seconds until the index is ready, the process's largest
resident set, milliseconds from a written file to its definition being chosen, CPU milliseconds of a
choice, and what the longest callbacks on the server's event loop cost (CPU, so that other work on
the machine does not count). Exits with 1 where a limit of the project is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

LINES_PER_FILE = 100
LIMITS = {
    "first_index_s": 120.0,
    "index_rss_mb": 400.0,
    "edit_to_index_ms.median": 100.0,
    "choose_cpu_ms.median": 10.0,
    "choose_cpu_ms.p95": 30.0,
    "loop_cpu_ms.p99.9": 5.0,
}
_VERBS = "load store parse render merge split scan check open close apply build".split()
_NOUNS = "order shape packet frame token branch table window session record cursor batch".split()


def make(root: Path, files: int, rng: random.Random) -> int:
    """Write the workspace; how many lines it has."""
    lines = 0
    for number in range(files):
        folder = root / f"part_{number // 100}"
        folder.mkdir(parents=True, exist_ok=True)
        text = _module(number, files, rng)
        lines += text.count("\n")
        (folder / f"module_{number}.py").write_text(text)
    return lines


def _module(number: int, files: int, rng: random.Random) -> str:
    others = rng.sample(range(files), 4)
    parts = [f'"""Module {number}."""', ""]
    parts += [f"from part_{n // 100}.module_{n} import {_name(n, 0)}" for n in others]
    count = 0
    while len(parts) < LINES_PER_FILE:
        name, other = _name(number, count), _name(rng.choice(others), 0)
        noun, verb = rng.choice(_NOUNS), rng.choice(_VERBS)
        parts += ["", "", f"def {name}({noun}, limit={rng.randrange(99)}):"]
        parts += [f'    """{verb.title()} the {noun} of {name}."""', f"    {noun}_total = 0"]
        for step in range(rng.randrange(2, 9)):
            field = f"{rng.choice(_VERBS)}_{rng.choice(_NOUNS)}"
            parts.append(f"    {noun}_total += {noun}.{field}(limit) * {step}")
        parts += [f"    return {other}({noun}_total)"]
        count += 1
    return "\n".join(parts) + "\n"


def _name(number: int, count: int) -> str:
    rng = random.Random(number * 1000 + count)
    return f"{rng.choice(_VERBS)}_{rng.choice(_NOUNS)}_{number}_{count}"


class LoopWatch:
    """CPU time of every callback on the event loop, from the moment it is installed."""

    def __init__(self) -> None:
        self.ms: list[float] = []
        original, note = asyncio.Handle._run, self.ms.append

        def run(handle: asyncio.Handle) -> None:
            started = time.thread_time()
            original(handle)
            note((time.thread_time() - started) * 1000)

        asyncio.Handle._run = run  # type: ignore[assignment,method-assign]


class Bench:
    """A server's workspace side and completer over one folder."""

    def __init__(self, root: Path, script: Path, rng: random.Random) -> None:
        from codellama_lsp.completion.pipeline import Completer
        from codellama_lsp.config.settings import Settings
        from codellama_lsp.engine.local import LocalEngine
        from codellama_lsp.engine.scripted import ScriptedBackend
        from codellama_lsp.workspace.context import WorkspaceContext

        self.root, self.rng = root, rng
        self.ready = asyncio.Event()
        self.workspace = WorkspaceContext(on_state=self._state)
        engine = self.local = LocalEngine(ScriptedBackend(script))

        class Provider:
            async def engine(self) -> LocalEngine:
                return engine

        settings = Settings(speculate=False, debounce_ms=0)
        self.completer = Completer(Provider(), lambda uri: settings, related=self.workspace)
        self.texts: dict[str, str] = {}
        self.completed_ms: list[float] = []

    def _state(self) -> None:
        if any(state.get("state") == "ready" for state in self.workspace.states.values()):
            self.ready.set()

    @property
    def pid(self) -> int:
        """Of the index process."""
        (folder,) = self.workspace._folders
        return folder.client.pid or 0

    def open(self, number: int, text: str | None = None) -> str:
        """Open a module's document; its URI."""
        path = self.root / f"part_{number // 100}" / f"module_{number}.py"
        uri = path.as_uri()
        self.texts[uri] = path.read_text() if text is None else text
        self.workspace.opened(uri, "python", lambda: self.texts[uri])
        return uri

    async def type(self, uri: str) -> None:
        """Type a character somewhere, and wait for the answer."""
        from codellama_lsp.completion.types import CompletionRequest, DocumentSnapshot, Trigger

        text = self.texts[uri]
        place = text.find("\n", self.rng.randrange(len(text) // 2, len(text) - 2))
        self.texts[uri] = text[:place] + " x" + text[place:]
        self.workspace.changed(uri)
        snapshot = DocumentSnapshot(uri, "python", 1, self.texts[uri])
        request = CompletionRequest(snapshot, place + 2, Trigger.INVOKED, use_cache=False)
        started = time.perf_counter()
        await self.completer.complete(request)
        self.completed_ms.append((time.perf_counter() - started) * 1000)

    async def choose(self, uri: str) -> tuple[float, set[str]]:
        """Choose for the end of a document: the process's CPU milliseconds, and all texts."""
        from codellama_lsp.completion.types import CompletionRequest, DocumentSnapshot

        text = self.texts[uri]
        snapshot = DocumentSnapshot(uri, "python", 1, text)
        asked = await self.completer.asked(CompletionRequest(snapshot, len(text)))
        document = self.workspace._documents[uri]
        (folder,) = self.workspace._folders
        self.workspace._send(document)
        question = self.workspace._question(document, folder, asked, asked.budget_tokens)
        found = await folder.client.ask("select", question)
        return found["cpu_ms"], {chunk["text"] for chunk in found["chunks"]}


async def measure(root: Path, script: Path, files: int, rng: random.Random) -> dict[str, Any]:
    """All figures."""
    watch = LoopWatch()
    bench = Bench(root, script, rng)
    started = time.perf_counter()
    bench.workspace.set_folders([root], watch=False)
    uri = bench.open(files // 2)
    largest_mb = 0.0
    while not bench.ready.is_set():
        await bench.type(uri)
        largest_mb = max(largest_mb, _rss_mb(bench.pid))
        await asyncio.sleep(0.15)
    first_s = time.perf_counter() - started
    during_ms = list(bench.completed_ms)
    choosing = []
    for _ in range(200):
        number = rng.randrange(files)
        document = bench.open(number)
        head = bench.texts[document]
        cut = head.find("    return ", rng.randrange(len(head) // 2))
        bench.texts[document] = head[: cut + len("    return ")] if cut > 0 else head
        choosing.append((await bench.choose(document))[0])
        bench.workspace.forget(document)
        await bench.type(uri)
    edits = [await _edit(bench, rng, files, number) for number in range(20)]
    largest_mb = max(largest_mb, _rss_mb(bench.pid))
    await bench.workspace.close()
    await bench.completer.close()
    await bench.local.close()
    return {
        "files": files,
        "first_index_s": round(first_s, 1),
        "index_rss_mb": round(largest_mb, 1),
        "completions_while_indexing": {"n": len(during_ms), **_spread(during_ms)},
        "choose_cpu_ms": _spread(choosing),
        "edit_to_index_ms": _spread(edits),
        "loop_cpu_ms": {**_spread(watch.ms), "callbacks": len(watch.ms)},
    }


async def _edit(bench: Bench, rng: random.Random, files: int, number: int) -> float:
    """Milliseconds from a written file, told as an editor tells it, to its being chosen."""
    changed = rng.randrange(files)
    path = bench.root / f"part_{changed // 100}" / f"module_{changed}.py"
    name = f"brand_new_{number}"
    path.write_text(f"{path.read_text()}\n\ndef {name}(a):\n    return a\n")
    text = f"from part_{changed // 100}.module_{changed} import {name}\n\nx = {name}("
    probe = bench.open(files + number, text)
    started = time.perf_counter()
    bench.workspace.files_changed([path.as_uri()])
    while True:
        _, texts = await bench.choose(probe)
        if any(f"def {name}(" in shown for shown in texts):
            break
    took_ms = (time.perf_counter() - started) * 1000
    bench.workspace.forget(probe)
    return took_ms


def _rss_mb(pid: int) -> float:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    peak = [line for line in status.split("\n") if line.startswith("VmHWM")]
    return int(peak[0].split()[1]) / 1024 if peak else 0.0


def _spread(values: list[float]) -> dict[str, float]:
    ordered = sorted(values) or [0.0]

    def at(share: float) -> float:
        return round(ordered[min(int(len(ordered) * share), len(ordered) - 1)], 2)

    return {
        "median": round(statistics.median(ordered), 2),
        "p95": at(0.95),
        "p99.9": at(0.999),
        "max": round(ordered[-1], 2),
    }


def missed(figures: dict[str, Any]) -> list[str]:
    """Limits that do not hold."""
    result = []
    for name, limit in LIMITS.items():
        first, _, rest = name.partition(".")
        value = figures[first][rest] if rest else figures[first]
        if value > limit:
            result.append(f"{name} is {value}, the limit is {limit}")
    return result


def main() -> int:
    """Make the workspace, measure, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=7)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    place = Path(tempfile.mkdtemp(prefix="codellama-index-bench-"))
    os.environ["CODELLAMA_LSP_STATE_DIR"] = str(place / "state")
    try:
        lines = make(place / "workspace", args.files, rng)
        script = place / "script.json"
        script.write_text(json.dumps(["total"] * 100_000))
        figures = asyncio.run(measure(place / "workspace", script, args.files, rng))
    finally:
        shutil.rmtree(place, ignore_errors=True)
    figures = {"lines": lines, **figures}
    print(json.dumps(figures, indent=1))
    wrong = missed(figures)
    for sentence in wrong:
        print(f"index_bench: {sentence}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
