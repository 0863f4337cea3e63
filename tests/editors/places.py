"""Where this repository is, and the editors that the install scripts fetched."""

from __future__ import annotations

import os
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]


def editors_dir() -> Path:
    """Where the install scripts put editors."""
    if named := os.environ.get("CODELLAMA_EDITORS_DIR"):
        return Path(named)
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "codellama-lsp-editors"
