"""What a copier without a model proposes."""

from __future__ import annotations

import pytest

pytest.importorskip("numpy", reason="numpy comes with llama.cpp")

from hypothesis import example, given
from hypothesis.strategies import lists, text

from codellama_lsp.engine.worker.copying import Copier, CopySettings, Proposal
from codellama_lsp.engine.worker.matching import Matcher
from codellama_lsp.evaluation.copier import copied_rest_of_line


@pytest.mark.parametrize(
    ("before", "after", "generated", "text", "match"),
    [
        (["total = first\nx = tota"], "", "", "l = first\nx = tota", 4),
        (["abcdef\nabc"], "", "d", "ef\nabcd", 4),
        (["no match here, x"], "", "", None, 0),
        (["longer_name = 1\nlonger_"], "\nlonger_name = 2", "", "name = 2", 8),
        (["x = comp"], "\ny = compute()\n", "", "ute()\n", 7),  # " = comp" matches, 7 characters
        (["one text: abcd", "abc"], "", "", None, 0),  # matches do not cross from text to text
        (["word\nword"], "", "", "\nword", 4),  # the line ended there
    ],
)
def test_proposals(
    before: list[str], after: str, generated: str, text: str | None, match: int
) -> None:
    found = Copier(before, [after]).propose(generated)
    assert (found and found.text) == text
    if found:
        assert found.match == match


def test_the_majority_decides_between_equal_matches() -> None:
    found = Copier(["x call(a)\ny call(b)\nz call(a)\nw call("], [""]).propose("")
    assert found is not None
    assert found.text.startswith("a)")
    assert found.agreement == pytest.approx(2 / 3)


_ALPHABET = "ab\n \0é☺"


def _longest_by_hand(before: str, after: str) -> tuple[int, list[int], list[int]] | None:
    """The longest match and its places, by trying every one."""
    for length in range(min(256, len(before)), 3, -1):
        wanted = before[-length:]
        if "\0" in wanted:
            continue
        own = [at for at in range(length, len(before)) if before[at - length : at] == wanted]
        behind = [at for at in range(length, len(after) + 1) if after[at - length : at] == wanted]
        if own or behind:
            return length, own, behind
    return None


@given(
    before=text(_ALPHABET, max_size=60),
    after=text(_ALPHABET, max_size=40),
    grown=lists(text(_ALPHABET, max_size=3), max_size=12),
)
@example(before="x" * 300, after="x" * 300, grown=["x"])
@example(before="aaaaaa", after="", grown=["a", "aa", "b", "aaaa"])
def test_matches_are_those_that_trying_everything_finds(
    before: str, after: str, grown: list[str]
) -> None:
    matcher = Matcher(before, after, least=4, most=256)
    for more in ["", *grown]:
        matcher.grow(more)
        before += more
        found = matcher.find()
        wanted = _longest_by_hand(before, after)
        assert (found and (found.length, found.before.tolist(), found.after.tolist())) == wanted


def test_off_keeps_nothing() -> None:
    assert not CopySettings().keeps(1.0, 0.1, Proposal("x", 100, 1.0))


def test_long_matches_ask_for_less() -> None:
    settings = CopySettings((-5.0, 0.2, -1.2, 0.9, 3.6))
    short, long = Proposal("x", 4, 1.0), Proposal("x", 80, 1.0)
    assert not settings.keeps(1e-4, 0.9, short)
    assert settings.keeps(1e-4, 0.9, long)


@pytest.mark.parametrize(
    ("prefix", "suffix", "answer"),
    [
        ("total = first\nx = tota", "", "l = first"),
        ("abc", "", ""),
        ("x = comp", "\ny = compute()\nz", "ute()"),
        ("total = 1\n" + "y" * 3000 + "\nx = tota", "", ""),  # out of reach
    ],
)
def test_the_peer(prefix: str, suffix: str, answer: str) -> None:
    assert copied_rest_of_line(prefix, suffix) == answer
