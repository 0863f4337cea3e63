"""A pool of definitions that may help at a cursor, with the evidence for each. Pure values."""

from __future__ import annotations

import math
import re

import attrs

from codellama_lsp.context.cursor import CursorView
from codellama_lsp.context.index.definition import Found
from codellama_lsp.context.index.words import split

#: Further reasons add less: most of what they say is the same.
_FURTHER = 0.4
_POPULAR = 0.7
#: What speaks for a name that may be the one which is being typed.
COMPLETES = 2.0
_TEST_SHARE = 0.5
_TEST_PATH = re.compile(
    r"(?:^|/)(?:tests?|__tests__|specs?)/|(?:^|/)test_[^/]*$|(?:[._](?:test|spec)|Tests?)\.\w+$"
)
_TEST_NAME = re.compile(r"^(?:[tT]est|should)(?![a-z])|Tests?(?:Case)?$")


@attrs.frozen
class Query:
    """A cursor, and what is known besides the index."""

    path: str
    """Of the file, within the workspace, with slashes."""
    language: str
    text: str
    offset: int
    """Code points in `text`."""
    shown: tuple[str, ...] = ()
    """Texts that the prompt holds anyway."""
    recent: tuple[str, ...] = ()
    """Files edited or looked at, the latest first."""
    copied: tuple[str, ...] = ()
    """Texts put on the clipboard, the latest first."""


@attrs.frozen
class Candidate:
    """A definition, how much speaks for it, and what does."""

    found: Found
    score: float
    reasons: tuple[str, ...]
    by_similarity: bool
    """Nothing refers to it; it merely resembles what is being written."""
    stable: bool
    """Follows from the file rather than from where in it the cursor is."""


class Pool:
    """Collects evidence."""

    def __init__(self, query: Query, view: CursorView) -> None:
        self.query = query
        self.view = view
        self._in_test = _TEST_PATH.search(query.path) is not None
        self._found: dict[tuple[str, int, str], Found] = {}
        self._evidence: dict[tuple[str, int, str], dict[str, float]] = {}

    def add(self, found: Found, score: float, reason: str) -> None:
        """Count `score` for a definition; of one reason, the best counts."""
        if score <= 0:
            return
        key = found.key
        self._found.setdefault(key, found)
        evidence = self._evidence.setdefault(key, {})
        evidence[reason] = max(evidence.get(reason, 0.0), score)

    def overlap(self, name: str) -> float:
        """How much a name's words are those around the cursor, 0 to about 1.5."""
        words = split(name)
        if not words:
            return 0.0
        known = self.view.words
        return sum(known.get(word, 0.0) for word in words) / (len(words) + 1) * 0.5

    def likely(self, name: str, occurrences: int) -> float:
        """How likely a name that can be used here is, by its words and by its use elsewhere."""
        return _POPULAR * popularity(occurrences) + self.overlap(name)

    def completes(self, name: str) -> bool:
        """Whether `name` may be what is being typed."""
        partial = self.view.partial
        return bool(partial) and len(name) > len(partial) and name.startswith(partial)

    def candidates(self) -> list[Candidate]:
        """All of them, the best first."""
        listed = [self._candidate(key) for key in self._found]
        return sorted(listed, key=lambda c: (-c.score, c.found.key))

    def _is_far_test(self, found: Found) -> bool:
        """Whether it is of tests, which others hardly ever refer to; nor do they to each other."""
        if not _TEST_PATH.search(found.path):
            return False
        return not self._in_test or _TEST_NAME.search(found.definition.name) is not None

    def _candidate(self, key: tuple[str, int, str]) -> Candidate:
        found, evidence = self._found[key], self._evidence[key]
        reasons = tuple(evidence)
        if len(evidence) > 1:
            reasons = tuple(sorted(evidence, key=lambda reason: -evidence[reason]))
        best, *others = (evidence[reason] for reason in reasons)
        score = best + _FURTHER * sum(others) + 0.3 * self.overlap(found.definition.name)
        if reasons[0] in _GUESSED and self._is_far_test(found):
            score *= _TEST_SHARE
        if self.view.partial:
            completes = self.completes(found.definition.name)
            score = score + COMPLETES if completes else score * 0.6
        return Candidate(
            found,
            score,
            reasons,
            by_similarity=set(reasons) <= SIMILARITY,
            stable=reasons[0] in STABLE,
        )


IMPORTED = "imported"
IN_MODULE = "in an imported module"
NAMED = "named near the cursor"
THIS_FILE = "further away in this file"
MEMBER = "member of what stands before the dot"
RECEIVER = "type of what stands before the dot"
CALLED = "the call being typed"
INHERITED = "member of the class around the cursor"
CLASS = "the class around the cursor"
BASE = "base of the class around the cursor"
BEGINS = "begins like what is being typed"
TYPE = "type of a variable here"
USED = "used in a line like this one"
SIMILAR = "resembles the code here"
PARTNER = "test or implementation of this file"
VISIBLE = "known here without an import"
RECENT = "edited or viewed lately"
COPIED = "like what was copied"

SIMILARITY = frozenset({SIMILAR, RECENT, COPIED, PARTNER})
#: Nothing says that it is meant.
_GUESSED = frozenset({VISIBLE, BEGINS, *SIMILARITY} - {PARTNER})
STABLE = frozenset({IMPORTED, IN_MODULE, BASE, CLASS, PARTNER, THIS_FILE})


def nearness(one: str, other: str) -> float:
    """1 for files of one folder, less with every step between folders; never 0."""
    a, b = one.split("/")[:-1], other.split("/")[:-1]
    shared = 0
    for x, y in zip(a, b, strict=False):
        if x != y:
            break
        shared += 1
    return 1.0 / (1.0 + 0.35 * (len(a) + len(b) - 2 * shared))


def popularity(occurrences: int) -> float:
    """What a name's being used in many places speaks for its being used here; 0 to about 1."""
    return min(0.12 * math.log2(1.0 + occurrences), 1.0)


def rarity(occurrences: int, total: int) -> float:
    """Inverse document frequency, as BM25 has it."""
    return math.log(1.0 + (total - occurrences + 0.5) / (occurrences + 0.5))
