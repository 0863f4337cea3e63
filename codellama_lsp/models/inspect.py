"""What a GGUF file says of itself, read without loading it. Needs the `gguf` package."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import attrs

from codellama_lsp.engine.protocol import EngineError
from codellama_lsp.prompt.special import InfillIds, NoInfill, VocabularyFacts, find_infill_ids

_TOKENS = "tokenizer.ggml.tokens"
_MAX_VALUE_CHARS = 200


class InspectError(EngineError):
    """The file cannot be inspected."""


@attrs.frozen
class Inspection:
    """Facts about a GGUF file."""

    path: str
    size_bytes: int
    name: str
    architecture: str
    parameters: int
    tensor_types: dict[str, int]
    """Number of tensors by type (F16, Q4_K, …)."""
    context_tokens: int | None
    """Length the model was trained for."""
    rope_base: float | None
    vocabulary: int
    can_infill: bool
    infill: str
    """The ids of prefix, suffix, middle and end, or why there are none."""
    metadata: dict[str, str]
    """Every key but the long lists, values shortened."""


def inspect_model(path: Path) -> Inspection:
    """Read the header of `path`; raises `InspectError`."""
    if not path.is_file():
        raise InspectError(f"there is no file {path}")
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise InspectError(f"{path} cannot be read: {error.strerror}") from error
    if magic != b"GGUF":
        raise InspectError(f"{path} is not a GGUF file")
    try:
        from gguf import GGUFReader
    except ImportError as error:
        raise InspectError(
            "inspecting needs the gguf package", "Run: pip install 'codellama-lsp[llama]'"
        ) from error
    try:
        return _describe(path, GGUFReader(path))
    except (OSError, ValueError, IndexError, KeyError, OverflowError, MemoryError) as error:
        raise InspectError(f"{path} is a damaged GGUF file ({type(error).__name__})") from error


def _describe(path: Path, reader: Any) -> Inspection:
    metadata = {key: _value(field) for key, field in reader.fields.items()}
    architecture = metadata.get("general.architecture", "")
    tokens = reader.fields.get(_TOKENS)
    pieces = _pieces(tokens) if tokens is not None else {}
    names = [metadata.get(f"general.{key}", "") for key in ("name", "basename", "finetune")]
    found = find_infill_ids(
        VocabularyFacts(
            size=len(pieces),
            name=" ".join([*names, path.name]),
            metadata=metadata,
            find_piece=pieces.get,
        )
    )
    context = metadata.get(f"{architecture}.context_length", "")
    rope = metadata.get(f"{architecture}.rope.freq_base")
    return Inspection(
        path=str(path),
        size_bytes=path.stat().st_size,
        name=metadata.get("general.name") or path.stem,
        architecture=architecture,
        parameters=sum(int(tensor.n_elements) for tensor in reader.tensors),
        tensor_types=dict(Counter(tensor.tensor_type.name for tensor in reader.tensors)),
        context_tokens=int(context) if context.isdigit() else None,
        rope_base=float(rope) if rope else None,
        vocabulary=len(pieces),
        can_infill=isinstance(found, InfillIds),
        infill=_infill_words(found),
        metadata={k: _short(v) for k, v in metadata.items() if not k.startswith("GGUF.")},
    )


def _infill_words(found: InfillIds | NoInfill) -> str:
    if isinstance(found, NoInfill):
        return found.reason
    order = "suffix first" if found.suffix_first else "prefix first"
    return (
        f"prefix {found.prefix}, suffix {found.suffix}, middle {found.middle}, "
        f"end {found.eot if found.eot is not None else 'unknown'} ({order})"
    )


def _pieces(tokens: Any) -> dict[str, int]:
    texts = (bytes(tokens.parts[at]).decode("utf-8", "replace") for at in tokens.data)
    return {text: number for number, text in enumerate(texts)}


def _value(field: Any) -> str:
    """A scalar as text; of a list only its length."""
    if field.types and field.types[0].name == "ARRAY":
        return f"[{len(field.data)} values]"
    content = field.contents()
    return "true" if content is True else "false" if content is False else str(content)


def _short(text: str) -> str:
    return text if len(text) <= _MAX_VALUE_CHARS else text[:_MAX_VALUE_CHARS] + "…"
