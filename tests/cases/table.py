"""Reads the case table: what a model says at a cursor, and what of it is shown, byte for byte.

A file of `rows/` is named after its language id, up to a dash. `‸` is the cursor, `→` a tab,
`␣` a blank at a line's end, `⏎` a line break where one would not be seen, `␄` the end of a file
without one.
`[stops]`: a rule has to end the generation before all is said.
"""

from __future__ import annotations

import re
from pathlib import Path

import attrs

ROWS = Path(__file__).parent / "rows"
_SIGNS = {"→": "\t", "␣": " ", "⏎": "\n"}
_SUFFIXES = {"python": "py", "javascript": "jsx", "typescript": "ts", "csharp": "cs"}


@attrs.frozen
class Row:
    """One case."""

    language: str
    name: str
    good: bool
    before: str
    after: str
    says: str
    shows: str
    """What is inserted; empty for nothing."""
    eats: str
    """What it takes the place of, right after the cursor."""
    stops: bool = False
    """Whether the generation has to end before all is said."""

    @property
    def uri(self) -> str:
        name = re.sub(r"\W+", "-", self.name)
        return f"file:///work/{name}.{_SUFFIXES.get(self.language, self.language)}"

    @property
    def document(self) -> str:
        return self.before + self.after

    @property
    def accepted(self) -> str:
        """The document after accepting."""
        return self.before + self.shows + self.after.removeprefix(self.eats)


def read_rows() -> list[Row]:
    return [row for path in sorted(ROWS.glob("*.txt")) for row in read_file(path)]


def read_file(path: Path) -> list[Row]:
    text = path.read_text(encoding="utf-8")
    language = path.stem.partition("-")[0]
    return [_row(language, part) for part in re.split(r"^==== ", text, flags=re.M)[1:]]


def _row(language: str, part: str) -> Row:
    head, _, rest = part.partition("\n")
    match = re.fullmatch(r"(good|bad)( \[crlf\])?( \[stops\])?: (.+)", head)
    assert match, head
    document, *sections = re.split(r"^---- ", rest, flags=re.M)
    texts = {}
    for section in sections:
        title, _, body = section.partition("\n")
        texts[title] = _plain(body.removesuffix("\n"))
    document = _plain(document)
    if "␄" in document:
        document = document[: document.index("␄")]
    before, after = document.split("‸")
    says = texts["says"]
    shows = "" if "shows nothing" in texts else texts.get("shows", says)
    row = Row(
        language,
        match[4],
        match[1] == "good",
        before,
        after,
        says,
        shows,
        texts.get("eats", ""),
        match[3] is not None,
    )
    if match[2]:
        crlf = {field: getattr(row, field).replace("\n", "\r\n") for field in _CRLF_FIELDS}
        row = attrs.evolve(row, **crlf)
    return row


_CRLF_FIELDS = ("before", "after", "shows")


def _plain(text: str) -> str:
    for sign, char in _SIGNS.items():
        text = text.replace(sign, char)
    return text
