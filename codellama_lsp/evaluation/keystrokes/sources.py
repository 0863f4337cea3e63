"""Files to type in: the running Python's library, this project's own, other languages if found."""

from __future__ import annotations

import random
import sysconfig
from collections.abc import Iterator, Sequence
from pathlib import Path

import codellama_lsp
from codellama_lsp.evaluation.positions import SourceFile, source_files

_LEAST_CHARS = 4_000
_MOST_CHARS = 250_000
#: Characters of code that a token stands for, roughly and on the low side.
_CHARS_PER_TOKEN = 4


def choose_files(
    paths: Sequence[Path], n: int, rng: random.Random, *, context_tokens: int = 0
) -> list[SourceFile]:
    """`n` files drawn from `paths`, or from where this machine has source code.

    Languages take turns, and files that fill a window of `context_tokens` are preferred. Raises
    `FileNotFoundError` or `ValueError` where nothing suits.
    """
    found = source_files(paths or list(_usual_places()))
    fitting = [f for f in found if _LEAST_CHARS <= len(f.text) <= _MOST_CHARS]
    if paths and not fitting:
        fitting = [f for f in found if f.text.strip()]
    large = [f for f in fitting if len(f.text) >= context_tokens * _CHARS_PER_TOKEN]
    if len(large) >= n:
        fitting = large
    groups: dict[str, list[SourceFile]] = {}
    for file in fitting:
        own = Path(codellama_lsp.__file__).parent in file.path.parents
        groups.setdefault("own" if own else file.language_id, []).append(file)
    for group in groups.values():
        rng.shuffle(group)
    # Python first and last, so that it is what most of a trace is made of.
    order = sorted(groups, key=lambda name: (name != "python", name))
    chosen: list[SourceFile] = []
    while len(chosen) < n and any(groups.values()):
        for name in [*order, "python"]:
            if groups.get(name) and len(chosen) < n:
                chosen.append(groups[name].pop())
    return chosen


def _usual_places() -> Iterator[Path]:
    yield Path(codellama_lsp.__file__).parent
    library = Path(sysconfig.get_path("stdlib"))
    yield from sorted(library.glob("*.py"))
    for name in ("asyncio", "email", "http", "json", "logging", "unittest", "xml"):
        if (library / name).is_dir():
            yield library / name
    headers = Path(sysconfig.get_path("include"))
    if headers.is_dir():
        yield from sorted(headers.glob("*.h"))
    for scripts in (Path("/usr/lib/node_modules/npm/lib"), Path("/usr/share/nodejs/npm/lib")):
        if scripts.is_dir():
            yield scripts
