"""What users write, and what becomes of it."""

import attrs
import pytest

from codellama_lsp.config.options import Options, read_options
from codellama_lsp.config.settings import Layer, Settings, read_user_file, resolve, user_file
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
