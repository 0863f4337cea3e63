"""From scored candidates to the texts that stand before a prompt, within a budget of tokens.

What is referred to is shown by its signature first and by its body where room is left; what merely
resembles the code is shown by the part that does. One chunk per file, headed by its path as a
comment; the most stable first, so that what stays the same keeps its place at the front.
Pure: neither index nor engine.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

import attrs

from codellama_lsp.context.candidates import COMPLETES, Candidate
from codellama_lsp.context.cursor import CursorView
from codellama_lsp.context.index.words import identifiers, split
from codellama_lsp.context.languages import comment
from codellama_lsp.context.meter import Meter
from codellama_lsp.prompt.fitting import fitting

#: One candidate may not take more than this share of the budget while others wait.
_LARGEST_SHARE = 0.35
_LARGEST_SIMILAR_SHARE = 0.25
_EXCERPT_LINES = 12
_LEAST_SCORE = 0.45
#: Classes that less speaks for are named first, and laid out where room is left.
_SKELETON_SCORE = 2.2
_MOST_CHUNKS = 60
#: Of a small budget, no class may take much: many names help more than one class.
_SMALL_BUDGET_TOKENS = 800
_SMALL_CLASS_SHARE = 0.2
_LINES = "#lines"
_MOST_KNOWN = 16_384


@attrs.frozen
class Piece:
    """A definition as it is shown."""

    qualified: str
    line: int
    text: str
    form: str
    """signature, skeleton, body, excerpt or usage."""
    score: float
    reasons: tuple[str, ...]
    stable: bool


@attrs.frozen
class Chunk:
    """All that is shown of one file."""

    path: str
    text: str
    """Headed by the path, ended by a line break."""
    tokens: int
    """Estimated, until a model has counted them."""
    pieces: tuple[Piece, ...]
    part: int = 0
    """0, or which later addition this is: the file may stand further in front already."""

    @property
    def key(self) -> str:
        """Tells a file's lines of usage from its definitions: they stand apart."""
        key = self.path + _LINES if self.of_lines else self.path
        return f"{key}#{self.part}" if self.part else key

    @property
    def of_lines(self) -> bool:
        """Whether it shows single lines that use something."""
        return bool(self.pieces) and self.pieces[0].form == "usage"

    @property
    def stable(self) -> bool:
        """Whether it follows from the file that is edited, not from where the cursor is."""
        return any(piece.stable for piece in self.pieces)

    @property
    def score(self) -> float:
        """Of its best piece."""
        return max(piece.score for piece in self.pieces)


@attrs.frozen
class LeftOut:
    """A candidate that found no room."""

    path: str
    qualified: str
    score: float
    reasons: tuple[str, ...]
    why: str


@attrs.frozen
class Assembly:
    """What is sent, in order, and what is not."""

    chunks: tuple[Chunk, ...]
    left_out: tuple[LeftOut, ...]
    budget_tokens: int

    @property
    def tokens(self) -> int:
        """All chunks together, as they are counted."""
        return sum(chunk.tokens for chunk in self.chunks)

    def counted(self, tokens: Sequence[int]) -> Assembly:
        """The same in a model's own tokens, a number for each chunk; what is too much is left out.

        So does an engine, whose counts are the ones that count.
        """
        exact = [attrs.evolve(c, tokens=n) for c, n in zip(self.chunks, tokens, strict=True)]
        kept = [exact[n] for n in fitting(tokens, self.budget_tokens)]
        gone = [
            LeftOut(chunk.path, piece.qualified, piece.score, piece.reasons, "no room")
            for chunk in exact
            if chunk not in kept
            for piece in chunk.pieces
        ]
        return attrs.evolve(self, chunks=tuple(kept), left_out=(*gone, *self.left_out))

    def without(self, paths: Iterable[str]) -> Assembly:
        """The same but for the chunks of some files."""
        gone = set(paths)
        kept = tuple(chunk for chunk in self.chunks if chunk.path not in gone)
        return attrs.evolve(self, chunks=kept)


def assemble(
    candidates: Sequence[Candidate],
    view: CursorView,
    *,
    language: str,
    budget_tokens: int,
    chars_per_token: float,
) -> Assembly:
    """Fill `budget_tokens` with the best of `candidates`, which come best first."""
    filling = _Filling(view, language, budget_tokens, Meter(chars_per_token))
    for candidate in candidates:
        filling.offer(candidate)
    filling.enlarge()
    chunks = filling.chunks()
    return Assembly(tuple(chunks), tuple(filling.left_out), budget_tokens)


