"""The index keeps true to its folder: changes, kills, damage, a second writer."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from codellama_lsp.context.ignore import Files
from codellama_lsp.context.index import build
from codellama_lsp.context.index.build import Builder
from codellama_lsp.context.index.location import WriterLock, folder_of, identity
from codellama_lsp.context.index.store import Store
from codellama_lsp.context.index.workspace_index import WorkspaceIndex
from codellama_lsp.context.watch import Watcher
from tests.context.conftest import Folder


def _names(index: WorkspaceIndex | Store) -> set[str]:
    store = index if isinstance(index, Store) else index.library.disk
    return {f.definition.name for path in store.known() for f in store.in_file(path)} - {""}


def _run(index: WorkspaceIndex) -> WorkspaceIndex:
    while index.step():
        pass
    return index


def test_changes_are_followed(folder: Folder) -> None:
    folder.write({"a.py": "def one(): ...\n", "sub/b.py": "def two(): ...\n"})
    index = _run(WorkspaceIndex(folder.root))
    assert _names(index) == {"one", "two"}
    folder.write({"a.py": "def three(): ...\n", "c.py": "def four(): ...\n"})
    (folder.root / "sub").rename(folder.root / "moved")
    index.changed(["a.py", "c.py", "sub", "moved"])
    _run(index)
    assert _names(index) == {"two", "three", "four"}
    assert set(index.library.disk.known()) == {"a.py", "c.py", "moved/b.py"}
    index.close()


def test_many_changes_at_once_become_a_scan(folder: Folder) -> None:
    index = _run(WorkspaceIndex(folder.root))
    names = [f"f{i}.py" for i in range(300)]
    folder.write({name: f"def name_{i}(): ...\n" for i, name in enumerate(names)})
    index.changed(names)
    _run(index)
    assert len(_names(index)) == 300
    index.close()


def test_a_sign_of_another_branch_that_changed_nothing_is_looked_at_less(folder: Folder) -> None:
    """Tools that ask git for its status touch its index all the time."""
    folder.write({"a.py": "def one(): ...\n"})
    _run(WorkspaceIndex(folder.root)).close()
    index = _run(WorkspaceIndex(folder.root))  # nothing new: the next scan has to wait
    folder.write({"b.py": "def two(): ...\n"})
    index._scan_at = float("inf")
    index.changed([".git/index"])
    _run(index)
    assert _names(index) == {"one"}
    index._scan_at = 0.0
    _run(index)
    assert _names(index) == {"one", "two"}
    index.close()


def test_where_nothing_watches_it_is_scanned_now_and_then(folder: Folder) -> None:
    index = _run(WorkspaceIndex(folder.root))
    folder.write({"a.py": "def one(): ...\n"})
    _run(index)
    assert _names(index) == set()
    index.unwatched()
    index._scan_at = float("-inf")
    _run(index)
    assert _names(index) == {"one"}
    index.close()


def test_a_watcher_that_cannot_watch_says_so(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "inotify watch limit reached")

    watcher = Watcher(folder.root, lambda paths: None)
    monkeypatch.setattr(watcher._observer, "start", full)
    assert not watcher.start()
    watcher.stop()


def test_a_file_that_becomes_ignored_leaves(folder: Folder) -> None:
    folder.write({"a.py": "def one(): ...\n", "b.py": "def two(): ...\n"})
    index = _run(WorkspaceIndex(folder.root))
    folder.write({".gitignore": "b.py\n"})
    index.changed([".gitignore"])
    _run(index)
    assert _names(index) == {"one"}
    index.close()


def test_what_is_known_is_not_read_again(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.write({"a.py": "def one(): ...\n"})
    _run(WorkspaceIndex(folder.root)).close()
    monkeypatch.setattr(build, "cut", lambda *_: pytest.fail("it was cut again"))
    index = _run(WorkspaceIndex(folder.root))
    assert _names(index) == {"one"}
    index.close()


def test_a_killed_build_goes_on_where_it_was(folder: Folder) -> None:
    folder.write({f"f{i:03}.py": f"def name_{i}(): ...\n" for i in range(250)})
    code = (
        "import sys, os, signal\nfrom pathlib import Path\n"
        "from codellama_lsp.context.index.workspace_index import WorkspaceIndex\n"
        "index = WorkspaceIndex(Path(sys.argv[1]))\n"
        "while index.step():\n"
        "    if index.state.done > 220: os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(folder.root)], check=False)
    assert done.returncode == -signal.SIGKILL
    kept = Store(folder_of(folder.root) / "index.sqlite3")
    assert 200 <= len(kept.known()) < 250
    kept.close()
    index = _run(WorkspaceIndex(folder.root))
    assert len(_names(index)) == 250
    assert index.state.state == "ready"
    index.close()


@pytest.mark.parametrize("damage", ["garbage", "truncated", "old version", "middle"])
def test_a_damaged_database_is_built_anew(folder: Folder, damage: str) -> None:
    folder.write({f"f{i}.py": f"def name_{i}(): ...\n" for i in range(60)})
    _run(WorkspaceIndex(folder.root)).close()
    path = folder_of(folder.root) / "index.sqlite3"
    content = path.read_bytes()
    if damage == "garbage":
        path.write_bytes(b"no database at all" * 1000)
    elif damage == "truncated":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "middle":
        path.write_bytes(content[:4096] + b"\xa5" * (len(content) - 4096))
    else:
        db = sqlite3.connect(path)
        db.execute("PRAGMA user_version = 77")
        db.close()
    index = _run(WorkspaceIndex(folder.root))
    for _ in range(3):
        _run(index)
    assert len(_names(index)) == 60
    assert index.state.state == "ready"
    index.close()


def test_a_full_disk_is_said_and_survived(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.write({"a.py": "def one(): ...\n"})
    index = _run(WorkspaceIndex(folder.root))
    put = Store.put

    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(Store, "put", full)
    folder.write({"a.py": "def two(): ...\n"})
    index.changed(["a.py"])
    _run(index)
    assert index.state.state == "failed" and "full" in index.state.message
    assert _names(index) == {"one"}
    monkeypatch.setattr(Store, "put", put)
    monkeypatch.setattr(index, "_retry_at", 0.0)
    _run(index)
    assert _names(index) == {"two"} and index.state.state == "ready"
    index.close()


def test_a_disk_that_is_really_full_loses_nothing(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite's own limit on pages gives SQLite's own error, wherever it hits."""
    folder.write({"a.py": "def one(): ...\n"})
    index = _run(WorkspaceIndex(folder.root))
    assert index._store is not None
    database = index._store._db
    (pages,) = database.execute("PRAGMA page_count").fetchone()
    database.execute(f"PRAGMA max_page_count = {pages}")
    many = {f"f{i}.py": f"def name_{i}(): return {list(range(200))}\n" for i in range(100)}
    folder.write(many)
    index.changed(list(many))
    _run(index)
    assert index.state.state == "failed" and "full" in index.state.message
    assert "one" in _names(index)
    database.execute("PRAGMA max_page_count = 1000000")
    index.build()
    _run(index)
    assert index.state.state == "ready" and len(_names(index)) == 101
    index.close()


