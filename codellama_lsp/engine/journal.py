"""What an engine was evaluating when it crashed, so that the same prompt does not kill it for ever.

Each engine has a journal beside its socket: a hash, never text, and behind it whatever Python's
fault handler writes when the process crashes (a kill from outside writes nothing). The next
engine of the same identity counts the crashes of each prompt. Must not know sockets or models.
"""

from __future__ import annotations

import contextlib
import faulthandler
import functools
import hashlib
import json
import mmap
import os
import sys
import time
from pathlib import Path

import attrs

from codellama_lsp import dirs
from codellama_lsp.engine.backend import Backend, CancelFlag, Emit, Report
from codellama_lsp.engine.protocol import (
    BadRequestError,
    EngineInfo,
    GenerateRequest,
    GenerateResult,
)

if sys.platform != "win32":
    import fcntl

#: A prompt that was there in so many crashes is tried once more, alone.
SUSPECT_CRASHES = 2
_SUFFIX = ".journal"
_SEEN = ".seen"
#: The head: identity, blank, hash or blanks, line feed.
_HEAD_BYTES = 64
_NO_HASH = " " * 32
_KEEP_SEEN_S = 600.0
_MOST_PROMPTS = 64


def journal_of(socket: Path) -> Path:
    """Where the engine that listens at `socket` keeps its journal."""
    return socket.with_suffix(_SUFFIX)


def crashed(socket: Path) -> bool | None:
    """Whether the engine of `socket` ended by a crash of its own; None where nothing tells."""
    path = journal_of(socket)
    for place in (path, path.with_suffix(_SEEN)):
        with contextlib.suppress(OSError):
            return place.stat().st_size > _HEAD_BYTES
    return None


def fingerprint(request: GenerateRequest) -> str:
    """Hash of what a request makes the model evaluate: 32 hexadecimal digits."""
    place = "prefix" if request.context_in_prefix else ""
    # What stays the same at the next keystroke is not looked at again.
    still = [_digest(segment.text) for segment in (*request.context, request.suffix)]
    head = "\0".join([request.layout.value, place, *still, request.prefix.text])
    return _hash(head)


@functools.lru_cache(maxsize=64)
def _digest(text: str) -> str:
    return _hash(text)


def _hash(text: str) -> str:
    data = text.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(data, digest_size=16).hexdigest()


class Journal:
    """The journal of a process, and what those before it have left."""

    def __init__(self, socket: Path, identity: str) -> None:
        self._path = journal_of(socket)
        self._identity = identity
        self._ledger = _Ledger(dirs.cache_dir() / f"crashes-{identity}.json")
        _collect(self._path.parent, identity, self._ledger)
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0)
        self._descriptor = os.open(self._path, flags, 0o600)
        if sys.platform != "win32":
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # The fault handler appends where the file's offset is; notes don't move it.
        os.write(self._descriptor, self._head(_NO_HASH))
        # In memory that is the file's: it outlasts the process, and a note is no system call.
        self._mapped = mmap.mmap(self._descriptor, _HEAD_BYTES)
        faulthandler.enable(self._descriptor)

    def begin(self, prompt: str) -> None:
        """`prompt` is about to be evaluated."""
        self._note(prompt)

    def end(self) -> None:
        """It was evaluated."""
        self._note(_NO_HASH)

    def crashes(self, prompt: str) -> int:
        """In how many crashes `prompt` was being evaluated."""
        return self._ledger.counts.get(prompt, 0)

    def forgive(self, prompt: str) -> None:
        """It was evaluated without a crash."""
        self._ledger.forget(prompt)

    def close(self) -> None:
        """Nothing crashed: leave nothing behind."""
        faulthandler.disable()
        self._mapped.close()
        os.close(self._descriptor)
        with contextlib.suppress(OSError):
            self._path.unlink()

    def _note(self, prompt: str) -> None:
        self._mapped[:] = self._head(prompt)

    def _head(self, prompt: str) -> bytes:
        head = f"{self._identity:12.12} {prompt:32.32}"
        return f"{head:<{_HEAD_BYTES - 1}}\n".encode()


@attrs.define
class _Ledger:
    """Crashes by prompt, in the user's cache directory."""

    path: Path
    counts: dict[str, int] = attrs.field(factory=dict)

    def __attrs_post_init__(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            raw = json.loads(self.path.read_text(encoding="ascii"))
            if isinstance(raw, dict):
                self.counts = {str(k): v for k, v in raw.items() if isinstance(v, int)}

    def add(self, prompt: str) -> None:
        self.counts[prompt] = self.counts.pop(prompt, 0) + 1
        while len(self.counts) > _MOST_PROMPTS:
            del self.counts[next(iter(self.counts))]
        self._write()

    def forget(self, prompt: str) -> None:
        if self.counts.pop(prompt, None) is not None:
            self._write()

    def _write(self) -> None:
        partial = self.path.with_suffix(f".{os.getpid()}")
        with contextlib.suppress(OSError):
            dirs.make_private(self.path.parent)
            partial.write_text(json.dumps(self.counts), encoding="ascii")
            partial.chmod(0o600)
            partial.replace(self.path)


def _collect(directory: Path, identity: str, ledger: _Ledger) -> None:
    """Count what dead engines of this identity were evaluating; put their journals aside.

    Their clients may still want to know how they ended, so they stay for a while.
    """
    for path in directory.glob(f"*{_SUFFIX}"):
        with contextlib.suppress(OSError), path.open("rb") as file:
            if sys.platform != "win32":
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # else it lives
            head, _, rest = file.read().partition(b"\n")
            owner, _, prompt = head.decode("ascii", "replace").strip().partition(" ")
            if owner != identity:
                continue
            if rest and len(prompt) == len(_NO_HASH):
                ledger.add(prompt)
            path.replace(path.with_suffix(_SEEN))
    for path in directory.glob(f"*{_SEEN}"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > _KEEP_SEEN_S:
                path.unlink()


class JournaledBackend:
    """Implements `Backend`: another one, which refuses what has crashed it again and again."""

    def __init__(self, backend: Backend, journal: Journal) -> None:
        self._backend = backend
        self._journal = journal

    def load(self, report: Report) -> EngineInfo:
        """As the backend does."""
        return self._backend.load(report)

    def generate(self, request: GenerateRequest, emit: Emit, cancel: CancelFlag) -> GenerateResult:
        """As the backend does; raises `BadRequestError` for what it would not survive."""
        prompt = fingerprint(request)
        crashes = self._journal.crashes(prompt)
        if crashes > SUSPECT_CRASHES:
            raise BadRequestError(
                f"the engine crashed {crashes} times on this very text, so it is not tried again",
                "Change the text, or report it with the engine's log (see `codellama-lsp doctor`).",
            )
        if crashes == SUSPECT_CRASHES:
            # Alone: nothing that others left in the cache, nothing evaluated along with it.
            self._backend.clear()
            request = attrs.evolve(request, draft=False, candidates=1)
        self._journal.begin(prompt)
        try:
            result = self._backend.generate(request, emit, cancel)
        finally:
            self._journal.end()
        if crashes:
            self._journal.forgive(prompt)
        return result

    def unfinished(self) -> GenerateRequest | None:
        """As the backend does."""
        return self._backend.unfinished()

    def rest(self) -> bool:
        """As the backend does."""
        return self._backend.rest()

    def clear(self) -> None:
        """As the backend does."""
        self._backend.clear()

    def close(self) -> None:
        """As the backend does."""
        self._backend.close()
