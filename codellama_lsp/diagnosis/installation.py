"""Checks that need no engine: Python, packages, models on disk, directories."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
import platform
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import codellama_lsp
from codellama_lsp import dirs
from codellama_lsp.diagnosis.check import Check, ok, problem, warning
from codellama_lsp.models.catalogue import EMBEDDED_PATH, ModelFile

_HASH_BLOCK_BYTES = 1 << 20
_MIB = 1 << 20


def installation(*, needs_llama: bool) -> Iterator[Check]:
    """Python, the machine, the packages; llama.cpp may be missing where nothing needs it."""
    yield ok("codellama-lsp", f"{codellama_lsp.__version__} in {Path(__file__).parents[1]}")
    yield ok("python", f"{platform.python_version()} ({sys.executable})")
    yield ok("platform", f"{platform.platform()}, {os.cpu_count()} CPUs, {_cpu_name()}")
    if sys.platform == "win32":
        yield problem(
            "engine process", "needs Unix sockets", "Use it in the Windows Subsystem for Linux."
        )
    install = "Run: pip install 'codellama-lsp[llama]'"
    if importlib.util.find_spec("llama_cpp") is None:
        say = problem if needs_llama else warning
        yield say("llama-cpp-python", "not installed", install)
    else:
        try:
            yield ok("llama-cpp-python", importlib.metadata.version("llama-cpp-python"))
        except importlib.metadata.PackageNotFoundError:
            yield warning("llama-cpp-python", "there, but not from a package", install)


def models(chosen: ModelFile) -> Iterator[Check]:
    """The embedded model and the one in use."""
    if EMBEDDED_PATH.is_file():
        yield ok("embedded model", _describe(EMBEDDED_PATH))
    else:
        yield warning(
            "embedded model",
            f"missing at {EMBEDDED_PATH}",
            "Reinstall codellama-lsp, or always pass --model.",
        )
    if chosen.path != EMBEDDED_PATH:
        yield ok("model", _describe(chosen.path))


def directories() -> Iterator[Check]:
    """The program's own directories, made if they aren't there."""
    for name, path in (
        ("runtime directory", dirs.runtime_dir()),
        ("log directory", dirs.log_dir()),
        ("cache directory", dirs.cache_dir()),
        ("data directory", dirs.data_dir()),
    ):
        yield _directory(name, path)


def _directory(name: str, path: Path) -> Check:
    other = f"Remove it or make it yours, or set {dirs.STATE_VARIABLE} to another place."
    try:
        dirs.make_private(path)
        if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
            return problem(name, f"{path} cannot be written", other)
    except dirs.UnsafeDirectoryError:
        return problem(name, f"{path} is not a directory of yours", other)
    except OSError as error:
        return problem(name, f"{path}: {error.strerror}", other)
    mode = stat.S_IMODE(path.stat().st_mode)
    longest = dirs.MAX_SOCKET_PATH_BYTES - dirs.SOCKET_NAME_BYTES - 1
    if name.startswith("runtime") and len(os.fsencode(path)) > longest:
        return problem(
            name,
            f"{path} is too long for a socket",
            f"Set {dirs.STATE_VARIABLE} or XDG_RUNTIME_DIR to a shorter path.",
        )
    return ok(name, f"{path} ({mode:04o})")


def _describe(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_HASH_BLOCK_BYTES):
            digest.update(block)
    size_mib = path.stat().st_size / _MIB
    return f"{path} ({size_mib:,.1f} MiB, sha256 {digest.hexdigest()})"


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
