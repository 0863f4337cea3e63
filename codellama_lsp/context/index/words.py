"""Identifiers of code and the words in them: what text search and scoring compare.

Pure functions of a text.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache

_IDENTIFIER = re.compile(r"[^\W\d]\w*")
_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_a-zA-Z]+")

#: Words of many languages that say nothing about what code is about.
STOP_WORDS = frozenset(
    "abstract and any array as assert async await auto bool boolean break byte case catch char "
    "class const constexpr continue cls def default define defined del delete do double elif else "
    "endif enum except export extends extern false final finally float fn for foreach from func "
    "function get global go if ifdef ifndef impl implements import in include inline instanceof "
    "int interface internal is isinstance kwargs lambda len let list long match mod module mut "
    "namespace new nil none nonlocal not null object of operator or override package pass private "
    "protected pub public raise range readonly ref return sealed self set short signed sizeof "
    "static str string struct super switch template then this throw throws trait true try tuple "
    "type typedef typename typeof undefined union unsafe unsigned unset use using var virtual void "
    "volatile when where while with yield args dict test".split()
)

_MOST_REPEATS = 2
_MOST_KNOWN = 16_384


def identifiers(text: str) -> list[str]:
    """Every identifier of `text` in order, keywords and words of comments included."""
    return _IDENTIFIER.findall(text)


@lru_cache(_MOST_KNOWN)
def split(identifier: str) -> tuple[str, ...]:
    """The words of an identifier, in lower case: ``parse_HTTPHeader2`` has four."""
    return tuple(part.lower() for part in _PARTS.findall(identifier))


def terms(text: str) -> str:
    """`text` for a full-text index: whole identifiers in lower case, and their words.

    A word that comes more often than twice says little more than one that comes twice.
    """
    counts: Counter[str] = Counter()
    for name, n in Counter(_IDENTIFIER.findall(text)).items():
        whole = name.lower()
        if whole not in STOP_WORDS:
            counts[whole] += n
            parts = split(name)
            if len(parts) > 1:
                counts.update(
                    {part: n for part in parts if len(part) > 1 and part not in STOP_WORDS}
                )
    return " ".join(
        word for word, n in counts.items() for _ in range(min(n, _MOST_REPEATS)) if len(word) < 60
    )
