"""Encoding by lines, with an anchor, in vocabularies that make it hard."""

from __future__ import annotations

import pytest

from codellama_lsp.prompt.encode import Encoder, NoAnchorError


def characters(text: str) -> list[int]:
    """A vocabulary of single characters with a dummy space, as SentencePiece puts it."""
    return [ord(c) for c in " " + text] if text else []


def pairs(text: str) -> list[int]:
    """A vocabulary that merges whatever two characters meet: nothing keeps apart."""
    return [hash(text[i : i + 2]) for i in range(0, len(text), 2)]


def across_lines(text: str) -> list[int]:
    """A vocabulary with a piece that spans a line break."""
    out: list[int] = []
    i = 0
    text = " " + text
    while i < len(text):
        step = 2 if text[i : i + 2] == ":\n" or text[i : i + 2] == "\nc" else 1
        out.append(sum(ord(c) << (21 * k) for k, c in enumerate(text[i : i + step])))
        i += step
    return out


def test_the_dummy_space_is_only_in_the_ordinary_encoding() -> None:
    encoder = Encoder(characters, frozenset())
    assert encoder.by_lines
    assert encoder.ordinary("a\nb") == [ord(c) for c in " a\nb"]
    assert encoder.infill("a\nb") == [ord(c) for c in "a\nb"]


def test_a_vocabulary_without_an_anchor_is_refused() -> None:
    with pytest.raises(NoAnchorError):
        Encoder(pairs, frozenset())


def test_pieces_across_lines_are_noticed() -> None:
    encoder = Encoder(across_lines, frozenset())
    assert not encoder.by_lines
    assert encoder.infill("if x:\ncount") == across_lines("if x:\ncount")[1:]


def test_only_the_changed_line_is_encoded_again() -> None:
    calls: list[str] = []

    def counting(text: str) -> list[int]:
        calls.append(text)
        return characters(text)

    encoder = Encoder(counting, frozenset())
    lines = "".join(f"line {i}\n" for i in range(500))
    encoder.ordinary(lines + "x")
    calls.clear()
    assert encoder.ordinary(lines + "xy") == characters(lines + "xy")
    # The first line carries the dummy space and is encoded anew, the others come from the cache.
    assert len(calls) == 2
    assert sum(map(len, calls)) < 30


def test_forbidden_ids_are_spelled_apart() -> None:
    def with_sentinel(text: str) -> list[int]:
        out: list[int] = []
        rest = " " + text
        while rest:
            if rest.startswith("<MID>"):
                out.append(-1)
                rest = rest[5:]
            else:
                out.append(ord(rest[0]))
                rest = rest[1:]
        return out

    encoder = Encoder(with_sentinel, frozenset({-1}))
    assert encoder.infill("a <MID> b") == [ord(c) for c in "a <MID> b"]
    assert encoder.ordinary("<MID>") == [ord(c) for c in " <MID>"]
