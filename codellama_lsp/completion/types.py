"""Values that go into and come out of the completion pipeline. Must not know LSP."""

from __future__ import annotations

import enum

import attrs

from codellama_lsp.completion.outcome import Outcome
from codellama_lsp.engine.protocol import Layout, TokenCounts


class Trigger(enum.StrEnum):
    """Who asked."""

    INVOKED = "invoked"
    """A user's gesture: always answer, several candidates are welcome."""
    AUTOMATIC = "automatic"
    """The editor, after a keystroke."""


@attrs.frozen
class DocumentSnapshot:
    """A document as it was when the request arrived."""

    uri: str
    language_id: str
    version: int
    text: str
    """As in the editor, line endings included; a notebook's cell with those around it."""
    read_only: bool = False
    """Whether nobody can be typing in it."""
    several_cursors: bool = False
    """Whether the last edit was made in several places at once."""


@attrs.frozen
class CompletionRequest:
    """A question: what could stand at `offset`."""

    document: DocumentSnapshot
    offset: int
    """Cursor, in code points from the start of `document.text`."""
    trigger: Trigger = Trigger.AUTOMATIC
    plan: str | None = None
    """Force a plan (say "line") instead of choosing one from the text at the cursor."""
    layout: Layout | None = None
    """Override the settings' layout; so do `heal` and `copy`."""
    heal: bool | None = None
    copy: bool | None = None
    use_cache: bool = True
    """False: always ask the model, at once, and remember nothing."""
    candidates: int = 1
    """How many different suggestions are wanted at most."""

    @property
    def is_plain(self) -> bool:
        """Whether it wants the model's own answer rather than one that serves a user."""
        overrides = (self.plan, self.layout, self.heal, self.copy)
        return not self.use_cache or any(override is not None for override in overrides)


@attrs.frozen
class Suggestion:
    """Text to put in place of [`start`, `end`), code points in the document; one line's range."""

    text: str
    """With the document's own line endings."""
    start: int
    end: int


@attrs.frozen
class CompletionTimings:
    """Milliseconds."""

    total: float = 0.0
    prefill: float = 0.0
    decode: float = 0.0
    queued: float = 0.0
    """Waiting in the engine for the requests of others."""
    overhead: float = 0.0
    """Everything outside the model: total - prefill - decode."""


@attrs.frozen
class Completion:
    """The answer to a `CompletionRequest`."""

    outcome: Outcome
    items: tuple[Suggestion, ...] = ()
    detail: str = ""
    """Which filter, which error; for people, free of the user's code."""
    tokens: TokenCounts = attrs.field(factory=TokenCounts)
    ms: CompletionTimings = attrs.field(factory=CompletionTimings)
    model: str = ""
    plan: str = ""
    """What the model was asked for: line, block, span, …; empty if it was not asked."""
    layout: Layout | None = None
