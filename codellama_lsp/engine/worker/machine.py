"""What this machine is: cores for llama.cpp, and a crash probe whose answer is remembered.

With AMX in some virtual machines llama.cpp's repacked weight buffers crash at the first batch of
two tokens, so they are tried once in a child process, per machine and build.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import attrs

from codellama_lsp import dirs

_PROBE_SECONDS = 120


@attrs.frozen
class ProbeAnswer:
    """Whether extra buffers can be used here, and how that is known."""

    works: bool
    how: str


def physical_cores() -> int:
    """Cores that share no execution units, as far as the system tells; at least 1."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    siblings: set[str] = set()
    for path in Path("/sys/devices/system/cpu").glob("cpu[0-9]*/topology/thread_siblings_list"):
        try:
            siblings.add(path.read_text().strip())
        except OSError:
            return max(1, usable or 1)
    return max(1, min(len(siblings) or 1, usable or 1) if siblings else (usable or 1))


def extra_buffers(probe_model: Path) -> ProbeAnswer:
    """Whether llama.cpp's extra buffers survive a batch of a quantized model on this machine.

    Asks a child process once and keeps the answer in the user's cache directory.
    """
    if not probe_model.is_file():
        return ProbeAnswer(works=not _has_amx(), how="no model to probe with; judged by the CPU")
    store = dirs.cache_dir() / "probes.json"
    key = _fingerprint(probe_model)
    known = _read(store)
    if isinstance(known.get(key), bool):
        return ProbeAnswer(works=known[key], how="probed earlier on this machine")
    works = _try(probe_model)
    known[key] = works
    partial = store.with_suffix(f".{os.getpid()}")
    try:
        dirs.make_private(store.parent)
        partial.write_text(json.dumps(known))
        partial.replace(store)
    except OSError:
        return ProbeAnswer(works=works, how="probed now; the answer could not be kept")
    return ProbeAnswer(works=works, how="probed now")


def _try(model: Path) -> bool:
    command = [sys.executable, "-P", "-m", "codellama_lsp.engine.worker.probe", str(model)]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_PROBE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _fingerprint(model: Path) -> str:
    import llama_cpp

    library = Path(llama_cpp.__file__).parent
    files = sorted(p for p in library.rglob("*") if p.suffix in (".so", ".dylib", ".dll"))
    facts = [platform.node(), platform.machine(), _cpu(), str(model.stat().st_size)]
    facts += [f"{p.name}:{p.stat().st_size}:{p.stat().st_mtime_ns}" for p in files]
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    wanted = ("model name", "flags", "Features")
    return "\n".join(dict.fromkeys(line for line in lines if line.startswith(wanted)))


def _has_amx() -> bool:
    return "amx_int8" in _cpu()


def _read(store: Path) -> dict[str, bool]:
    try:
        found = json.loads(store.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
