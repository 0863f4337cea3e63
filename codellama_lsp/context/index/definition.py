"""A definition, and where it was found: values that need neither a parser nor a database."""

from __future__ import annotations

import attrs


@attrs.frozen
class Definition:
    """Something with a name. Texts have ``\\n`` line endings and the file's own indentation."""

    name: str
    """Empty for a block of text."""
    qualified: str
    kind: str
    """function, class, value or text."""
    line: int
    """Of its first character, counted from 0."""
    end_line: int
    signature: str
    """Up to the body; of a value, all of it as far as it is short."""
    doc: str
    skeleton: str
    """Of a class: its signature, attributes and the signatures of its members."""
    body: str
    """The whole of it, cut where it is very long; of a class, nothing: its members have theirs."""
    bases: tuple[str, ...] = ()


@attrs.frozen
class Found:
    """A definition and where it is."""

    id: int
    path: str
    language: str
    definition: Definition

    @property
    def key(self) -> tuple[str, int, str]:
        """The same for the same definition in any store."""
        return (self.path, self.definition.line, self.definition.qualified)
