"""What users write, and what becomes of it."""

from pathlib import Path

import attrs
import pytest

from codellama_lsp.config.files import SettingsFiles, read_user_file
from codellama_lsp.config.narrow import NARROWING as NARROWING_KEYS
from codellama_lsp.config.narrow import narrowed, refused
from codellama_lsp.config.options import PERSONAL, Options, read_options
from codellama_lsp.config.settings import Layer, Settings, resolve, user_file
from codellama_lsp.engine.protocol import Layout
from codellama_lsp.engine.wishes import Background


def check(raw: object, expected: dict[str, object], *words: str) -> None:
    options, problems = read_options(raw, "here")
    written = attrs.asdict(options, filter=lambda _, value: value is not None)
    assert written == expected
    assert len(problems) == (1 if words else 0)
    for word in words:
        assert word in problems[0]


def test_reading() -> None:
    check(None, {})
    check({}, {})
    check([], {}, "here", "object")
    check({"enabled": False, "heal": None}, {"enabled": False})
    check({"maxTokens": 12}, {"max_tokens": 12})
    check({"time-budget-ms": 500}, {"time_budget_ms": 500})
    check({"exclude": ["*.md"]}, {"exclude": ("*.md",)})
    check({"multi_line": "never", "layout": "psm"}, {"multi_line": "never", "layout": "psm"})
    check({"enabled": 1}, {}, "enabled", "true or false")
    check({"max_tokens": "9"}, {}, "max_tokens", "whole number")
    check({"max_tokens": 0}, {}, "from 1 to 2048")
    check({"max_tokens": True}, {}, "whole number")
    check({"layout": "fim"}, {}, '"spm", "psm"')
    check({"layout": ["spm"]}, {}, '"spm", "psm"')
    check({"exclude": "*.md"}, {}, "list of strings")
    check({"exclude": [1]}, {}, "list of strings")
    check({"max_token": 3, "heal": True}, {"heal": True}, "max_token", 'mean "max_tokens"')
    check({"x" * 500: 3}, {}, "unknown", "known are")


def test_layers() -> None:
    file = Layer(Options(max_tokens=10, exclude=("a",), layout="psm"))
    editor = Layer(Options(max_tokens=20, exclude=("b",), languages_off=("md",)))
    settings, problems = resolve([file, editor])
    assert (settings.max_tokens, settings.exclude) == (20, ("a", "b"))
    assert settings.languages_off == {"md"}
    assert settings.layout is Layout.PSM
    assert not problems
    assert resolve([])[0] == Settings()


def test_a_workspace_can_only_narrow() -> None:
    workspace = Layer(Options(model="/evil.gguf", enabled=True, heal=False), False, "workspace")
    settings, problems = resolve([Layer(Options(enabled=False, model="mine")), workspace])
    assert (settings.model, settings.enabled, settings.heal) == ("mine", False, False)
    assert len(problems) == 1
    assert '"model"' in problems[0]
    assert resolve([Layer(Options(enabled=False), False)])[0].enabled is False


def test_engine_settings_come_from_the_user_alone() -> None:
    mine = Layer(Options(engine_threads=3, engine_linger_s=7, background="light"))
    theirs = Options(engine_threads=64, engine_gpu_layers=0, background="full", engine_nice=0)
    settings, problems = resolve([mine, Layer(theirs, False, "workspace")])
    assert settings.engine_load == {"threads": 3}
    assert settings.engine_nice == Settings().engine_nice
    assert settings.wishes.linger_s == 7
    assert settings.background is Background.LIGHT
    assert len(problems) == 3
    narrowed = resolve([Layer(Options(background="off"), False)])[0]
    assert narrowed.wishes.background is Background.OFF
    assert Settings().engine_load == {}


@pytest.mark.parametrize(
    ("written", "options", "word"),
    [
        (b'model = "x.gguf"\n', Options(model="x.gguf"), None),
        (b"model = \n", Options(), "not TOML"),
        (b"\xff\xfe", Options(), "UTF-8"),
        (b"colour = 1\n", Options(), "colour"),
    ],
)
def test_user_file(written: bytes, options: Options, word: str | None) -> None:
    user_file().parent.mkdir()
    user_file().write_bytes(written)
    read, problems = read_user_file()
    assert read == options
    assert [word in problem for problem in problems if word] == [True] * bool(word)


def test_no_user_file() -> None:
    assert read_user_file() == (Options(), ())


ROOT = Path("/work/p")
MINE = Settings(max_tokens=50, context_tokens=None, confidence="low", exclude=("a",))

