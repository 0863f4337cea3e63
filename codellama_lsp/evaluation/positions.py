"""Cursor positions drawn from source files with a seed: a line whose tail is to be found again."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from pathlib import Path

import attrs

_SUFFIXES = {
    ".py": "python",
    ".pyi": "python",
    ".js": "javascript",
    ".mjs": "javascript",
    ".ts": "typescript",
    ".tsx": "typescriptreact",
    ".java": "java",
    ".c": "c",
    ".h": "c",
    ".cc": "cpp",
    ".cpp": "cpp",
    ".hpp": "cpp",
    ".cs": "csharp",
    ".php": "php",
    ".sh": "shellscript",
    ".go": "go",
    ".rs": "rust",
}
_LARGEST_BYTES = 1_000_000


@attrs.frozen
class SourceFile:
    """A file's text with ``\\n`` line endings."""

    path: Path
    language_id: str
    text: str


@attrs.frozen
class Position:
    """A cursor inside a line of `file`, and what stands behind it on that line."""

    file: SourceFile
    offset: int
    """Code points from the start of the file's text."""
    rest: str
    """The rest of the line, never empty, trailing white space left out."""
    inside_word: bool
    """Whether the cursor has an identifier character on both sides."""

    @property
    def prefix(self) -> str:
        """Everything before the cursor."""
        return self.file.text[: self.offset]

    @property
    def suffix(self) -> str:
        """Everything behind the line that the cursor is in, its line break first."""
        end = self.file.text.find("\n", self.offset)
        return "" if end < 0 else self.file.text[end:]


def source_files(paths: Iterable[Path]) -> list[SourceFile]:
    """Read the source files at and below `paths`, sorted; unreadable and huge ones are left out.

    Raises `FileNotFoundError` for a path that does not exist and `ValueError` where none is left.
    """
    found: list[Path] = []
    for path in paths:
        if not path.exists():
            raise FileNotFoundError(f"no such file or folder: {path}")
        inside = path.rglob("*") if path.is_dir() else [path]
        found += [p for p in inside if p.suffix in _SUFFIXES and p.is_file()]
    files: list[SourceFile] = []
    for path in sorted(set(found)):
        if path.stat().st_size > _LARGEST_BYTES:
            continue
        try:
            text = path.read_bytes().decode("utf-8")
        except UnicodeDecodeError:
            continue
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        files.append(SourceFile(path, _SUFFIXES[path.suffix], text))
    if not any(file.text.strip() for file in files):
        raise ValueError("no source files there (by their endings)")
    return files


def draw(files: Sequence[SourceFile], n: int, seed: int) -> list[Position]:
    """Draw `n` positions: every line that holds something is as likely, then every place in it.

    The place lies at or behind the line's first visible character and before its last one.
    """
    lines: list[tuple[SourceFile, int, int]] = []
    for file in files:
        start = 0
        for line in file.text.split("\n"):
            content = line.rstrip()
            indent = len(content) - len(content.lstrip())
            if content:
                lines.append((file, start + indent, start + len(content)))
            start += len(line) + 1
    rng = random.Random(seed)
    positions: list[Position] = []
    for file, first, end in rng.choices(lines, k=n):
        offset = rng.randrange(first, end)
        around = file.text[offset - 1 : offset + 1]
        inside = len(around) == 2 and all(c.isalnum() or c == "_" for c in around)
        positions.append(Position(file, offset, file.text[offset:end], inside))
    return positions
