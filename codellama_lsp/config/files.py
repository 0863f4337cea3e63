"""Files of settings, read when they change: the user's own, and one in each folder of a workspace.

Must not know who uses the settings.
"""

from __future__ import annotations

import time
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path

import attrs

from codellama_lsp.config.narrow import narrowed, refused
from codellama_lsp.config.options import Options, read_options
from codellama_lsp.config.settings import FILE_NAME, Settings, user_file

_MOST_BYTES = 64_000
_LOOK_EVERY_S = 2.0

#: What tells that a file has changed; None where there is none.
_Sign = tuple[int, int, int] | None


@attrs.define
class _File:
    path: Path
    sign: _Sign = None
    options: Options = attrs.field(factory=Options)
    problems: tuple[str, ...] = ()


class SettingsFiles:
    """The files that count now."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._looked_s = float("-inf")
        self._user = _File(user_file())
        self._roots: dict[Path, _File] = {}
        self._narrowed: dict[Path, tuple[Settings, Settings]] = {}

    @property
    def user(self) -> Options:
        """What the user's own file says."""
        return self._user.options

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong with the files, a sentence each."""
        files = (self._user, *self._roots.values())
        return tuple(problem for file in files for problem in file.problems)

    def set_roots(self, roots: Iterable[Path]) -> None:
        """The workspace has these folders now."""
        self._roots = {root: self._roots.get(root, _File(root / FILE_NAME)) for root in roots}

    def look(self, *, now: bool = False) -> bool:
        """Read again what has changed on disk; whether something has. Looks every few seconds."""
        if not now and self._clock() - self._looked_s < _LOOK_EVERY_S:
            return False
        self._looked_s = self._clock()
        changed = _read_again(self._user, own=True)
        for file in self._roots.values():
            changed = _read_again(file, own=False) or changed
        if changed:
            self._narrowed.clear()
        return changed

    def at(self, settings: Settings, path: Path | None) -> Settings:
        """`settings` as they hold for the file `path`: of the innermost folder that it is in."""
        inside = [] if path is None else [r for r in self._roots if path.is_relative_to(r)]
        if not inside:
            return settings
        root = max(inside, key=lambda root: len(root.parts))
        known = self._narrowed.get(root)
        if known is None or known[0] is not settings:
            known = (settings, narrowed(settings, self._roots[root].options, root))
            self._narrowed[root] = known
        return known[1]


def read_file(path: Path) -> tuple[Options, tuple[str, ...]]:
    """The options in a TOML file and what is wrong with it; no file: no options."""
    try:
        with path.open("rb") as file:
            raw = file.read(_MOST_BYTES + 1)
        if len(raw) > _MOST_BYTES:
            return Options(), (f"{path} is larger than {_MOST_BYTES} bytes and was not read.",)
        return read_options(tomllib.loads(raw.decode("utf-8")), str(path))
    except FileNotFoundError:
        return Options(), ()
    except OSError as error:
        return Options(), (f"{path} cannot be read: {error.strerror}.",)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        where = str(error) if isinstance(error, tomllib.TOMLDecodeError) else "not UTF-8"
        return Options(), (f"{path} is not TOML: {where}",)


def read_user_file() -> tuple[Options, tuple[str, ...]]:
    """The options in the user's own file and what is wrong with it."""
    return read_file(user_file())


def _read_again(file: _File, *, own: bool) -> bool:
    sign = _sign(file.path)
    if sign == file.sign:
        return False
    file.sign = sign
    file.options, file.problems = read_file(file.path) if sign else (Options(), ())
    if not own:
        file.problems += refused(file.options, str(file.path))
    return True


def _sign(path: Path) -> _Sign:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