def test_a_locked_database_is_not_thrown_away(folder: Folder) -> None:
    """What can be waited for is no damage, whoever meets it."""
    folder.write({"a.py": "def one(): ...\n"})
    index = _run(WorkspaceIndex(folder.root))
    before = identity(folder_of(folder.root))
    index._failed(sqlite3.OperationalError("database is locked"))
    assert index.state.state == "failed" and "locked" in index.state.message
    assert _names(index) == {"one"} and identity(folder_of(folder.root)) == before
    index.close()


def test_one_writes_the_other_reads_and_takes_over(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.write({"a.py": "def one(): ...\n"})
    first = _run(WorkspaceIndex(folder.root))
    second = _run(WorkspaceIndex(folder.root))
    assert second.state.state == "reading"
    assert _names(second) == {"one"}
    first.close()
    monkeypatch.setattr(second, "_retry_at", 0.0)
    _run(second)
    assert second.state.state == "ready"
    second.close()


def test_a_file_that_changes_while_it_is_read(folder: Folder) -> None:
    folder.write({"a.py": "def old(): ...\n"})
    path = folder.root / "a.py"

    class Shaky(Files):
        times = 0

        def read(self, relative: str) -> bytes | None:
            content = super().read(relative)
            if self.times == 0:
                path.write_text("def new_one(): ...\n")
                os.utime(path, ns=(time.time_ns(), time.time_ns() + 5_000_000))
            self.times += 1
            return content

    files = Shaky(folder.root)
    for _ in Builder(files, folder.store).build():
        pass
    assert files.times == 2
    assert _names(folder.store) == {"new_one"}


def test_indexes_of_workspaces_that_nobody_opens_are_deleted(
    folder: Folder, tmp_path: Path
) -> None:
    places = {}
    for name in ("old", "held", "recent"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.py").write_text("x = 1\n")
        _run(WorkspaceIndex(tmp_path / name)).close()
        places[name] = folder_of(tmp_path / name)
    long_ago = time.time() - 100 * 24 * 3600
    for name in ("old", "held"):
        os.utime(places[name], (long_ago, long_ago))
    lock = WriterLock(places["held"])
    assert lock.try_take()
    _run(WorkspaceIndex(folder.root)).close()
    lock.give_back()
    assert {name for name, place in places.items() if place.exists()} == {"held", "recent"}


def test_the_index_is_private(folder: Folder) -> None:
    folder.write({"a.py": "x = 1\n"})
    _run(WorkspaceIndex(folder.root)).close()
    place = folder_of(folder.root)
    assert place.stat().st_mode & 0o777 == 0o700
    assert (place / "index.sqlite3").stat().st_mode & 0o077 == 0


def test_the_home_directory_is_off(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.write({"a.py": "def one(): ...\n"})
    monkeypatch.setenv("HOME", str(folder.root))
    index = _run(WorkspaceIndex(folder.root))
    assert index.state.state == "off" and "home" in index.state.message
    assert not _names(index)


def test_secrets_are_not_even_in_the_index(folder: Folder) -> None:
    secret = "AKIA" + "IOSFODNN7EXAMPLE"
    folder.write({"a.py": f'def one():\n    key = "{secret}"\n', ".env": f"KEY={secret}\n"})
    _run(WorkspaceIndex(folder.root)).close()
    for path in folder_of(folder.root).iterdir():
        assert secret.encode() not in path.read_bytes()


def test_a_buffer_of_an_ignored_file_is_for_nobody_else(folder: Folder) -> None:
    folder.write({".gitignore": "private.py\n", "a.py": "x = 1\n", "private.py": "def p(): ...\n"})
    index = _run(WorkspaceIndex(folder.root))
    index.open("private.py", "def private_name(): ...\n", "python")
    index.open("new.py", "def new_name(): ...\n", "python")
    assert not index.library.named("private_name")
    assert [f.path for f in index.library.named("new_name")] == ["new.py"]
    index.close()


def test_links_out_of_the_folder(folder: Folder, tmp_path: Path) -> None:
    outside = tmp_path / "outside.py"
    outside.write_text("def outside(): ...\n")
    folder.write({"a.py": "def one(): ...\n"})
    (folder.root / "link.py").symlink_to(outside)
    index = _run(WorkspaceIndex(folder.root))
    index.changed(["link.py", "../outside.py"])
    _run(index)
    assert _names(index) == {"one"}
    index.close()
