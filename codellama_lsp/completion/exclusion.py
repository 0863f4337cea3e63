"""Which documents never reach a model: secrets by name, globs of the user, binary, huge.

Pure functions of a URI and a text.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable

from codellama_lsp.context.globs import any_of, matches, path_of
from codellama_lsp.context.secret_shapes import SECRET_GLOBS

_SECRET = any_of(SECRET_GLOBS)

#: Larger documents are data; every edit in them would cost more than it brings.
MAX_CHARS = 4_000_000


def reason_to_exclude(uri: str, text: str, globs: Iterable[str] = ()) -> str:
    """Why this document never reaches a model, in words for its user; empty if it may."""
    if reason := _reason_in_name(uri, tuple(globs)):
        return reason
    if len(text) > MAX_CHARS:
        return f"larger than {MAX_CHARS} characters"
    if "\0" in text:
        return "binary: it contains a NUL character"
    return ""


@functools.lru_cache(maxsize=64)
def _reason_in_name(uri: str, globs: tuple[str, ...]) -> str:
    """Asked at every keystroke."""
    path = path_of(uri)
    if _SECRET.search(path):
        return "its name says that it holds secrets"
    for glob in globs:
        if matches(path, glob):
            return f"excluded by {glob!r} in the settings"
    return ""
