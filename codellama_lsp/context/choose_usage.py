"""How the names that may come next are used elsewhere: single lines, the likest first.

A signature says what there is; a line that begins like the one at the cursor shows how it goes on,
which is what small models and copying live on. Reads a library.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

import attrs

from codellama_lsp.context.candidates import USED, Candidate, Pool
from codellama_lsp.context.choose_similar import affordable
from codellama_lsp.context.index.definition import Definition, Found
from codellama_lsp.context.index.library import Library
from codellama_lsp.context.languages import same_family

_MOST_NAMES = 16
_MOST_HITS = 30
_MOST_PLACES = 1200
_MOST_USAGES = 24
_PER_NAME = 2
_LONGEST_LINE_CHARS = 160
_LEAST_MATCH_CHARS = 5
_MOST_MATCH_CHARS = 32
_LEAST_SAME_CHARS = 4
_MOST_TAILS = 8
_NAME = re.compile(r"[^\W\d]\w*")
_IMPORT = re.compile(r"\s*(?:from|import|use|using|#include|require|package)\b")


def usages(
    library: Library, pool: Pool, candidates: Sequence[Candidate], similar: Iterable[Found]
) -> list[Candidate]:
    """Lines of other places that use what `candidates` define, or go on from what stands here."""
    query, view = pool.query, pool.view
    here = query.text[query.text.rfind("\n", 0, query.offset) + 1 : query.offset].lstrip()
    left = here[: len(here) - len(view.partial)]
    scores: dict[str, float] = {}
    for candidate in candidates:
        name = candidate.found.definition.name
        if name and not candidate.by_similarity:
            scores.setdefault(name, candidate.score)
        if len(scores) >= _MOST_NAMES:
            break
    names = [name for name in scores if not name.startswith("__") and len(name) > 2]
    if view.partial:
        names = [name for name in names if name.startswith(view.partial)]
    occurs = library.frequency([name.lower() for name in names])
    rare = [word for word in occurs if occurs[word] <= _MOST_PLACES // 4]
    hits = library.search(affordable(rare, occurs, _MOST_PLACES), _MOST_HITS)
    known = re.compile(r"\b(?:" + "|".join(map(re.escape, names)) + r")\b") if names else None
    tail = (left + view.partial)[-max(_LEAST_MATCH_CHARS, len(view.partial) + 2) :]
    found: dict[str, list[tuple[float, Found, int, str]]] = {}
    # What the windows show is no news, wherever else it stands.
    seen = {line.strip() for text in query.shown for line in text.split("\n")}
    looked: set[tuple[str, int, str]] = set()
    cursor_line = query.text.count("\n", 0, query.offset)
    for one in (*(hit for hit, _ in hits), *similar):
        if one.key in looked or not same_family(one.language, query.language):
            continue
        looked.add(one.key)
        body = one.definition.body
        for name, start in _occurrences(body, known, tail, len(view.partial)):
            begin = body.rfind("\n", 0, start) + 1
            end = body.find("\n", start)
            text = body[begin : end if end >= 0 else len(body)].strip()
            if text in seen or len(text) > _LONGEST_LINE_CHARS or _IMPORT.match(text):
                continue
            if begin == 0 and name == one.definition.name:
                continue
            number = body.count("\n", 0, start)
            if one.path == query.path and one.definition.line + number == cursor_line:
                continue  # the line that is being written
            seen.add(text)
            same = _common_end(body[begin:start].lstrip(), left)
            score = scores.get(name, 0.0) * (0.55 + same / 24)
            score += 0.5 + 0.06 * same if same >= _LEAST_SAME_CHARS else 0.0
            found.setdefault(name, []).append((score, one, number, text))
    kept = [
        entry
        for entries in found.values()
        for entry in sorted(entries, key=lambda entry: -entry[0])[:_PER_NAME]
    ]
    kept.sort(key=lambda entry: (-entry[0], entry[1].path))
    return [_candidate(*entry) for entry in kept[:_MOST_USAGES]]


def _occurrences(
    body: str, known: re.Pattern[str] | None, tail: str, partial_chars: int
) -> Iterator[tuple[str, int]]:
    """Names in a body that may come next, and where: the known ones, and what follows `tail`."""
    if known is not None:
        for match in known.finditer(body):
            yield match[0], match.start()
    if len(tail.strip()) < _LEAST_MATCH_CHARS - 1:
        return
    at = body.find(tail)
    for _ in range(_MOST_TAILS):
        if at < 0:
            return
        start = at + len(tail) - partial_chars
        following = _NAME.match(body, start)
        if following is not None and len(following[0]) > partial_chars:
            yield following[0], start
        at = body.find(tail, at + 1)


def _common_end(one: str, other: str) -> int:
    """How many characters two texts have in common at their ends."""
    most = min(len(one), len(other), _MOST_MATCH_CHARS)
    for n in range(most):
        if one[-1 - n] != other[-1 - n]:
            return n
    return most


def _candidate(score: float, found: Found, number: int, text: str) -> Candidate:
    line = found.definition.line + number
    usage = Definition(
        name="",
        qualified=f"{found.definition.qualified or 'text'}:{line + 1}",
        kind="usage",
        line=line,
        end_line=line,
        signature=text,
        doc="",
        skeleton="",
        body=text,
    )
    return Candidate(
        attrs.evolve(found, definition=usage), score, (USED,), by_similarity=False, stable=False
    )
