"""Which documents never reach a model: secrets by name, globs of the user, binary, huge.

Pure functions of a URI and a text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import unquote, urlsplit

#: Names that hold keys and passwords, whatever the settings say.
SECRET_GLOBS = (
    ".env",
    ".env.*",
    ".envrc",
    "*.env",
    "*.pem",
    "*.key",
    "*.p12",
    "*.pfx",
    "*.jks",
    "*.keystore",
    "*.kdbx",
    "*.gpg",
    "*.asc",
    "id_rsa*",
    "id_dsa*",
    "id_ecdsa*",
    "id_ed25519*",
    ".netrc",
    "_netrc",
    ".npmrc",
    ".pypirc",
    ".pgpass",
    ".htpasswd",
    ".git-credentials",
    ".aws/credentials",
    ".docker/config.json",
    ".kube/config",
)

#: Larger documents are data; every edit in them would cost more than it brings.
MAX_CHARS = 4_000_000


def reason_to_exclude(uri: str, text: str, globs: Iterable[str] = ()) -> str:
    """Why this document never reaches a model, in words for its user; empty if it may."""
    path = path_of(uri)
    if any(matches(path, glob) for glob in SECRET_GLOBS):
        return "its name says that it holds secrets"
    for glob in globs:
        if matches(path, glob):
            return f"excluded by {glob!r} in the settings"
    if len(text) > MAX_CHARS:
        return f"larger than {MAX_CHARS} characters"
    if "\0" in text:
        return "binary: it contains a NUL character"
    return ""


def path_of(uri: str) -> str:
    """The path part of any kind of URI, with slashes; of something else, that itself."""
    try:
        return unquote(urlsplit(uri).path).replace("\\", "/") or uri
    except ValueError:
        return uri


def matches(path: str, glob: str) -> bool:
    """Whether `glob` (``*``, ``**``, ``?``, ``[...]``, ``{a,b}``) names `path` or a folder above.

    Without a leading slash it may begin at any folder.
    """
    return _pattern(glob).search(path) is not None


@lru_cache(maxsize=512)
def _pattern(glob: str) -> re.Pattern[str]:
    anchored = glob.startswith("/")
    source = _translate(glob.strip("/"))
    try:
        return re.compile(("^/?" if anchored else "(?:^|/)") + source + "(?:/|$)", re.IGNORECASE)
    except re.error:
        return re.compile(r"(?!)")


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
