"""What the completion pipeline asks for code of the workspace: an answer at once, or none.

Nothing here reads files or chooses: whoever implements `RelatedCode` has done so before.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Literal, Protocol

import attrs

from codellama_lsp.context.windows import Windows
from codellama_lsp.engine.protocol import Segment

_MOST_KEYS = 128


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


class Placer:
    """Puts related code where a prompt has it: before the infilling prompt, or into its prefix.

    Inside the prefix it is what models saw when files of a project were trained on in a row;
    before the prompt it is cached however the windows move.
    """

    def __init__(self, versions: Iterator[int]) -> None:
        self._versions = versions
        self._joined: OrderedDict[str, tuple[tuple[int, ...], Segment]] = OrderedDict()

    def place(
        self,
        context: tuple[Segment, ...],
        prefix: Segment,
        placement: Literal["before", "prefix"],
    ) -> tuple[tuple[Segment, ...], Segment]:
        """The context segments and the prefix segment of a request."""
        if placement == "before" or not context:
            return context, prefix
        key = f"{prefix.key}#related"
        versions = (*(segment.version for segment in context), prefix.version)
        known = self._joined.get(key)
        if known is None or known[0] != versions:
            text = "".join(segment.text for segment in context) + prefix.text
            known = self._joined[key] = (versions, Segment(key, next(self._versions), text))
        self._joined.move_to_end(key)
        while len(self._joined) > _MOST_KEYS:
            self._joined.popitem(last=False)
        return (), known[1]
