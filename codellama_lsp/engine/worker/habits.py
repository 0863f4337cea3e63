"""What a draft policy has learnt of a model, kept for the next start: counts alone, no text."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from pathlib import Path

from codellama_lsp import dirs
from codellama_lsp.engine.worker.drafting import DraftPolicy

log = logging.getLogger(__name__)

#: Fewer proposals than this since the last time are not worth a write.
_LEAST_NEW = 32
_MOST_FILES = 32


class Habits:
    """The file of one model, and the policy that it belongs to."""

    def __init__(self, model: Path, policy: DraftPolicy) -> None:
        status = model.stat()
        facts = (str(model.resolve()), status.st_size, status.st_mtime_ns)
        name = hashlib.sha256(repr(facts).encode()).hexdigest()[:16]
        self._path = dirs.cache_dir() / "drafts" / f"{name}.json"
        self._policy = policy
        self._failed = False
        self._adopt()

    def keep(self) -> None:
        """Write what was learnt since the last time, if it is worth that."""
        if self._failed or self._policy.learnt < _LEAST_NEW:
            return
        self._policy.learnt = 0
        partial = self._path.with_suffix(f".{os.getpid()}")
        try:
            dirs.make_private(dirs.cache_dir())
            dirs.make_private(self._path.parent)
            try:
                descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
                with os.fdopen(descriptor, "w") as file:
                    json.dump(self._policy.counts(), file)
                partial.replace(self._path)
            finally:
                partial.unlink(missing_ok=True)
            self._prune()
        except OSError as error:
            self._failed = True
            log.warning("what drafts have shown could not be kept (%s)", error.strerror)

    def _adopt(self) -> None:
        try:
            counts = json.loads(self._path.read_text())
        except (OSError, ValueError):
            return
        if not self._policy.adopt(counts):
            log.info("what drafts have shown earlier does not fit this version")

    def _prune(self) -> None:
        files = sorted(self._path.parent.glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
        for path in files[:-_MOST_FILES]:
            path.unlink(missing_ok=True)
