"""Fill-in-the-middle examples: where a document is cut, and how the parts are laid out.

Everything here is a pure function of its arguments and of the random generator handed in.
Positions are character offsets in one document, budgets are numbers of tokens.  An example is a
contiguous window of one document: prefix + middle + suffix is always a piece of it.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

CLOSERS = ")]}>:;,\"'`"
SPANS: tuple[tuple[str, float], ...] = (
    ("rest of line", 0.50),
    ("inside line", 0.15),
    ("block", 0.20),
    ("random", 0.07),
    ("left to right", 0.08),
)
SPM_SHARE = 0.68
SHORT_ROWS = 0.75  # share of rows built of short examples
SHORTEST = 56  # tokens; short examples go up to five times this
MIDDLE_LIMIT = 900  # characters of the longest middle
CHARS_PER_TOKEN = 3.2  # a low guess, used to choose how much text to encode first


class Encoder(Protocol):
    """What the layouts need of a tokenizer."""

    bos: int
    eos: int
    pre: int
    suf: int
    mid: int
    eot: int

    def encode(self, text: str) -> list[int]:
        """Tokens with the dummy leading space."""

    def encode_infill(self, text: str) -> list[int]:
        """Tokens without it."""


@dataclass(frozen=True)
class Example:
    """Token ids, and the weight of each one as a target."""

    ids: list[int]
    weights: list[float]


def line_bounds(text: str, at: int) -> tuple[int, int]:
    """Start and end (without the line break) of the line that holds offset `at`."""
    start = text.rfind("\n", 0, at) + 1
    end = text.find("\n", at)
    return start, len(text) if end < 0 else end


def indent(line: str) -> int:
    """Characters of leading white space."""
    return len(line) - len(line.lstrip(" \t"))


def some_line(rng: random.Random, text: str) -> tuple[int, int, int]:
    """A random line with text in it: its start, where its content starts, its end."""
    for _ in range(40):
        start, end = line_bounds(text, rng.randrange(len(text)))
        # Lines are met in proportion to their length: accept long ones less often.
        content = start + indent(text[start:end])
        if content < end and rng.random() < 24 / max(24, end - start):
            return start, content, end
    return 0, 0, len(text) if "\n" not in text else text.index("\n")


def rest_of_line(rng: random.Random, text: str) -> tuple[int, int]:
    """From a random character of a line to its end, or to the closing text before its end."""
    _, content, end = some_line(rng, text)
    while end > content and text[end - 1] in " \t":
        end -= 1
    if end <= content:
        return content, content
    cut = rng.randrange(content, end)
    if rng.random() < 0.25:
        stop = end
        while stop > cut and text[stop - 1] in CLOSERS:
            stop -= 1
        if cut < stop < end:
            return cut, rng.randint(stop, end - 1)
    return cut, end


def inside_line(rng: random.Random, text: str) -> tuple[int, int]:
    """A span inside one line."""
    _, content, end = some_line(rng, text)
    if end - content < 2:
        return content, end
    cut = rng.randrange(content, end - 1)
    return cut, rng.randint(cut + 1, min(end, cut + 40))


def block(rng: random.Random, text: str) -> tuple[int, int]:
    """One or several whole lines, often all that are indented as deep as the first."""
    start, content, end = some_line(rng, text)
    depth, first = content - start, end
    if rng.random() < 0.5:
        limit, deeper = rng.choice((1, 1, 2, 2, 3, 4, 6)), False
    else:
        limit, deeper = 16, True
    for _ in range(limit - 1):
        if end >= len(text):
            break
        at, stop = line_bounds(text, end + 1)
        line = text[at:stop]
        if stop - start > MIDDLE_LIMIT or (deeper and line.strip() and indent(line) < depth):
            break
        end = stop
    while end > first and text[end - 1] in " \t\n":
        end -= 1
    way = rng.random()
    if way < 0.6:
        return content, end
    if way < 0.75:
        return start, end
    if way < 0.88:
        return max(0, start - 1), end
    return rng.randrange(content, max(content + 1, first)), end


def random_span(rng: random.Random, text: str) -> tuple[int, int]:
    """Two uniform cuts, not further apart than the limit."""
    one = rng.randrange(len(text) + 1)
    two = rng.randrange(max(0, one - MIDDLE_LIMIT), min(len(text), one + MIDDLE_LIMIT) + 1)
    return min(one, two), max(one, two)


CUTS: dict[str, Callable[[random.Random, str], tuple[int, int]]] = {
    "rest of line": rest_of_line,
    "inside line": inside_line,
    "block": block,
    "random": random_span,
}


def spm_layout(codec: Encoder, prefix: str, middle: str, suffix: list[int]) -> Example:
    """Suffix first: BOS PRE SUF suffix MID prefix+middle EOT."""
    both = codec.encode(prefix + middle)
    alone = codec.encode(prefix)
    same = 0
    while same < min(len(alone), len(both)) and alone[same] == both[same]:
        same += 1
    ids = [codec.bos, codec.pre, codec.suf, *suffix, codec.mid, *both, codec.eot]
    head = [0.0, 0.0, 0.0, *[1.0] * len(suffix), 0.0]
    return Example(ids, [*head, *[1.0] * same, *[MIDDLE] * (len(both) - same), MIDDLE])


def psm_layout(codec: Encoder, prefix: list[int], middle: str, suffix: list[int]) -> Example:
    """Prefix first: BOS PRE prefix SUF suffix MID middle EOT."""
    inner = codec.encode_infill(middle)
    ids = [codec.bos, codec.pre, *prefix, codec.suf, *suffix, codec.mid, *inner, codec.eot]
    head = [0.0, 0.0, *[1.0] * len(prefix), 0.0, *[1.0] * len(suffix), 0.0]
    return Example(ids, [*head, *[MIDDLE] * (len(inner) + 1)])


MIDDLE = 4.0  # weight of the middle's tokens and of EOT, against 1 for the rest


def before(text: str, at: int, tokens: int, rng: random.Random) -> int:
    """Where a prefix that ends at `at` starts, so that it likely fits in `tokens`."""
    start = at - int(tokens * CHARS_PER_TOKEN)
    if start <= 0:
        return 0
    if rng.random() < 0.9:
        snapped = text.find("\n", start, at)
        return start if snapped < 0 else snapped + 1
    return start


def left_to_right(codec: Encoder, rng: random.Random, text: str, budget: int) -> Example:
    """BOS document EOS; a document too long is entered at a line, and then has no EOS."""
    room = budget - 2
    size = int(room * CHARS_PER_TOKEN * 1.6)
    start = 0
    if len(text) > size and rng.random() < 0.7:
        start = line_bounds(text, rng.randrange(len(text) - size // 2))[0]
    ids = codec.encode(text[start : start + size])
    whole = len(ids) <= room and start + size >= len(text)
    ids = [codec.bos, *ids[: room + (0 if whole else 1)], *([codec.eos] if whole else [])]
    return Example(ids, [0.0, *[1.0] * (len(ids) - 1)])


def fim(
    codec: Encoder, rng: random.Random, text: str, span: tuple[int, int], spm: bool, budget: int
) -> Example | None:
    """Lay out one span with as much context as the budget holds; None where it cannot."""
    cut, stop = span
    middle = text[cut:stop]
    middle_size = len(codec.encode_infill(middle)) + 2
    room = budget - 5 - middle_size
    if room < 16:
        return None
    share = rng.uniform(0.08, 0.5) if rng.random() < 0.9 else rng.uniform(0.0, 0.08)
    wanted = int(share * room)
    prefix_whole = codec.encode(text[:cut]) if cut < room * 2 else None
    if prefix_whole is not None and len(prefix_whole) < room - wanted:
        wanted = room - len(prefix_whole) if rng.random() < 0.5 else wanted
    tail = text[stop : stop + int(wanted * 6)]
    suffix = codec.encode_infill(tail)[:wanted]
    left = room - len(suffix)
    start = before(text, cut, int(left * 1.25), rng)
    prefix = text[start:cut]
    ids = codec.encode(prefix)
    for _ in range(8):
        if len(ids) <= left:
            break
        drop = int((len(ids) - left) * 2.6) + 4
        snapped = prefix.find("\n", drop)
        prefix = prefix[drop:] if snapped < 0 or snapped > drop + 200 else prefix[snapped + 1 :]
        ids = codec.encode(prefix)
    if spm:
        example = spm_layout(codec, prefix, middle, suffix)
    else:
        example = psm_layout(codec, ids, middle, suffix)
    return example if len(example.ids) <= budget else None


def example(codec: Encoder, rng: random.Random, text: str, budget: int) -> Example:
    """One training example of at most `budget` tokens from one document."""
    kinds, shares = zip(*SPANS, strict=True)
    for _ in range(6):
        kind = rng.choices(kinds, shares)[0]
        if kind == "left to right":
            break
        cut, stop = CUTS[kind](rng, text)
        if stop <= cut and kind != "random":
            continue
        if made := fim(codec, rng, text, (cut, stop), rng.random() < SPM_SHARE, budget):
            return made
    return left_to_right(codec, rng, text, budget)


def row(
    codec: Encoder, rng: random.Random, document: Callable[[random.Random], str], length: int
) -> Example:
    """A row of exactly `length` tokens: examples one after another, then padding without weight.

    A share of the rows is one long example.  The others are built of short ones, because each
    example has only one middle and one end mark to learn from.
    """
    ids: list[int] = []
    weights: list[float] = []
    short = rng.random() < SHORT_ROWS
    while (room := length - len(ids)) >= 96:
        budget = min(room, int(SHORTEST * 5 ** rng.random())) if short else room
        made = example(codec, rng, document(rng), budget)
        ids += made.ids
        weights += made.weights
    padding = length - len(ids)
    return Example(ids + [codec.eos] * padding, weights + [0.0] * padding)