def in_order(chunks: Iterable[Chunk], before: Sequence[str] = ()) -> list[Chunk]:
    """The order in a prompt: what stood there `before` (keys) first, then stable, then near.

    The best of those that follow the cursor comes last, next to the code it is for.
    """
    places = {key: number for number, key in enumerate(before)}
    return sorted(
        chunks,
        key=lambda c: (places.get(c.key, len(places)), c.of_lines, not c.stable, c.score, c.path),
    )


def part_of(chunk: Chunk, pieces: Sequence[Piece], part: int) -> Chunk:
    """Some `pieces` of a chunk, under the same heading."""
    heading = chunk.text.split("\n", 1)[0]
    text = "\n".join([heading, *(piece.text for piece in pieces), ""])
    tokens = -(-chunk.tokens * len(text) // max(len(chunk.text), 1))
    return Chunk(chunk.path, text, tokens, tuple(pieces), part)


class _Filling:
    def __init__(self, view: CursorView, language: str, budget: int, meter: Meter) -> None:
        self.left_out: list[LeftOut] = []
        self._view = view
        self._language = language
        self._budget = budget
        self._left = budget
        self._meter = meter
        self._headers: dict[str, int] = {}
        self._taken: list[tuple[Candidate, Piece, int]] = []
        self._texts: set[str] = set()
        self._named: set[tuple[str, str, str]] = set()

    def offer(self, candidate: Candidate) -> None:
        """Take a candidate in its smallest useful form, or note why not."""
        definition = candidate.found.definition
        path = candidate.found.path
        if definition.kind == "usage":
            path += _LINES
        if candidate.score < _LEAST_SCORE:
            return self._leave(candidate, "too little speaks for it")
        named = (path, definition.qualified, definition.kind)
        if definition.name and definition.kind == "function" and named in self._named:
            return self._leave(candidate, "the same as another")
        if path not in self._headers and len(self._headers) >= _MOST_CHUNKS:
            return self._leave(candidate, "too many files")
        header = 0 if path in self._headers else self._header_tokens(path)
        share = _LARGEST_SIMILAR_SHARE if candidate.by_similarity else _LARGEST_SHARE
        if definition.kind == "class" and self._budget < _SMALL_BUDGET_TOKENS:
            share = _SMALL_CLASS_SHARE
        room = min(self._left - header, int(self._budget * share))
        if room < 4:
            return self._leave(candidate, "no room")
        for form, text in self._forms(candidate, room):
            tokens = self._meter.tokens(text + "\n")
            if text in self._texts:
                return self._leave(candidate, "the same as another")
            if tokens <= room:
                self._named.add(named)
                self._take(candidate, path, form, text, tokens, header)
                return None
        return self._leave(candidate, "no room")

    def enlarge(self) -> None:
        """Bodies and skeletons for signatures, the best first, while there is room."""
        for number, (candidate, piece, tokens) in enumerate(self._taken):
            definition = candidate.found.definition
            body = definition.body
            if definition.kind == "class" and piece.form == "signature" and definition.skeleton:
                room = min(self._left + tokens, int(self._budget * _LARGEST_SHARE))
                text = self._trimmed(definition.skeleton.split("\n"), room)
                more = self._meter.tokens(text + "\n")
                if tokens < more <= room:
                    self._left -= more - tokens
                    skeleton = attrs.evolve(piece, text=text, form="skeleton")
                    self._taken[number] = (candidate, skeleton, more)
                continue
            if piece.form != "signature" or not body or body == piece.text:
                continue
            text = _dedented(body)
            more = self._meter.tokens(text + "\n")
            if more - tokens <= self._left and more <= self._budget * _LARGEST_SHARE:
                self._left -= more - tokens
                self._taken[number] = (candidate, attrs.evolve(piece, text=text, form="body"), more)

    def chunks(self) -> list[Chunk]:
        """What was taken, by file, each file's definitions in its own order."""
        by_path: dict[str, list[tuple[Piece, int]]] = {}
        for candidate, piece, tokens in self._taken:
            key = candidate.found.path + (_LINES if piece.form == "usage" else "")
            by_path.setdefault(key, []).append((piece, tokens))
        result = []
        for path, taken in by_path.items():
            pieces = sorted((piece for piece, _ in taken), key=lambda p: p.line)
            body = "\n".join(piece.text for piece in pieces)
            text = f"{self._header(path)}\n{body}\n"
            tokens = self._headers[path] + sum(tokens for _, tokens in taken)
            result.append(Chunk(path.removesuffix(_LINES), text, tokens, tuple(pieces)))
        return in_order(result)

    def _take(
        self, candidate: Candidate, path: str, form: str, text: str, tokens: int, header: int
    ) -> None:
        definition = candidate.found.definition
        self._headers.setdefault(path, header)
        self._left -= tokens + header
        self._texts.add(text)
        piece = Piece(
            definition.qualified, definition.line, text, form, round(candidate.score, 3),
            candidate.reasons, candidate.stable,
        )  # fmt: skip
        self._taken.append((candidate, piece, tokens))

    def _leave(self, candidate: Candidate, why: str) -> None:
        found = candidate.found
        self.left_out.append(
            LeftOut(
                found.path,
                found.definition.qualified or f"line {found.definition.line + 1}",
                round(candidate.score, 3),
                candidate.reasons,
                why,
            )
        )

    def _header(self, path: str) -> str:
        return comment(self._language, path.removesuffix(_LINES))

    def _header_tokens(self, path: str) -> int:
        return self._meter.tokens(self._header(path) + "\n")

    def _forms(self, candidate: Candidate, room: int) -> list[tuple[str, str]]:
        """From the wanted form to smaller ones."""
        definition = candidate.found.definition
        if definition.kind == "usage":
            return [("usage", definition.body)]
        if definition.kind == "class":
            named = ("signature", _one_line(definition.signature))
            if candidate.score - self._completion(definition.name) < _SKELETON_SCORE:
                return [named]  # `enlarge` knows whether there is room for more
            lines = (definition.skeleton or definition.signature).split("\n")
            return [("skeleton", self._trimmed(lines, room)), named]
        if definition.kind == "text" or candidate.by_similarity:
            body = _dedented(definition.body)
            forms = [("body", body), ("excerpt", self._excerpt(body, room))]
            if definition.kind != "text":
                forms.append(("signature", _signature(definition.signature, definition.doc)))
            return forms
        short = _signature(definition.signature, definition.doc)
        return [("signature", short), ("signature", _one_line(definition.signature))]

    def _completion(self, name: str) -> float:
        """What of a score says no more than that a name begins like the one that is typed."""
        partial = self._view.partial
        return COMPLETES if partial and name.startswith(partial) else 0.0

    def _trimmed(self, lines: list[str], room: int) -> str:
        """A class's lines that have to do with the cursor, in their order, as far as they fit."""
        if self._meter.tokens("\n".join(lines) + "\n") <= room:
            return "\n".join(lines)
        ranked = sorted(range(1, len(lines)), key=lambda i: (-self._relevance(lines[i]), i))
        kept, left = {0}, room - self._meter.tokens(lines[0] + "\n")
        for i in ranked:
            tokens = self._meter.tokens(lines[i] + "\n")
            if tokens <= left:
                kept.add(i)
                left -= tokens
        return "\n".join(lines[i] for i in sorted(kept))

    def _excerpt(self, body: str, room: int) -> str:
        """The lines in a row that have most to do with the cursor."""
        lines = body.split("\n")
        values = [self._relevance(line) for line in lines]
        size = min(_EXCERPT_LINES, len(lines))
        while size > 1:
            sums = [sum(values[i : i + size]) for i in range(len(lines) - size + 1)]
            at = max(range(len(sums)), key=sums.__getitem__)
            text = _dedented("\n".join(lines[at : at + size]))
            if self._meter.tokens(text + "\n") <= room:
                return text
            size //= 2
        return lines[0]

    def _relevance(self, line: str) -> float:
        words = self._view.words
        score = sum(words[word] for word in _words_of(line) if word in words)
        partial = self._view.partial
        if partial and re.search(rf"\b{re.escape(partial)}\w", line):
            score += 6.0
        return score


@lru_cache(_MOST_KNOWN)
def _words_of(line: str) -> frozenset[str]:
    return frozenset(word for name in identifiers(line) for word in (name.lower(), *split(name)))


def _signature(signature: str, doc: str) -> str:
    text = _dedented(signature)
    if not doc:
        return text
    first = doc.split("\n")[0][:100]
    return f"{text}\n    {first}" if text.endswith(":") else text


def _one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text)[:200]


def _dedented(text: str) -> str:
    """Without the indentation of its first line."""
    lines = text.split("\n")
    indent = min((len(x) - len(x.lstrip()) for x in lines if x.strip()), default=0)
    return "\n".join(line[indent:] for line in lines).rstrip()
