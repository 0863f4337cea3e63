"""Windows stay put while someone edits around a spot, and follow when they must."""

import itertools

import attrs
import pytest

from codellama_lsp.context.anchors import window_end, window_start
from codellama_lsp.context.windows import FAR_CHARS, WindowBudget, Windows, WindowTracker

BUDGET = WindowBudget(prefix_chars=400, suffix_chars=200)
FUNCTION = "def f{0}(a, b):\n    x = a + b\n    if x:\n        return x\n    return b\n\n\n"
CODE = "".join(FUNCTION.format(n) for n in range(40))


def see(tracker: WindowTracker, marked: str) -> Windows:
    offset = marked.index("|")
    text = marked.replace("|", "", 1)
    seen = tracker.windows(text, offset, BUDGET)
    before, after = text[:offset].replace("\r\n", "\n"), text[offset:].replace("\r\n", "\n")
    assert before.endswith(seen.prefix.text)
    assert after.startswith(seen.left_out + seen.suffix.text)
    return seen


@attrs.frozen
class Case:
    """Two states of a document; what stays of the first one's suffix in the second."""

    before: str
    after: str
    left_out: str | None
    """None: the suffix is taken anew."""


CASES = {
    "typing": Case("a = |\nend\n", "a = b|\nend\n", ""),
    "typing inside a line": Case("f(|, 1)\nend\n", "f(xyz|, 1)\nend\n", ""),
    "backspace": Case("a = bc|\nend\n", "a = |\nend\n", ""),
    "enter": Case("a = b|\nend\n", "a = b\n|\nend\n", ""),
    "auto-closed": Case("f|\nend\n", "f(|)\nend\n", ")"),
    "auto-closed twice": Case("f|\nend\n", "f([|])\nend\n", "])"),
    "auto-closed quote": Case("f|\nend\n", 'f("|")\nend\n', '")'),
    "triple quotes": Case("|\nend\n", '"""|"""\nend\n', '"""'),
    "enter between braces": Case("if (x) |\nend\n", "if (x) {\n    |\n}\nend\n", "\n}"),
    "the same, deeper": Case("  a|\nend\n", "  a({\n    |\n  })\nend\n", "\n  })"),
    "before old text": Case("f|, b\n", "f(|), b\n", ")"),
    "at the end of the document": Case("f|", "f(|)", ")"),
    "overtyped": Case("f(|\nend\n", "f(x)|\nend\n", ""),
    "edit above": Case("import a\n\nx = |\nend\n", "import a\nimport b\n\nx = |\nend\n", ""),
    "moved up": Case("a\nb\nc|\nend\n", "a|\nb\nc\nend\n", None),
    "moved down": Case("a|\nb\nc\nend\n", "a\nb\nc|\nend\n", None),
    "moved left over a bracket": Case("f(x)|\nend\n", "f(x|)\nend\n", None),
    "deleted after the cursor": Case("a = |bc\nend\n", "a = |c\nend\n", None),
    "text in between": Case("a|\nend\n", "a|)x\nend\n", None),
    "only blanks in between": Case("a|\nend\n", "|\n\nend\n", None),
    "semicolon": Case("a|\nend\n", "a(|);\nend\n", None),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("eol", ["\n", "\r\n"])
def test_suffix(name: str, eol: str) -> None:
    case = CASES[name]
    tracker = WindowTracker("doc")
    first = see(tracker, case.before.replace("\n", eol))
    second = see(tracker, case.after.replace("\n", eol))
    assert (second.suffix is first.suffix) == (case.left_out is not None)
    assert second.left_out == (case.left_out or "")
    assert "\r" not in second.prefix.text + second.suffix.text + second.left_out


def test_left_out_closers_go_one_by_one() -> None:
    tracker = WindowTracker("doc")
    first = see(tracker, "f|\nend\n")
    for marked, left_out in [
        ("f([|])\nend\n", "])"),
        ("f([]|)\nend\n", ")"),
        ("f([])|\nend\n", ""),
    ]:
        seen = see(tracker, marked)
        assert (seen.left_out, seen.suffix) == (left_out, first.suffix)


def test_typing_many_lines_moves_the_start_rarely() -> None:
    tracker = WindowTracker("doc")
    head, tail = CODE[:900], CODE[-900:]
    starts, suffixes, typed = [], set(), ""
    for line in ["    value = compute(argument)\n"] * 60:
        for char in line:
            typed += char
            seen = see(tracker, head + typed + "|" + tail)
            starts.append(len(head) + len(typed) - len(seen.prefix.text))
            suffixes.add(seen.suffix)
            assert len(seen.prefix.text) <= BUDGET.prefix_chars * 1.35
    moves = sum(a != b for a, b in itertools.pairwise(starts))
    assert len(suffixes) == 1
    assert starts == sorted(starts)
    assert moves <= len(typed) / (BUDGET.prefix_chars * 0.25) + 1


def test_windows_begin_and_end_on_quiet_lines() -> None:
    offset = 1000
    assert CODE[window_start(CODE, offset, 400) :].startswith("def f")
    assert CODE[window_end(CODE, offset, 200) :].startswith("def f")


@pytest.mark.parametrize("text", ["x" * 5000, "", "\n" * 5000, "é\r\n" * 3000, "\r" * 3000])
def test_odd_texts(text: str) -> None:
    tracker = WindowTracker("doc")
    for offset in (0, len(text) // 2, len(text)):
        seen = tracker.windows(text, offset, BUDGET)
        assert len(seen.prefix.text) <= BUDGET.prefix_chars * 1.35
        assert len(seen.suffix.text) <= BUDGET.suffix_chars * 1.25


def test_an_edit_far_above_leaves_a_window_inside_the_file() -> None:
    tracker = WindowTracker("doc")
    first = see(tracker, CODE[:2000] + "|" + CODE[2000:])
    text = "import something\n" + CODE
    second = tracker.windows(text, 2017, BUDGET)
    assert (second.prefix, second.suffix) == (first.prefix, first.suffix)


def test_an_edit_far_below_leaves_the_suffix() -> None:
    tracker = WindowTracker("doc")
    first = see(tracker, CODE[:500] + "|" + CODE[500:])
    second = tracker.windows(CODE + "more = 1\n", 500, BUDGET)
    assert (second.prefix, second.suffix) == (first.prefix, first.suffix)


def test_versions_change_with_the_text_only() -> None:
    tracker = WindowTracker("doc")
    one = see(tracker, "a|b\n")
    assert see(tracker, "a|b\n") == one
    two = see(tracker, "ax|b\n")
    assert two.prefix.version > one.prefix.version
    assert two.suffix == one.suffix


def test_lone_surrogates_are_replaced_one_for_one() -> None:
    seen = WindowTracker("doc").windows("a\ud800b\udc00", 2, BUDGET)
    assert (seen.prefix.text, seen.suffix.text) == ("a\ufffd", "b\ufffd")


def test_what_lies_beyond_the_windows_is_handed_out_for_copying() -> None:
    text = "".join(f"line_{i} = {i}\n" for i in range(4000))
    tracker, offset = WindowTracker("doc"), len(text) // 2
    seen = tracker.windows(text, offset, BUDGET)
    around = seen.far_before.text + seen.prefix.text + seen.suffix.text + seen.far_after.text
    assert around in text
    assert len(seen.far_before.text) == len(seen.far_after.text) == FAR_CHARS
    typed = text[:offset] + "x" + text[offset:]
    again = tracker.windows(typed, offset + 1, BUDGET)
    assert again.far_before == seen.far_before
    assert again.far_after == seen.far_after


def test_typed_characters_are_counted_from_the_anchor() -> None:
    tracker, offset = WindowTracker("doc"), CODE.index("\n", 900)
    assert tracker.windows(CODE, offset, BUDGET).typed_chars == 0
    for count in (1, 2, 5):
        typed = CODE[:offset] + "x" * count + CODE[offset:]
        assert tracker.windows(typed, offset + count, BUDGET).typed_chars == count
    assert tracker.windows(CODE, offset, BUDGET).typed_chars == 0
    assert tracker.windows(CODE, 100, BUDGET).typed_chars == 0


_PYTHON = (
    "class A:\n    def one(self):\n        return 1\n\n    def two(self):\n        return 2\n\n\n"
    "def three():\n    return 3\n"
)
_GO = "func One() int {\n\treturn 1\n}\n\nfunc Two() int {\n\tif x {\n\t\treturn 2\n\t}\n}\n"
_FLAT = "a\n" * 200


@pytest.mark.parametrize(
    ("text", "start"),
    [
        (_PYTHON * 12, ("class A:", "def three")),
        (_GO * 16, "func "),
        (_FLAT * 3, "a\n"),
        ("word " * 400, ""),
    ],
    ids=["python", "go", "flat", "one line"],
)
@pytest.mark.parametrize("budget", [300, 450])
def test_windows_begin_and_end_where_little_is_open(
    text: str, start: str | tuple[str, ...], budget: int
) -> None:
    """At the least indented line, one that follows a blank line first; in one line, anywhere."""
    offset = len(text) * 2 // 3
    first = window_start(text, offset, budget)
    assert text[first:].startswith(start) and budget * 0.7 <= offset - first <= budget
    last = window_end(text, offset - budget, budget)
    assert text[last:].startswith(start) and budget * 0.7 <= last - (offset - budget) <= budget
