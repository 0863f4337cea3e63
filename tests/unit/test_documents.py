"""Documents under edits, against a slow and obvious model of the same thing."""

import random
import re
import time

import pytest

from codellama_lsp.context.documents import TextBuffer
from codellama_lsp.lsp.positions import code_points, offset_at, position_at, units

ODD_BREAKS = "\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"


def split_lines(text: str) -> list[str]:
    return re.split(r"(?<=\n)|(?<=\r)(?!\n)", text)


def check(buffer: TextBuffer) -> None:
    lines = split_lines(buffer.text)
    assert buffer.lines() == lines
    offset = 0
    for number, line in enumerate(lines):
        assert buffer.line_start(number) == offset
        assert buffer.line_end(number) == offset + len(line.rstrip("\r\n"))
        assert buffer.line_of(offset) == number
        offset += len(line)
    assert buffer.line_of(len(buffer.text)) == len(lines) - 1


@pytest.mark.parametrize(
    "text",
    ["", "a", "a\n", "\n\n", "a\r\nb\rc\n\rd", "\r", "\r\n", f"a{ODD_BREAKS}b\nc", "\n\r\n\r\r\n"],
)
def test_lines(text: str) -> None:
    check(TextBuffer(text))


@pytest.mark.parametrize(
    ("text", "start", "end", "new"),
    [
        ("a\r\nb", 2, 2, "x"),
        ("a\r\nb", 2, 3, ""),
        ("a\r\nb", 1, 2, ""),
        ("a\rb", 2, 2, "\n"),
        ("a\nb", 1, 1, "\r"),
        ("\nb", 0, 0, "\r"),
        ("a\rX\nb", 2, 3, ""),
        ("a\nb\nc", 0, 5, ""),
        ("", 0, 0, "a\n"),
        ("a\n", 2, 2, "\n"),
    ],
)
def test_edits_at_breaks(text: str, start: int, end: int, new: str) -> None:
    buffer = TextBuffer(text)
    buffer.edit(start, end, new)
    assert buffer.text == text[:start] + new + text[end:]
    check(buffer)


@pytest.mark.parametrize("seed", range(20))
def test_random_edits(seed: int) -> None:
    rng = random.Random(seed)
    alphabet = ["a", "\n", "\r", "\r\n", "é", "😀", "\x0c", "\u2028"]

    def some(most: int) -> str:
        return "".join(rng.choices(alphabet, k=rng.randint(0, most)))

    buffer = TextBuffer(some(60))
    for _ in range(150):
        start = rng.randint(0, len(buffer.text))
        end = min(len(buffer.text), start + rng.choice([0, 0, 1, 2, 9]))
        expected = buffer.text[:start] + (new := some(4)) + buffer.text[end:]
        buffer.edit(start, end, new)
        assert buffer.text == expected
        check(buffer)


# One cursor per row; columns in units of each encoding.
POSITIONS = [
    ("ab|c", 0, {"utf-8": 2, "utf-16": 2, "utf-32": 2}),
    ("x = '😀|'", 0, {"utf-8": 9, "utf-16": 7, "utf-32": 6}),
    ("漢字|", 0, {"utf-8": 6, "utf-16": 2, "utf-32": 2}),
    ("\t\té|", 0, {"utf-8": 4, "utf-16": 3, "utf-32": 3}),
    ("a\r\nb|\r\nc", 1, {"utf-8": 1, "utf-16": 1, "utf-32": 1}),
    ("a\x0cb\u2028\nc|", 1, {"utf-8": 1, "utf-16": 1, "utf-32": 1}),
    ("a\n|", 1, {"utf-8": 0, "utf-16": 0, "utf-32": 0}),
    ("\ud800x|", 0, {"utf-8": 4, "utf-16": 2, "utf-32": 2}),
    ("👩‍👩‍👧|", 0, {"utf-8": 18, "utf-16": 8, "utf-32": 5}),
]


@pytest.mark.parametrize(("marked", "line", "columns"), POSITIONS)
def test_positions(marked: str, line: int, columns: dict[str, int]) -> None:
    offset = marked.index("|")
    buffer = TextBuffer(marked.replace("|", "", 1))
    for encoding, column in columns.items():
        assert offset_at(buffer, line, column, encoding) == offset
        assert position_at(buffer, offset, encoding) == (line, column)


def test_positions_outside_are_clamped() -> None:
    buffer = TextBuffer("é😀\r\nb")
    for encoding in ("utf-8", "utf-16", "utf-32"):
        assert offset_at(buffer, 0, 99, encoding) == 2
        assert offset_at(buffer, 9, 0, encoding) == 5
        assert position_at(buffer, 99, encoding) == (1, 1)
    assert offset_at(buffer, 0, 2, "utf-16") == 1  # Inside the pair of 😀: before it.


def test_code_points_on_random_text() -> None:
    rng = random.Random(3)
    for _ in range(300):
        text = "".join(rng.choices("aé漢😀\ud800\udc00\t", k=rng.randint(0, 30)))
        for encoding in ("utf-8", "utf-16", "utf-32"):
            for count in range(len(text) + 1):
                assert code_points(text, units(text[:count], encoding), encoding) == count


def test_keystrokes_do_not_walk_the_text() -> None:
    """The quickest of many, with a generous bound: walking the text would take longer each time."""
    text = "    some_function(argument, other=1)  # comment\n" * 22_000
    buffer = TextBuffer(text)
    took_s = []
    for step in range(50):
        offset = buffer.line_start(11_000) + step
        started = time.perf_counter()
        buffer.edit(offset, offset, "x")
        position_at(buffer, offset, "utf-16")
        took_s.append(time.perf_counter() - started)
    assert min(took_s) < 0.003
