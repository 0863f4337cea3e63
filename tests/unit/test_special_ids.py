"""Which ids mean prefix, suffix, middle and end, from plain facts."""

from __future__ import annotations

import pytest

from codellama_lsp.prompt.special import (
    InfillIds,
    NoInfill,
    VocabularyFacts,
    find_infill_ids,
    forbidden_ids,
)

KEYS = {
    "tokenizer.ggml.fim_pre_token_id": "7",
    "tokenizer.ggml.fim_suf_token_id": "8",
    "tokenizer.ggml.fim_mid_token_id": "9",
    "tokenizer.ggml.eot_token_id": "10",
}
OLD_KEYS = {
    "tokenizer.ggml.prefix_token_id": "7",
    "tokenizer.ggml.suffix_token_id": "8",
    "tokenizer.ggml.middle_token_id": "9",
}
CODE_LLAMA = {"▁<PRE>": 32007, "▁<SUF>": 32008, "▁<MID>": 32009, "▁<EOT>": 32010}
QWEN = {"<|fim_prefix|>": 1, "<|fim_suffix|>": 2, "<|fim_middle|>": 3, "<|endoftext|>": 4}


def facts(size: int = 100, name: str = "", metadata=None, pieces=None) -> VocabularyFacts:
    return VocabularyFacts(size, name, metadata or {}, (pieces or {}).get)


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (facts(metadata=KEYS), InfillIds(7, 8, 9, 10, suffix_first=False)),
        (facts(metadata=OLD_KEYS), InfillIds(7, 8, 9, None, suffix_first=False)),
        (facts(metadata=KEYS, pieces={"▁<PRE>": 7}), InfillIds(7, 8, 9, 10, suffix_first=True)),
        (facts(32016, pieces=CODE_LLAMA), InfillIds(32007, 32008, 32009, 32010, True)),
        (
            facts(32016, metadata=OLD_KEYS, pieces={**CODE_LLAMA, "▁<PRE>": 7}),
            InfillIds(7, 8, 9, 32010, suffix_first=True),
        ),
        (facts(pieces=QWEN), InfillIds(1, 2, 3, 4, suffix_first=False)),
        (facts(32016, "codellama-7b-instruct"), InfillIds(32007, 32008, 32009, 32010, True)),
        (facts(32016, "Code Llama 13B"), InfillIds(32007, 32008, 32009, 32010, True)),
    ],
)
def test_found(given: VocabularyFacts, found: InfillIds) -> None:
    assert find_infill_ids(given) == found


@pytest.mark.parametrize(
    ("given", "word"),
    [
        (facts(32000, "codellama-7b"), "32,000"),
        (facts(32016, "CodeLlama-7B-Python", pieces=CODE_LLAMA), "Python"),
        (facts(32016, "CodeLlama-34b-Instruct", pieces=CODE_LLAMA), "34B"),
        (facts(32016, "some other model"), "no infilling tokens"),
        (facts(100, metadata={**KEYS, "tokenizer.ggml.fim_pre_token_id": "400"}), "no infilling"),
    ],
)
def test_cannot_infill_and_says_why(given: VocabularyFacts, word: str) -> None:
    found = find_infill_ids(given)
    assert isinstance(found, NoInfill)
    assert word in found.reason


def test_halves_of_sentinels_are_forbidden_too() -> None:
    given = facts(32016, "codellama", pieces=CODE_LLAMA)
    assert forbidden_ids(given, find_infill_ids(given)) == frozenset(range(32000, 32016))


def test_a_small_vocabulary_forbids_its_sentinels_only() -> None:
    given = facts(metadata=KEYS)
    assert forbidden_ids(given, find_infill_ids(given)) == {7, 8, 9, 10}
