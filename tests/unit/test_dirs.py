"""Directories of our own: private, short enough, never somebody else's."""

import stat

import pytest

from codellama_lsp import dirs


@pytest.fixture
def usual(monkeypatch, tmp_path):
    monkeypatch.delenv("CODELLAMA_LSP_STATE_DIR")
    monkeypatch.setattr("tempfile.gettempdir", lambda: "/fallback")
    return lambda path: monkeypatch.setattr("platformdirs.user_runtime_dir", lambda app: str(path))


def test_the_systems_own_place_is_taken_where_it_is_ours(usual, state_dir):
    usual(state_dir / "app")
    assert dirs.runtime_dir() == state_dir / "app"


@pytest.mark.parametrize("place", ["/nowhere/app", "{here}/link/app", "{here}/" + "d" * 90])
def test_otherwise_the_temporary_directory(usual, state_dir, place):
    (state_dir / "link").symlink_to(state_dir)
    usual(place.format(here=state_dir))
    assert dirs.runtime_dir().parent.as_posix() == "/fallback"


def test_private_means_private(state_dir):
    (state_dir / "loose").mkdir(mode=0o755)
    for name in ("new", "loose"):
        made = dirs.make_private(state_dir / name)
        assert stat.S_IMODE(made.stat().st_mode) == 0o700
    (state_dir / "link").symlink_to(state_dir / "new")
    with pytest.raises(dirs.UnsafeDirectoryError):
        dirs.make_private(state_dir / "link")
