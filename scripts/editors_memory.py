"""Opens several editors on one project with one model, and says what each further one costs.

Each editor is a real server process with a document open and a suggestion answered. Memory is
counted over a server and the processes that it started, as proportional set size (pages that
several processes share are divided among them); the engine, which all share, is counted by itself.
Linux only.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sys
from pathlib import Path

import attrs

from codellama_lsp.lsp.client import Editor

_ROOT = Path(__file__).resolve().parent.parent
_SETTLE_S = 3.0


@attrs.frozen
class Memory:
    """Of some processes, in MB."""

    pss_mb: float
    private_mb: float


def children(pid: int) -> list[int]:
    """A process's descendants."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in map(int, task.read_text().split()):
                found += [child, *children(child)]
    return found


def is_engine(pid: int) -> bool:
    """Whether a process is an engine."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return b"engine" in words


def memory_of(pids: list[int]) -> Memory:
    """Of processes together; those that have ended count nothing."""
    pss = private = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                name, _, rest = line.partition(":")
                if name == "Pss":
                    pss += int(rest.split()[0])
                elif name in ("Private_Clean", "Private_Dirty"):
                    private += int(rest.split()[0])
    return Memory(pss / 1024, private / 1024)


async def measure(
    count: int, project: Path, files: list[Path], command: list[str]
) -> dict[str, object]:
    """Open `count` editors one after another; what there is after each."""
    rows: list[dict[str, object]] = []
    engines: set[int] = set()
    async with contextlib.AsyncExitStack() as stack:
        servers: list[int] = []
        for number in range(count):
            editor = await stack.enter_async_context(Editor(command, project))
            await editor.ready()
            path = files[number % len(files)]
            document = editor.open(path, path.read_text(encoding="utf-8"))
            document.cursor = len(document.text)
            editor.type(document, "\n\ndef ")
            await editor.complete(document)
            servers.append(editor.pid)
            await asyncio.sleep(_SETTLE_S)
            family = [pid for server in servers for pid in [server, *children(server)]]
            engines |= {pid for pid in family if is_engine(pid)}
            own = memory_of([pid for pid in family if pid not in engines])
            rows.append({"editors": number + 1, **attrs.asdict(own)})
    first, last = rows[0], rows[-1]
    return {
        "rows": rows,
        "engines": len(engines),
        "engine": attrs.asdict(memory_of(sorted(engines))),
        "added_pss_mb": round(float(str(last["pss_mb"])) - float(str(first["pss_mb"])), 1),
    }


def main() -> int:
    """Measure and print; 1 where there was more than one engine or too much memory."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--editors", type=int, default=3)
    parser.add_argument("--project", type=Path, default=_ROOT / "codellama_lsp" / "data" / "demo")
    parser.add_argument("--most-mb", type=float, default=100.0, help="for all but the first")
    args = parser.parse_args()
    command = [sys.executable, "-m", "codellama_lsp", "serve"]
    answer = asyncio.run(
        measure(args.editors, args.project, sorted(args.project.rglob("*.py")), command)
    )
    print(json.dumps(answer, indent=1))
    return int(answer["engines"] != 1 or float(str(answer["added_pss_mb"])) > args.most_mb)


if __name__ == "__main__":
    sys.exit(main())
