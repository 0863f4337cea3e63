"""Keeping the KV cells of documents on disk, so that the next start does not pay their prefill.

Written while nobody asks anything, a document at a time, so that an engine that is killed loses
little. Only copying out of the cache takes the decode thread's time; the file is written beside it.
"""

from __future__ import annotations

import hashlib
import logging
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import attrs

from codellama_lsp import dirs
from codellama_lsp.engine.worker import disk
from codellama_lsp.engine.worker.cache import KvCache, Resident
from codellama_lsp.engine.worker.context import Context
from codellama_lsp.engine.worker.library import system_info
from codellama_lsp.engine.worker.parking import LEAST_TOKENS
from codellama_lsp.engine.worker.tokens import Ids

log = logging.getLogger(__name__)

#: A document that somebody works on is written again after so long.
_AGAIN_S = 60.0
#: Where a write failed, the disk may be full; it is tried again after so long.
_RETRY_S = 600.0
_NICE = 10


@attrs.frozen
class _Written:
    path: Path
    document: str
    at_s: float


class Warmth:
    """Keeps a cache's prompts on disk, `most_bytes` of them at most."""

    def __init__(
        self,
        cache: KvCache,
        context: Context,
        model: Path,
        most_bytes: int,
        kv_type: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cache = cache
        self._context = context
        self._most_bytes = most_bytes
        self._directory = _directory(model, kv_type)
        self._clock = clock
        self._written: dict[int, _Written] = {}
        self._writer: ThreadPoolExecutor | None = None
        self._writing: Future[None] | None = None
        self._failed_at_s: float | None = None
        cache.lot.add_files(self._directory)

    def rest(self) -> bool:
        """Write one document that is not there yet; whether there is more to do."""
        if self._writing is not None and not self._writing.done():
            return True
        for resident in self._cache.latest_first():
            if self._is_due(resident):
                self._begin(resident)
                return True
        return False

    def close(self) -> None:
        """Write what is left, the latest first, and what is parked, while there is room."""
        room = self._most_bytes
        for resident in self._cache.latest_first():
            size = self._context.state_size(resident.sequence)
            if len(resident) >= LEAST_TOKENS and size <= room:
                room -= size
                if not disk.path_of(self._directory, resident.tokens).exists():
                    self._begin(resident)
        for parked in reversed(self._cache.lot.states()):
            if parked.data is not None and parked.size <= room:
                room -= parked.size
                self._hand_over(parked.tokens, parked.data, None)
        if self._writer is not None:
            self._writer.shutdown()

    def _is_due(self, resident: Resident) -> bool:
        failed_at_s = self._failed_at_s
        if failed_at_s is not None and self._clock() - failed_at_s < _RETRY_S:
            return False
        if len(resident) < LEAST_TOKENS:
            return False
        if disk.path_of(self._directory, resident.tokens).exists():
            return False
        last = self._written.get(resident.sequence)
        if last and last.document == resident.document and self._clock() - last.at_s < _AGAIN_S:
            return False
        return self._context.state_size(resident.sequence) <= self._most_bytes

    def _begin(self, resident: Resident) -> None:
        tokens = resident.tokens.copy()
        last = self._written.get(resident.sequence)
        older = last.path if last and last.document == resident.document else None
        path = disk.path_of(self._directory, tokens)
        self._written[resident.sequence] = _Written(path, resident.document, self._clock())
        self._hand_over(tokens, self._context.save(resident.sequence), older)

    def _hand_over(self, tokens: Ids, data: bytes, older: Path | None) -> None:
        if self._writer is None:
            self._writer = ThreadPoolExecutor(1, "warm-cache", initializer=_lower_priority)
        self._writing = self._writer.submit(self._write, tokens, data, older)

    def _write(self, tokens: Ids, data: bytes, older: Path | None) -> None:
        try:
            path = disk.write(self._directory, tokens, data)
            if older is not None and older != path:
                older.unlink(missing_ok=True)
            disk.prune(self._directory, self._most_bytes)
        except OSError as error:
            self._failed_at_s = self._clock()
            log.warning("the warm cache could not be written (%s)", error.strerror)


def _directory(model: Path, kv_type: str) -> Path:
    """States only fit the file, and the settings, that they were made with."""
    status = model.stat()
    facts = (str(model.resolve()), status.st_size, status.st_mtime_ns, system_info(), kv_type)
    key = hashlib.sha256(repr(facts).encode()).hexdigest()[:16]
    return dirs.cache_dir() / "warm" / key


def _lower_priority() -> None:
    """Of the calling thread; on Linux each has its own."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, 0, min(19, os.getpriority(os.PRIO_PROCESS, 0) + _NICE))
