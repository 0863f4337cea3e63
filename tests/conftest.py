"""State of the program goes to a directory of the test's own, short enough for a socket."""

import shutil
import tempfile
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def state_dir(monkeypatch):
    path = Path(tempfile.mkdtemp(prefix="cll-"))
    monkeypatch.setenv("CODELLAMA_LSP_STATE_DIR", str(path))
    yield path
    shutil.rmtree(path, ignore_errors=True)
