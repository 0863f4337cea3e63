"""Waiting for things that must happen; how long they take is not what these tests are about."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

PATIENCE_S = float(os.environ.get("CODELLAMA_TEST_PATIENCE_S", "120"))


def until(look: Callable[[], Any], what: str, patience_s: float = PATIENCE_S) -> Any:
    """The first true value of `look`, asked again and again."""
    deadline = time.monotonic() + patience_s
    while True:
        value = look()
        if value:
            return value
        assert time.monotonic() < deadline, f"waited {patience_s:.0f} s in vain for: {what}"
        time.sleep(0.02)
