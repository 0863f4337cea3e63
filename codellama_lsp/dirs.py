"""Where this program keeps its own files, each directory private to the user.

``CODELLAMA_LSP_STATE_DIR`` moves all of them under one directory (tests, portable installs).
"""

from __future__ import annotations

import os
import stat
import tempfile
import warnings
from pathlib import Path

import platformdirs

APP = "codellama-lsp"
STATE_VARIABLE = "CODELLAMA_LSP_STATE_DIR"

#: ``sun_path`` holds 104 bytes on the BSDs and macOS, its closing zero included.
MAX_SOCKET_PATH_BYTES = 103
#: Room for the name of a socket in its directory.
SOCKET_NAME_BYTES = 40


class UnsafeDirectoryError(OSError):
    """A directory of ours belongs to somebody else."""


def runtime_dir() -> Path:
    """Sockets; its path is short enough for a socket's name. Not created yet."""
    if path := _moved("run"):
        return path
    with warnings.catch_warnings():
        # It warns where the system has no such directory; there is a fallback below.
        warnings.simplefilter("ignore")
        usual = Path(platformdirs.user_runtime_dir(APP))
    short = len(os.fsencode(usual)) + 1 + SOCKET_NAME_BYTES <= MAX_SOCKET_PATH_BYTES
    if short and _is_ours(usual.parent):
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


def _is_ours(path: Path) -> bool:
    """Whether `path` is a directory, no link, that nobody else could replace the content of."""
    try:
        facts = path.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(facts.st_mode) and (
        not hasattr(os, "getuid") or facts.st_uid == os.getuid()
    )


def _moved(name: str) -> Path | None:
    base = os.environ.get(STATE_VARIABLE)
    return Path(base).absolute() / name if base else None