# name: (what the workspace's file says, what it changes in MINE, words of problems)
NARROWING: dict[str, tuple[dict[str, object], dict[str, object], tuple[str, ...]]] = {
    "nothing": ({}, {}, ()),
    "switches off": ({"enabled": False, "workspace": False, "speculate": False},) * 2 + ((),),
    "switches on what is on": ({"enabled": True}, {}, ()),
    "excludes more": ({"exclude": ["b", "/c"]}, {"exclude": ("a", "b", "/work/p/c")}, ()),
    "languages": ({"languages_off": ["go"]}, {"languages_off": frozenset({"go"})}, ()),
    "shortens": ({"max_tokens": 10, "context_tokens": 500},) * 2 + ((),),
    "does not lengthen": ({"max_tokens": 500}, {}, ()),
    "style": ({"multi_line": "never"},) * 2 + ((),),
    "surer": ({"confidence": "high"},) * 2 + ((),),
    "not less sure": ({"confidence": "off"}, {}, ()),
    "quieter": ({"background": "off"}, {"background": Background.OFF}, ()),
    "another model": ({"model": "/evil.gguf"}, {}, ('"model" is ignored',)),
    "engine": ({"engine_threads": 64, "warm_cache_mb": 9}, {}, ('"engine_threads"', '"warm_')),
    "others of the user's": ({"heal": False, "slow_ms": 0}, {}, ('"heal"', '"slow_ms"')),
    "unknown": ({"max_tokns": 1}, {}, ('did you mean "max_tokens"',)),
    "wrong": ({"max_tokens": "few"}, {}, ("a whole number from 1 to 2048",)),
}


@pytest.mark.parametrize("name", NARROWING)
def test_a_workspaces_file_only_narrows(name: str) -> None:
    raw, changes, words = NARROWING[name]
    options, problems = read_options(raw, "there")
    problems += refused(options, "there")
    assert narrowed(MINE, options, ROOT) == attrs.evolve(MINE, **changes)  # type: ignore[arg-type]
    assert len(problems) == len(words)
    for word, problem in zip(words, problems, strict=True):
        assert problem.startswith("there: ")
        assert word in problem


def test_every_setting_is_decided_for_workspaces() -> None:
    """A new setting is the user's alone until somebody says how a workspace may narrow it."""
    assert set(NARROWING_KEYS) <= set(attrs.fields_dict(Options))
    assert not set(NARROWING_KEYS) & PERSONAL


@pytest.mark.parametrize("key", ["enabled", "workspace", "speculate"])
def test_an_editors_section_switches_nothing_on(key: str) -> None:
    off, on = Options(**{key: False}), Options(**{key: True})  # type: ignore[arg-type]
    assert getattr(resolve([Layer(off), Layer(on, False)])[0], key) is False
    assert getattr(resolve([Layer(off), Layer(on)])[0], key) is True
    assert getattr(resolve([Layer(off, False), Layer(on)])[0], key) is True


def test_files_of_folders(tmp_path: Path) -> None:
    outer, inner, other = tmp_path / "a", tmp_path / "a" / "b", tmp_path / "c"
    for root, text in {outer: "max_tokens = 40", inner: "max_tokens = 20", other: ""}.items():
        root.mkdir()
        (root / "codellama.toml").write_text(text)
    now = [0.0]
    files = SettingsFiles(clock=lambda: now[0])
    files.set_roots([outer, inner, other])
    assert files.look()

    def at(path: Path | None) -> int:
        return files.at(MINE, path).max_tokens

    assert [at(outer / "x.py"), at(inner / "x.py"), at(other / "x.py")] == [40, 20, 50]
    assert [at(tmp_path / "x.py"), at(None)] == [50, 50]
    assert files.at(MINE, inner / "x.py") is files.at(MINE, inner / "y.py")
    # It is looked at again after a while, or when somebody says so.
    (inner / "codellama.toml").write_text('max_tokens = 7\nmodel = "x"')
    assert not files.look()
    now[0] += 10
    assert files.look()
    assert at(inner / "x.py") == 7
    assert len(files.problems) == 1
    (inner / "codellama.toml").unlink()
    assert not files.look()
    assert files.look(now=True)
    assert at(inner / "x.py") == 50
    assert files.problems == ()
    user_file().parent.mkdir(exist_ok=True)
    user_file().write_text("max_tokens = 3")
    assert files.look(now=True)
    assert files.user == Options(max_tokens=3)
    (outer / "codellama.toml").write_bytes(b"#" * 100_000)
    assert files.look(now=True)
    assert "larger than" in files.problems[0]
