"""Train the SentencePiece vocabulary and encode text as the server does.

Byte-pair pieces with byte fallback, no normalisation, white space kept and mergeable, digits apart,
a line break always a piece of its own.  The four infilling marks are control symbols, so that no
text in a document can become one.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Iterator
from pathlib import Path

import sentencepiece as spm

PRE, SUF, MID, EOT = "▁<PRE>", "▁<SUF>", "▁<MID>", "▁<EOT>"
VOCABULARY = 8192
CHUNK = 3000  # characters of a document seen together while training the vocabulary


class Codec:
    """Encodes documents with the trained vocabulary."""

    def __init__(self, path: Path) -> None:
        self.sp = spm.SentencePieceProcessor(model_file=str(path))
        self.bos, self.eos = self.sp.bos_id(), self.sp.eos_id()
        self.pre, self.suf, self.mid, self.eot = map(self.sp.piece_to_id, (PRE, SUF, MID, EOT))
        self.line_break = self.sp.piece_to_id("\n")
        self.guard = self.sp.encode("\n")

    def encode(self, text: str) -> list[int]:
        """Ordinary encoding, with the leading dummy space; empty text has no tokens."""
        ids: list[int] = self.sp.encode(text) if text else []
        return ids

    def encode_infill(self, text: str) -> list[int]:
        """Encoding without the dummy space, for text that continues a line."""
        if not text:
            return []
        ids: list[int] = self.sp.encode("\n" + text)
        assert ids[: len(self.guard)] == self.guard
        return ids[len(self.guard) :]

    def decode(self, ids: list[int]) -> str:
        """Text of ordinary tokens encoded with `encode`."""
        text: str = self.sp.decode(ids)
        return text


def chunks(docs: Path, characters: int, seed: int) -> Iterator[str]:
    """Random pieces of the documents, `characters` in all, a fifth of them not Python."""
    rows = [json.loads(line) for line in docs.open(encoding="utf-8")]
    rng = random.Random(seed)
    rng.shuffle(rows)
    room = {"python": 0.85 * characters, "javascript": 0.12 * characters, "shell": 3e5}
    for row in rows:
        text: str = row["text"]
        start = rng.randrange(max(1, len(text) - CHUNK))
        start = text.rfind("\n", 0, start) + 1
        for at in range(start, min(len(text), start + 3 * CHUNK), CHUNK):
            piece = text[at : at + CHUNK]
            room[row["kind"]] -= len(piece)
            if room[row["kind"]] > 0:
                yield piece


def train(docs: Path, prefix: Path, characters: int, seed: int = 1) -> None:
    """Train the vocabulary and write `prefix`.model."""
    spm.SentencePieceTrainer.train(
        sentence_iterator=chunks(docs, characters, seed),
        model_prefix=str(prefix),
        model_type="bpe",
        vocab_size=VOCABULARY,
        character_coverage=0.9995,
        byte_fallback=True,
        split_digits=True,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        allow_whitespace_only_pieces=True,
        add_dummy_prefix=True,
        max_sentence_length=4 * CHUNK,
        max_sentencepiece_length=16,
        control_symbols=[PRE, SUF, MID, EOT],
        user_defined_symbols=["\n"],
        unk_id=0, bos_id=1, eos_id=2, pad_id=-1,
        num_threads=2,
        minloglevel=1,
    )  # fmt: skip


def main() -> None:
    """Train from the cleaned documents."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else None)
    parser.add_argument("--work", type=Path, required=True, help="folder with docs.jsonl")
    parser.add_argument("--characters", type=int, default=30_000_000)
    options = parser.parse_args()
    start = time.time()
    train(options.work / "docs.jsonl", options.work / "tokenizer", options.characters)
    codec = Codec(options.work / "tokenizer.model")
    size = sum(1 for _ in range(codec.sp.get_piece_size()))
    print(f"{size} pieces in {time.time() - start:.0f} s")


if __name__ == "__main__":
    main()
