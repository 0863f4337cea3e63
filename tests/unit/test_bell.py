"""The flag that an engine and its clients share in memory."""

from __future__ import annotations

import stat
from pathlib import Path

from codellama_lsp.engine.backend import CancelFlag
from codellama_lsp.engine.bell import Bell, bell_of


def test_whoever_rings_sets_the_flags_that_listen(tmp_path: Path) -> None:
    path = bell_of(tmp_path / "engine.sock")
    engine = Bell.make(path).flag()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    deaf, flag = CancelFlag(), CancelFlag()
    flag.listen(engine)
    first, second = Bell.find(path), Bell.find(path)
    assert first is not None and second is not None
    assert not flag.is_set()
    second.ring()
    assert flag.is_set() and not deaf.is_set()
    again = CancelFlag()
    again.listen(engine)
    assert not again.is_set()
    first.ring()
    assert again.is_set()


def test_a_flag_that_was_set_stays_set_when_it_listens(tmp_path: Path) -> None:
    bell, flag = Bell.make(tmp_path / "b").flag(), CancelFlag()
    flag.set()
    flag.listen(bell)
    assert flag.is_set()


def test_no_bell_where_there_is_none_or_something_else(tmp_path: Path) -> None:
    assert Bell.find(tmp_path / "none") is None
    (tmp_path / "empty").touch()
    assert Bell.find(tmp_path / "empty") is None
    Bell.make(tmp_path / "real")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert Bell.find(tmp_path / "link") is None
