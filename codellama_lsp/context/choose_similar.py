"""What resembles the code at a cursor, or was at hand lately: evidence without references."""

from __future__ import annotations

from codellama_lsp.context.candidates import (
    COPIED,
    PARTNER,
    RECENT,
    SIMILAR,
    Pool,
    nearness,
    rarity,
)
from codellama_lsp.context.index.definition import Found
from codellama_lsp.context.index.library import Library
from codellama_lsp.context.index.words import identifiers, split
from codellama_lsp.context.languages import same_family

_MOST_WORDS = 18
_MOST_HITS = 24
#: A word in more than this share of all definitions says too little for what it costs.
_COMMON_SHARE = 0.05
_MOST_COMMON = 1500
_MOST_PLACES = 2500
_MOST_RECENT_FILES = 6


def add_similar(library: Library, pool: Pool) -> list[Found]:
    """Add what text search finds, the partner's definitions and those of files at hand.

    Returns what text search found.
    """
    query = pool.query
    hits = text_hits(library, pool)
    for one, share in hits:
        near = 0.7 + 0.3 * nearness(one.path, query.path)
        pool.add(one, 1.5 * share * near, SIMILAR)
    for path in library.partners(query.path):
        for one in library.in_file(path):
            pool.add(one, 0.4 + pool.overlap(one.definition.name), PARTNER)
    for age, path in enumerate(query.recent[:_MOST_RECENT_FILES]):
        if path != query.path:
            for one in library.in_file(path):
                fresh = 1.0 / (1.0 + 0.3 * age)
                pool.add(one, fresh * (0.2 + pool.overlap(one.definition.name)), RECENT)
    for text in query.copied[:2]:
        words = {word for name in identifiers(text) for word in split(name)}
        for hit, _ in library.search(sorted(words)[:_MOST_WORDS], 3) if words else []:
            pool.add(hit, 0.8, COPIED)
    return [one for one, _ in hits]


def text_hits(library: Library, pool: Pool, most: int = _MOST_HITS) -> list[tuple[Found, float]]:
    """Definitions by BM25 on the words near the cursor, each with its share of the best score."""
    query, words = pool.query, pool.view.words
    chosen = _telling(library, words)
    hits = [
        (one, score)
        for one, score in library.search(chosen, most)
        if same_family(one.language, query.language) or one.language == "markdown"
    ]
    best = max((score for _, score in hits), default=0.0)
    return [(one, score / best) for one, score in hits] if best > 0 else []


def _telling(library: Library, words: dict[str, float]) -> list[str]:
    """The words to search for: near the cursor, and rare in the workspace."""
    candidates = sorted(words, key=lambda word: -words[word])[: 4 * _MOST_WORDS]
    occurs = library.frequency(candidates)
    total = max(library.size, 1)
    limit = min(max(total * _COMMON_SHARE, 20), _MOST_COMMON)
    weighed = {word: words[word] * rarity(n, total) for word, n in occurs.items() if n <= limit}
    return affordable(sorted(weighed, key=lambda word: -weighed[word])[:_MOST_WORDS], occurs)


def affordable(words: list[str], occurs: dict[str, int], most: int = _MOST_PLACES) -> list[str]:
    """The first of `words` whose places, all together, can be looked at in a few milliseconds."""
    kept: list[str] = []
    for word in words:
        most -= occurs.get(word, 0)
        if most < 0:
            break
        kept.append(word)
    return kept
