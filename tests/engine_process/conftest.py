"""A backend that the test holds, and where its host listens."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine_process.helpers import GatedBackend


@pytest.fixture
def path(state_dir: Path) -> Path:
    """The host's socket."""
    return state_dir / "e.sock"


@pytest.fixture
def backend() -> GatedBackend:
    """Answers a request with its own prefix."""
    return GatedBackend()
