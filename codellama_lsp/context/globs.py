"""Globs over paths and URIs: ``*``, ``**``, ``?``, ``[...]``, ``{a,b}``.

Pure functions; every part of the program that lets files in or keeps them out uses these.
"""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import unquote, urlsplit


def path_of(uri: str) -> str:
    """The path part of any kind of URI, with slashes; of something else, that itself."""
    try:
        return unquote(urlsplit(uri).path).replace("\\", "/") or uri
    except ValueError:
        return uri


def matches(path: str, glob: str) -> bool:
    """Whether `glob` names `path` or a folder above. Without a leading slash it may begin anywhere.

    Case does not count: a key is a key on any file system.
    """
    return _pattern(glob).search(path) is not None


def any_of(globs: tuple[str, ...]) -> re.Pattern[str]:
    """One pattern for `globs`, to be searched in paths; what thousands of files are tried with."""
    return re.compile("|".join(f"(?:{_source(glob)})" for glob in globs), re.IGNORECASE)


@lru_cache(maxsize=512)
def _pattern(glob: str) -> re.Pattern[str]:
    try:
        return re.compile(_source(glob), re.IGNORECASE)
    except re.error:
        return re.compile(r"(?!)")


def _source(glob: str) -> str:
    anchored = glob.startswith("/")
    return ("^/?" if anchored else "(?:^|/)") + _translate(glob.strip("/")) + "(?:/|$)"


def _translate(glob: str) -> str:
    parts = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    source, depth = "", 0
    for token in re.findall(r"\*\*/|\*\*|\*|\?|\[!?[^]/]+\]|.", glob, re.DOTALL):
        if token in parts:
            source += parts[token]
        elif len(token) > 1:
            source += "[" + token[1:-1].replace("!", "^", 1).replace("\\", r"\\") + "]"
        elif token == "{":
            source, depth = source + "(?:", depth + 1
        elif token == "}" and depth:
            source, depth = source + ")", depth - 1
        elif token == "," and depth:
            source += "|"
        else:
            source += re.escape(token)
    return source if source and not depth else "(?!)"
