"""Which token ids mean prefix, suffix, middle and end of text in a given vocabulary.

Found by GGUF key, else by the piece's text, else by the vocabulary's size together with the
model's name. Must not know llama.cpp: it reads plain facts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import attrs

#: Metadata keys, newest spelling first (GGUF specification; the second ones are deprecated).
_KEYS = {
    "prefix": ("tokenizer.ggml.fim_pre_token_id", "tokenizer.ggml.prefix_token_id"),
    "suffix": ("tokenizer.ggml.fim_suf_token_id", "tokenizer.ggml.suffix_token_id"),
    "middle": ("tokenizer.ggml.fim_mid_token_id", "tokenizer.ggml.middle_token_id"),
    "eot": ("tokenizer.ggml.eot_token_id", "tokenizer.ggml.fim_eot_token_id"),
}

#: Pieces as each family's tokenizer spells them: prefix, suffix, middle, end of text.
#: Code Llama's come first; U+2581 stands for a space (its tokenizer.py looks up just these).
_PIECES = (
    ("▁<PRE>", "▁<SUF>", "▁<MID>", "▁<EOT>"),
    ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|endoftext|>"),
    ("<fim_prefix>", "<fim_suffix>", "<fim_middle>", "<|endoftext|>"),
    ("<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>", "<｜end▁of▁sentence｜>"),
    ("[PREFIX]", "[SUFFIX]", "[MIDDLE]", "</s>"),
)

#: Code Llama 7B and 13B (and 70B): 32,000 pieces of Llama 2 and 16 of its own.
_CODE_LLAMA_SIZE = 32016
_CODE_LLAMA_IDS = (32007, 32008, 32009, 32010)
_LLAMA_SIZE = 32000

_CODE_LLAMA_NAME = re.compile(r"code[\s_.-]*llama", re.IGNORECASE)
_PYTHON_NAME = re.compile(r"(?<![a-z])python(?![a-z])", re.IGNORECASE)
_34B_NAME = re.compile(r"(?<!\d)34b(?![a-z])", re.IGNORECASE)


@attrs.frozen
class VocabularyFacts:
    """What a GGUF says of its vocabulary, without the vocabulary."""

    size: int
    name: str
    """`general.name`, `general.basename` and the file's own name, joined by spaces."""
    metadata: Mapping[str, str]
    find_piece: Callable[[str], int | None]
    """The id of a piece by its exact text, or None."""


@attrs.frozen
class InfillIds:
    """The four ids of an infilling prompt."""

    prefix: int
    suffix: int
    middle: int
    eot: int | None
    suffix_first: bool
    """Whether the model was trained on Code Llama's own suffix-first order."""


@attrs.frozen
class NoInfill:
    """A model that cannot infill, and why, for a user to read."""

    reason: str


def find_infill_ids(facts: VocabularyFacts) -> InfillIds | NoInfill:
    """Find the sentinels of a model, or say why it has none.

    34B and the Python variants of Code Llama were not trained to infill (paper, table 1); ids
    that happen to be in their files are not used.
    """
    code_llama = bool(_CODE_LLAMA_NAME.search(facts.name))
    if code_llama and _PYTHON_NAME.search(facts.name):
        return NoInfill("the Python variants of Code Llama were not trained to infill")
    if code_llama and _34B_NAME.search(facts.name):
        return NoInfill("Code Llama 34B was not trained to infill")

    by_text = _by_text(facts)
    by_key = {role: _by_key(facts, role) for role in _KEYS}
    pre, suf, mid = by_key["prefix"], by_key["suffix"], by_key["middle"]
    if pre is not None and suf is not None and mid is not None:
        eot = by_key["eot"]
        if eot is None and by_text is not None:
            eot = by_text.eot
        return InfillIds(pre, suf, mid, eot, suffix_first=_is_code_llama(facts, pre))
    if by_text is not None:
        return by_text
    if facts.size == _CODE_LLAMA_SIZE and code_llama:
        return InfillIds(*_CODE_LLAMA_IDS, suffix_first=True)
    if facts.size == _LLAMA_SIZE and code_llama:
        return NoInfill("this file's vocabulary has no infilling pieces (32,000 of 32,016)")
    return NoInfill("the file names no infilling tokens and has none that are known")


def forbidden_ids(facts: VocabularyFacts, ids: InfillIds | NoInfill) -> frozenset[int]:
    """Ids that the user's text must never become: sentinels and the pieces that lead to them."""
    found: set[int] = set()
    for family in _PIECES[:-1]:
        found.update(i for piece in family if (i := facts.find_piece(piece)) is not None)
    if isinstance(ids, InfillIds):
        found.update(i for i in (ids.prefix, ids.suffix, ids.middle, ids.eot) if i is not None)
    if facts.size == _CODE_LLAMA_SIZE and facts.find_piece("▁<PRE>") in (None, 32007):
        # 32000 to 32006 are halves of sentinels that merges pass through, 32011 and on are unused.
        found.update(range(_LLAMA_SIZE, _CODE_LLAMA_SIZE))
    return frozenset(found)


def _by_key(facts: VocabularyFacts, role: str) -> int | None:
    for key in _KEYS[role]:
        text = facts.metadata.get(key)
        if text is not None and text.isdigit() and int(text) < facts.size:
            return int(text)
    return None


def _by_text(facts: VocabularyFacts) -> InfillIds | None:
    for index, (pre, suf, mid, eot) in enumerate(_PIECES):
        found = [facts.find_piece(piece) for piece in (pre, suf, mid)]
        if None not in found:
            p, s, m = (i for i in found if i is not None)
            return InfillIds(p, s, m, facts.find_piece(eot), suffix_first=index == 0)
    return None


def _is_code_llama(facts: VocabularyFacts, prefix_id: int) -> bool:
    at_text = facts.find_piece(_PIECES[0][0])
    return at_text == prefix_id if at_text is not None else facts.size == _CODE_LLAMA_SIZE
