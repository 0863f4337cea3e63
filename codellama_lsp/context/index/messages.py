"""What goes between a server and its index processes: one JSON object a line, ASCII only."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from codellama_lsp.context.assemble import Assembly, Chunk, LeftOut, Piece
from codellama_lsp.context.candidates import Query

if TYPE_CHECKING:  # it needs a parser, and a server imports this
    from codellama_lsp.context.index.library import OpenFile

MOST_LINE_BYTES = 64 * 1024 * 1024


def encode(message: dict[str, Any]) -> bytes:
    """One line."""
    return json.dumps(message, separators=(",", ":")).encode("ascii") + b"\n"


def query_to_json(query: Query) -> dict[str, Any]:
    """A `Query` without its text: that travels once per change, as the buffer's.

    Its `offset` is one in the buffer itself, with ``\\n`` line endings; secrets in it count as
    they are.
    """
    return {
        "path": query.path,
        "language": query.language,
        "offset": query.offset,
        "shown": list(query.shown),
        "recent": list(query.recent),
        "copied": list(query.copied),
    }


def query_from_json(raw: dict[str, Any], opened: OpenFile) -> Query:
    """The query about a buffer as the index has it now."""
    return Query(
        path=str(raw["path"]),
        language=str(raw["language"]),
        text=opened.text,
        offset=opened.offset(int(raw["offset"])),
        shown=tuple(raw["shown"]),
        recent=tuple(raw["recent"]),
        copied=tuple(raw["copied"]),
    )


def assembly_to_json(assembly: Assembly) -> dict[str, Any]:
    """All of it, for machines and for people."""
    return {
        "budget_tokens": assembly.budget_tokens,
        "tokens": assembly.tokens,
        "chunks": [
            {
                "path": chunk.path,
                "text": chunk.text,
                "tokens": chunk.tokens,
                "score": chunk.score if chunk.pieces else 0.0,
                "pieces": [
                    {
                        "name": piece.qualified,
                        "line": piece.line + 1,
                        "form": piece.form,
                        "score": piece.score,
                        "reasons": list(piece.reasons),
                        "stable": piece.stable,
                        "text": piece.text,
                    }
                    for piece in chunk.pieces
                ],
            }
            for chunk in assembly.chunks
        ],
        "left_out": [
            {
                "path": left.path,
                "name": left.qualified,
                "score": left.score,
                "reasons": list(left.reasons),
                "why": left.why,
            }
            for left in assembly.left_out
        ],
    }


def assembly_from_json(raw: dict[str, Any]) -> Assembly:
    """The assembly that `assembly_to_json` wrote. Raises `KeyError` and `TypeError`."""
    chunks = tuple(
        Chunk(
            chunk["path"],
            chunk["text"],
            chunk["tokens"],
            tuple(
                Piece(
                    piece["name"], piece["line"] - 1, piece["text"], piece["form"],
                    piece["score"], tuple(piece["reasons"]), piece["stable"],
                )
                for piece in chunk["pieces"]
            ),
        )
        for chunk in raw["chunks"]
    )  # fmt: skip
    left_out = tuple(
        LeftOut(left["path"], left["name"], left["score"], tuple(left["reasons"]), left["why"])
        for left in raw["left_out"]
    )
    return Assembly(chunks, left_out, raw["budget_tokens"])
