"""Text that defines nothing, cut at its blank lines. Must not know syntax trees."""

from __future__ import annotations

from collections.abc import Iterator

from codellama_lsp.context.index.definition import Definition
from codellama_lsp.context.index.nodes import short

_MOST_BODY_CHARS = 6000
_BLOCK_LINES = 40
_LEAST_BLOCK_LINES = 3
_MOST_BLOCKS = 400


def uncovered(text: str, covered: list[tuple[int, int]]) -> Iterator[Definition]:
    """Blocks of the lines that belong to no definition."""
    lines = text.split("\n")
    done = 0
    for start, end in sorted(covered):
        if start > done:
            yield from blocks(lines[done:start], done)
        done = max(done, end + 1)
    yield from blocks(lines[done:], done)


def blocks(lines: list[str], first: int) -> Iterator[Definition]:
    """`lines`, of which the first one is line `first`, cut at those that are blank."""
    block: list[str] = []
    made = 0
    for number, line in enumerate([*lines, ""]):
        if line.strip():
            block.append(line)
        if block and (not line.strip() or len(block) >= _BLOCK_LINES):
            if len(block) >= _LEAST_BLOCK_LINES and made < _MOST_BLOCKS:
                made += 1
                end = first + number - (0 if line.strip() else 1)
                body = short("\n".join(block), _MOST_BODY_CHARS)
                yield Definition(
                    "", "", "text", end - len(block) + 1, end, block[0][:200], "", "", body
                )
            block = []
