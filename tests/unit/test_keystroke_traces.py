"""Traces: written back exactly, the same from the same seed, and with everything in them."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from codellama_lsp.evaluation.keystrokes import traces
from codellama_lsp.evaluation.keystrokes.editor import Editor, EventClass
from codellama_lsp.evaluation.keystrokes.sources import choose_files
from codellama_lsp.evaluation.keystrokes.traces import indent_of, trace
from codellama_lsp.evaluation.keystrokes.writing import Habits, write
from codellama_lsp.evaluation.positions import SourceFile

NEVER = Habits(0, 0, 0)
OFTEN = Habits(slip=0.2, accept=0.1, undo=0.1)

TEXTS = {
    "a call": "\nvalue = compute(a, [b, c], {'d': 1})\nother",
    "a body": "\n    def f(self):\n        return {\n            'a': (1, 2),\n        }\n    x = 1",  # noqa: E501
    "blank lines": "\ndef f():\n    pass\n\n\nclass C:\n    x = 1",
    "quotes": '\n# don\'t "quote" me\nx = \'it\' + """three""" + `b`',
    "braces": "\nfunction f(a) {\n  if (a) {\n    return [1, 2];\n  }\n  return {};\n}",
    "tabs": "\nfunc main() {\n\tx := []int{1, 2}\n\tprint(x)\n}",
    "unclosed": "\nf(a,\n  b,\n    c",
    "closers alone": "\n)]}\n",
    "odd indentation": "\nif a:\n   b\n      c\n d",
}


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("habits", [NEVER, OFTEN])
@pytest.mark.parametrize("tail", ["", "\nnext line\n", ")\n", "rest"])
def test_what_is_written_is_what_was_wanted(name: str, habits: Habits, tail: str) -> None:
    for seed in range(5):
        text = TEXTS[name].rstrip("\n")
        editor = Editor("before" + tail, len("before"), indent=indent_of(text))
        for _ in write(editor, text, random.Random(seed), habits):
            assert 0 <= editor.offset <= len(editor.text)
        assert editor.text == "before" + text + tail
        assert editor.offset == len("before" + text)


FUNCTION = """def function_{n}(first, second=None):
    \"\"\"Number {n} of its kind.\"\"\"
    values = compute_{n}(
        {{"name": 'it', "number": [first, {n}]}},
        second,
    )
    if not values:
        return None

    return [value for value in values if value != "{n}"]


"""


def own_files(n: int = 3) -> list[SourceFile]:
    text = "".join(FUNCTION.format(n=number) for number in range(120))
    return [SourceFile(Path(f"/made/up/{i}.py"), "python", f"# {i}\n{text}") for i in range(n)]


def test_at_the_end_every_file_is_as_it_was() -> None:
    files = own_files()
    last = {event.uri: event.text for event in trace(files, 10**6, 3)}
    assert last == {file.path.as_uri(): file.text for file in files}


def test_the_same_seed_gives_the_same_trace() -> None:
    files = own_files()
    assert list(trace(files, 400, 3)) == list(trace(files, 400, 3))
    assert list(trace(files, 400, 3)) != list(trace(files, 400, 4))


def test_every_way_of_working_is_in_it() -> None:
    kinds = Counter(event.kind for event in trace(own_files(4), 20_000, 5))
    assert set(kinds) == set(EventClass)
    assert kinds[EventClass.OPEN] == 1
    assert sum(kinds[kind] for kind in traces_of_typing()) > sum(kinds.values()) / 2


def traces_of_typing() -> tuple[EventClass, ...]:
    from codellama_lsp.evaluation.keystrokes.editor import TYPED

    return TYPED


def test_it_ends_where_it_should() -> None:
    assert len(list(trace(own_files(), 57, 3))) == 57


def test_returning_finds_the_cursor_where_it_was() -> None:
    where: dict[str, tuple[str, int]] = {}
    returned = 0
    for event in trace(own_files(), 2000, 3):
        if event.kind is EventClass.RETURN_TO_FILE:
            assert where[event.uri] == (event.text, event.offset)
            returned += 1
        where[event.uri] = (event.text, event.offset)
    assert returned


def test_languages_take_turns(tmp_path: Path) -> None:
    for name in ("a.py", "b.py", "c.js", "d.c"):
        (tmp_path / name).write_text("x = 1\n" * 1000)
    files = choose_files([tmp_path], 4, random.Random(1))
    assert sorted(file.path.suffix for file in files) == [".c", ".js", ".py", ".py"]


def test_a_large_window_wants_large_files(tmp_path: Path) -> None:
    for name, lines in (("a.py", 1000), ("b.py", 10_000)):
        (tmp_path / name).write_text("x = 1\n" * lines)
    files = choose_files([tmp_path], 1, random.Random(1), context_tokens=8192)
    assert [file.path.name for file in files] == ["b.py"]


def test_nothing_to_type_in_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        choose_files([tmp_path / "none"], 1, random.Random(1))
    with pytest.raises(ValueError, match="no source files"):
        choose_files([tmp_path], 1, random.Random(1))


@pytest.mark.parametrize("text", ["x", "", "\n\n\n", "no line breaks " * 400])
def test_odd_files_give_short_traces(text: str, tmp_path: Path) -> None:
    file = SourceFile(tmp_path / "odd.py", "python", text)
    assert len(list(traces.trace([file], 100, 1))) <= 100


@pytest.mark.parametrize("seed", [1, 2, 3, 7])
def test_a_short_trace_has_everything_that_is_rare(seed: int) -> None:
    files = choose_files([], 4, random.Random(seed), context_tokens=740)
    kinds = Counter(event.kind for event in trace(files, 40, seed))
    assert {
        EventClass.AUTO_CLOSE,
        EventClass.NEWLINE,
        EventClass.ENTER_BRACES,
        EventClass.BACKSPACE,
        EventClass.ACCEPT,
        EventClass.PASTE,
        EventClass.JUMP,
        EventClass.SWITCH_FILE,
        EventClass.RETURN_TO_FILE,
        EventClass.UNDO,
    } <= set(kinds)
