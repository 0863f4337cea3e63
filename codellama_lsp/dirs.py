"""Where this program keeps its own files, each directory private to the user.

``CODELLAMA_LSP_STATE_DIR`` moves all of them under one directory (tests, portable installs).
"""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

import platformdirs

APP = "codellama-lsp"
STATE_VARIABLE = "CODELLAMA_LSP_STATE_DIR"

#: ``sun_path`` holds 104 bytes on the BSDs and macOS, its closing zero included.
MAX_SOCKET_PATH_BYTES = 103
_SOCKET_NAME_BYTES = 40


class UnsafeDirectoryError(OSError):
    """A directory of ours belongs to somebody else."""


def runtime_dir() -> Path:
    """Sockets; its path is short enough for a socket's name. Not created yet."""
    if path := _moved("run"):
        return path
    usual = Path(platformdirs.user_runtime_dir(APP))
    if len(os.fsencode(usual)) + 1 + _SOCKET_NAME_BYTES <= MAX_SOCKET_PATH_BYTES and (
        usual.is_dir() or os.access(usual.parent, os.W_OK)
    ):
        return usual
    user = os.getuid() if hasattr(os, "getuid") else 0
    return Path(tempfile.gettempdir()) / f"{APP}-{user}"


def log_dir() -> Path:
    """Logs; never any of the user's code. Not created yet."""
    return _moved("log") or Path(platformdirs.user_log_dir(APP))


def cache_dir() -> Path:
    """What can be computed again. Not created yet."""
    return _moved("cache") or Path(platformdirs.user_cache_dir(APP))


def config_dir() -> Path:
    """The user's own settings. Not created yet."""
    return _moved("config") or Path(platformdirs.user_config_dir(APP))


def data_dir() -> Path:
    """Models and what else should stay. Not created yet."""
    return _moved("data") or Path(platformdirs.user_data_dir(APP))


def make_private(path: Path) -> Path:
    """Create `path` for this user alone (0700) and return it.

    Raises `UnsafeDirectoryError` when somebody else owns it or it is a link, `OSError` otherwise.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir(mode=0o700, exist_ok=True)
    facts = path.lstat()
    if not stat.S_ISDIR(facts.st_mode) or (hasattr(os, "getuid") and facts.st_uid != os.getuid()):
        raise UnsafeDirectoryError(f"{path} is not a directory of yours")
    if stat.S_IMODE(facts.st_mode) != 0o700:
        path.chmod(0o700)
    return path


def _moved(name: str) -> Path | None:
    base = os.environ.get(STATE_VARIABLE)
    return Path(base).absolute() / name if base else None
