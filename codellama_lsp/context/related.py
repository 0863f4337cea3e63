"""What the completion pipeline asks for code of the workspace: an answer at once, or none.

Nothing here reads files or chooses: whoever implements `RelatedCode` has done so before.
"""

from __future__ import annotations

from typing import Protocol

import attrs

from codellama_lsp.context.windows import Windows
from codellama_lsp.engine.protocol import Segment


@attrs.frozen
class Asked:
    """A request that could do with code of the workspace."""

    uri: str
    language: str
    text: str
    offset: int
    windows: Windows
    """What the prompt shows anyway."""
    budget_tokens: int
    chars_per_token: float
    prefill_tokens_per_s: float
    """0: unknown."""

    @property
    def windows_tokens(self) -> int:
        """Estimated."""
        chars = len(self.windows.prefix.text) + len(self.windows.suffix.text)
        return int(chars / max(self.chars_per_token, 0.5))


class RelatedCode(Protocol):
    """Code of the workspace, chosen ahead."""

    def knows(self, uri: str) -> bool:
        """Whether there may be some for that document, now or soon."""
        ...

    async def prepare(self, asked: Asked) -> None:
        """Somebody waits for `asked`: choose anew if it is time; returns within moments."""
        ...

    def chosen(self, asked: Asked) -> tuple[Segment, ...]:
        """What was chosen for the document, in order; at once."""
        ...

    def forget(self, uri: str) -> None:
        """The document was closed."""
        ...
