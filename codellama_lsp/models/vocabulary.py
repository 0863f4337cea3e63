"""A GGUF's SentencePiece vocabulary as values, and made larger with pieces of no meaning.

Needs the `gguf` package. Knows nothing of Llama's own vocabulary.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import attrs

from codellama_lsp.engine.protocol import EngineStartError

_NORMAL = 1


class ShapeError(EngineStartError):
    """A model of random weights could not be made."""


@attrs.frozen
class Vocabulary:
    """Pieces with their scores and types, and the metadata that names the special ones."""

    tokens: tuple[bytes, ...]
    scores: tuple[float, ...]
    types: tuple[int, ...]
    ids: dict[str, int]
    """Metadata keys that hold a token's id."""
    flags: dict[str, bool]

    @property
    def digest(self) -> str:
        """Changes with the pieces."""
        return hashlib.sha256(b"\0".join(self.tokens)).hexdigest()[:8]


def read_vocabulary(path: Path) -> Vocabulary:
    """The SentencePiece vocabulary of a GGUF. Raises `ShapeError` for a file without one."""
    reader = gguf_package().GGUFReader(path)
    fields = reader.fields

    def column(key: str) -> list[Any]:
        field = fields.get(f"tokenizer.ggml.{key}")
        if field is None:
            raise ShapeError(f"{path} has no vocabulary of pieces and scores")
        return [field.parts[at] for at in field.data]

    kind = fields.get("tokenizer.ggml.model")
    if kind is None or kind.contents() != "llama":
        raise ShapeError(f"{path} has no SentencePiece vocabulary")
    ids: dict[str, int] = {}
    flags: dict[str, bool] = {}
    for key, field in fields.items():
        if key.startswith("tokenizer.ggml.") and key.endswith("_token_id"):
            ids[key] = int(field.contents())
        elif key.startswith("tokenizer.ggml.add_"):
            flags[key] = bool(field.contents())
    return Vocabulary(
        tokens=tuple(bytes(part) for part in column("tokens")),
        scores=tuple(float(part[0]) for part in column("scores")),
        types=tuple(int(part[0]) for part in column("token_type")),
        ids=ids,
        flags=flags,
    )


def padded(vocabulary: Vocabulary, size: int) -> Vocabulary:
    """`vocabulary` with made-up pieces up to `size`, which no text is ever encoded to.

    A piece of several characters comes of merging two smaller ones; these have no halves.
    """
    missing = size - len(vocabulary.tokens)
    known = set(vocabulary.tokens)
    made = (f"▁zq{number:05d}".encode() for number in range(size + missing))
    extra = [piece for piece in made if piece not in known][: max(missing, 0)]
    lowest = min(vocabulary.scores)
    return attrs.evolve(
        vocabulary,
        tokens=(*vocabulary.tokens, *extra),
        scores=(*vocabulary.scores, *(lowest - 1 - i for i in range(len(extra)))),
        types=(*vocabulary.types, *([_NORMAL] * len(extra))),
    )


def gguf_package() -> Any:
    """The package, or `ShapeError` with what to install."""
    try:
        import gguf
    except ImportError as error:
        raise ShapeError(
            "making a model of random weights needs the gguf package",
            "Run: pip install 'codellama-lsp[llama]'",
        ) from error
    return gguf
