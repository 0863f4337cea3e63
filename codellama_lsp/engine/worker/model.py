"""A GGUF loaded by llama.cpp: its metadata, its vocabulary, its context."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from codellama_lsp.engine.protocol import EngineStartError
from codellama_lsp.engine.worker.library import lib
from codellama_lsp.prompt.encode import Encoder
from codellama_lsp.prompt.healing import PieceTable
from codellama_lsp.prompt.special import (
    InfillIds,
    NoInfill,
    VocabularyFacts,
    find_infill_ids,
    forbidden_ids,
)

_ATTR_UNKNOWN, _ATTR_UNUSED, _ATTR_CONTROL = 1, 2, 8

#: Models below this have so little work per token that a second thread only waits.
TINY_BYTES = 200 * 2**20

#: Texts of no more bytes are encoded in place.
_LINE_TOKENS = 1024


class Model:
    """Model weights and vocabulary. Raises `EngineStartError` where a file cannot be loaded."""

    def __init__(
        self,
        path: Path,
        *,
        gpu_layers: int,
        extra_buffers: bool,
        report: Callable[[float], None] | None = None,
        vocabulary_only: bool = False,
    ) -> None:
        if not path.is_file():
            raise EngineStartError(f"there is no model file at {path}")
        with path.open("rb") as file:
            if file.read(4) != b"GGUF":
                raise EngineStartError(f"{path} is not a GGUF file")
        params = lib.llama_model_default_params()
        params.n_gpu_layers = 999 if gpu_layers < 0 else gpu_layers
        params.use_extra_bufts = extra_buffers
        params.vocab_only = vocabulary_only

        def on_progress(share: float, _: ctypes.c_void_p) -> bool:
            if report is not None:
                report(share)
            return True

        self._progress = lib.llama_progress_callback(on_progress)
        params.progress_callback = self._progress
        lib.llama_backend_init()
        self.pointer: Any = lib.llama_model_load_from_file(str(path).encode(), params)
        if not self.pointer:
            raise EngineStartError(
                f"llama.cpp cannot load {path}: the file is damaged or of an unknown kind"
            )
        self.path = path
        self._room = (ctypes.c_int32 * _LINE_TOKENS)()
        self.vocab: Any = lib.llama_model_get_vocab(self.pointer)
        self.size: int = lib.llama_vocab_n_tokens(self.vocab)
        self.metadata = self._read_metadata()
        self.bytes: int = lib.llama_model_size(self.pointer)
        self.trained_tokens: int = lib.llama_model_n_ctx_train(self.pointer)
        self._text_ids = {self._piece_text(i): i for i in range(self.size)}
        names = [self.metadata.get(f"general.{k}", "") for k in ("name", "basename", "finetune")]
        facts = VocabularyFacts(
            size=self.size,
            name=" ".join([*names, path.name]),
            metadata=self.metadata,
            find_piece=self._text_ids.get,
        )
        self.infill: InfillIds | NoInfill = find_infill_ids(facts)
        self.forbidden = forbidden_ids(facts, self.infill)
        self.ends = self._find_ends()
        self.pieces = PieceTable(
            [self._piece_bytes(i) for i in range(self.size)],
            skip=frozenset(self._never_text()) | self.forbidden | self.ends,
        )
        self.end_ids = np.array(sorted(self.ends), dtype=np.int32)
        """Every id that ends a text."""
        lines = (i for i, piece in enumerate(self.pieces.pieces) if b"\n" in piece)
        self.line_ids = np.array([i for i in lines if i not in self.ends], dtype=np.int32)
        """Every id whose bytes hold a line break."""
        self.encoder = Encoder(self.tokenize, self.forbidden | frozenset(self._controls()))

    @property
    def name(self) -> str:
        """`general.name`, or the file's name."""
        return self.metadata.get("general.name") or self.path.stem

    @property
    def bos(self) -> list[int]:
        """BOS as a list, empty for vocabularies that want none."""
        if not lib.llama_vocab_get_add_bos(self.vocab):
            return []
        return [int(lib.llama_vocab_bos(self.vocab))]

    @property
    def is_tiny(self) -> bool:
        """Whether one thread is enough."""
        return self.bytes < TINY_BYTES

    def tokenize(self, text: str) -> list[int]:
        """Encode text as the vocabulary does, without BOS and without reading control tokens.

        Not for several threads at once.
        """
        data = text.encode("utf-8", "replace")
        room = len(data) + 8
        # At every keystroke: making an array takes longer than encoding a line into it.
        buffer = self._room if room <= _LINE_TOKENS else (ctypes.c_int32 * room)()
        n = lib.llama_tokenize(self.vocab, data, len(data), buffer, room, False, False)
        if n < 0:
            room = -n
            buffer = (ctypes.c_int32 * room)()
            n = lib.llama_tokenize(self.vocab, data, len(data), buffer, room, False, False)
        return list(buffer[:n])

    def close(self) -> None:
        """Free the weights."""
        if self.pointer:
            lib.llama_model_free(self.pointer)
            self.pointer = None

    def _piece_text(self, token: int) -> str:
        return str(lib.llama_vocab_get_text(self.vocab, token).decode("utf-8", "replace"))

    def _piece_bytes(self, token: int) -> bytes:
        buffer = ctypes.create_string_buffer(256)
        n = lib.llama_token_to_piece(self.vocab, token, buffer, 256, 0, False)
        if n < 0:
            buffer = ctypes.create_string_buffer(-n)
            n = lib.llama_token_to_piece(self.vocab, token, buffer, -n, 0, False)
        return buffer.raw[: max(n, 0)]

    def _attribute(self, token: int) -> int:
        return int(lib.llama_vocab_get_attr(self.vocab, token))

    def _controls(self) -> list[int]:
        return [i for i in range(self.size) if self._attribute(i) & _ATTR_CONTROL]

    def _never_text(self) -> list[int]:
        mask = _ATTR_UNKNOWN | _ATTR_UNUSED | _ATTR_CONTROL
        return [i for i in range(self.size) if self._attribute(i) & mask]

    def _find_ends(self) -> frozenset[int]:
        ends = {i for i in range(self.size) if lib.llama_vocab_is_eog(self.vocab, i)}
        if isinstance(self.infill, InfillIds) and self.infill.eot is not None:
            # llama.cpp's own text list misspells Code Llama's EOT, so it may not count as one.
            ends.add(self.infill.eot)
        return frozenset(ends)

    def _read_metadata(self) -> dict[str, str]:
        found: dict[str, str] = {}
        buffer = ctypes.create_string_buffer(4096)
        for i in range(lib.llama_model_meta_count(self.pointer)):
            if lib.llama_model_meta_key_by_index(self.pointer, i, buffer, 4096) < 0:
                continue
            key = buffer.value.decode("utf-8", "replace")
            if key.startswith("tokenizer.ggml.") and key.endswith(("tokens", "scores", "merges")):
                continue
            if lib.llama_model_meta_val_str_by_index(self.pointer, i, buffer, 4096) >= 0:
                found[key] = buffer.value.decode("utf-8", "replace")
        return found
