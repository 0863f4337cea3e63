"""Code Llama's prompts, id by id, as the reference implementation builds them."""

from __future__ import annotations

import pytest

from codellama_lsp.engine.worker.model import Model
from codellama_lsp.prompt.layout import PromptParts, prefix_first, suffix_first
from codellama_lsp.prompt.special import InfillIds

PREFIX = 'def remove_non_ascii(s: str) -> str:\n    """ '
SUFFIX = "\n    return result\n"
PREFIX_IDS = (
    "822 3349 29918 5464 29918 294 18869 29898 29879 29901 851 29897 1599 851 29901 13 1678 9995 "
    "29871"
)
SUFFIX_IDS = "13 1678 736 1121 13"


def ids(text: str) -> list[int]:
    return [int(part) for part in text.split()]


def parts(model: Model, prefix: str, suffix: str) -> PromptParts:
    encoder = model.encoder
    return PromptParts(context=[], prefix=encoder.ordinary(prefix), suffix=encoder.infill(suffix))


def test_sentinels_are_found_by_their_text(code_llama: Model) -> None:
    assert code_llama.infill == InfillIds(32007, 32008, 32009, 32010, suffix_first=True)


def test_prefix_first_is_the_golden_vector(code_llama: Model) -> None:
    assert isinstance(code_llama.infill, InfillIds)
    prompt = prefix_first([1], code_llama.infill, parts(code_llama, PREFIX, SUFFIX))
    assert prompt.tolist() == [1, 32007, *ids(PREFIX_IDS), 32008, *ids(SUFFIX_IDS), 32009]


def test_suffix_first_has_the_same_parts_in_its_own_order(code_llama: Model) -> None:
    assert isinstance(code_llama.infill, InfillIds)
    prompt = suffix_first([1], code_llama.infill, parts(code_llama, PREFIX, SUFFIX))
    assert prompt.tolist() == [1, 32007, 32008, *ids(SUFFIX_IDS), 32009, *ids(PREFIX_IDS)]


def test_an_empty_suffix_keeps_its_sentinels(code_llama: Model) -> None:
    assert isinstance(code_llama.infill, InfillIds)
    prompt = suffix_first([1], code_llama.infill, parts(code_llama, "x", ""))
    assert prompt.tolist() == [1, 32007, 32008, 32009, 921]


@pytest.mark.parametrize(
    ("text", "ordinary", "infill"),
    [
        ("x", [921], [29916]),
        ("    ", [418], [268]),
        ("\n", [29871, 13], [13]),
        (" ", [259], [29871]),
        ("", [], []),
    ],
)
def test_the_dummy_space(code_llama: Model, text: str, ordinary: list, infill: list) -> None:
    assert code_llama.encoder.ordinary(text) == ordinary
    assert code_llama.encoder.infill(text) == infill


@pytest.mark.parametrize("first", [*"\"&'(),./:;<=>[\\`{\r", "\n", " ", "a", "1", "#"])
def test_a_suffix_does_not_merge_with_its_sentinel(code_llama: Model, first: str) -> None:
    assert isinstance(code_llama.infill, InfillIds)
    suffix = code_llama.encoder.infill(first + " tail")
    assert code_llama.pieces.spell(suffix) == (first + " tail").encode()
    prompt = suffix_first([1], code_llama.infill, PromptParts([], [], suffix))
    assert prompt[:3].tolist() == [1, 32007, 32008]
    assert all(i < 32000 for i in suffix)


@pytest.mark.parametrize(
    "text",
    [
        "x = ' <MID>'",
        " <PRE> <SUF> <MID> <EOT>",
        "<EOT> <EOT> <EOT>",
        "a <M> b <SU c <E d",
        "▁<MID>▁<EOT>",
        "\n <SUF>\n    <MID>\n",
        "<s></s><unk>",
    ],
)
def test_user_text_never_becomes_a_sentinel(code_llama: Model, text: str) -> None:
    for encoded, dummy in (
        (code_llama.encoder.ordinary(text), " "),
        (code_llama.encoder.infill(text), ""),
    ):
        assert all(2 < i < 32000 for i in encoded)
        assert code_llama.pieces.spell(encoded).decode() == dummy + text.replace("▁", " ")


def test_encoding_by_lines_is_encoding_whole(code_llama: Model) -> None:
    encoder = code_llama.encoder
    assert encoder.by_lines
    for path in sorted(
        (__import__("pathlib").Path(__file__).parents[2]).glob("codellama_lsp/**/*.py")
    ):
        text = path.read_text()
        whole = code_llama.tokenize(text)
        if not any(i >= 32000 for i in whole):
            assert encoder.ordinary(text) == whole


def test_eot_ends_even_though_the_file_does_not_mark_it(code_llama: Model) -> None:
    assert 32010 in code_llama.ends
    assert 2 in code_llama.ends
