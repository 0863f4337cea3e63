"""How a request ended: one of a closed set, for counters and for the question why."""

from __future__ import annotations

import enum


class Outcome(enum.StrEnum):
    """The end of one completion request. Shown, accepted and rejected are later events."""

    OFFERED = "offered"
    CACHED = "cached"
    """Offered from what was known already, without the model."""
    SUPERSEDED = "superseded"
    """A newer request for the same document took its place."""
    CANCELLED = "cancelled"
    """The client gave it up."""
    DISABLED = "disabled"
    """Switched off by settings, here or everywhere."""
    EXCLUDED = "excluded"
    """This document never reaches a model (secrets, too large, binary)."""
    SKIPPED = "skipped"
    """Not the moment (a word is being erased); `Completion.detail` says why."""
    EMPTY = "empty"
    """The model had nothing to say."""
    FILTERED = "filtered"
    """A filter dropped it; `Completion.detail` names the filter."""
    ENGINE_DOWN = "engine_down"
    """No model could be reached; `Completion.detail` says why."""
    TIMED_OUT = "timed_out"
    INVALID = "invalid"
    """No such document or position."""
    FAILED = "failed"
    """A fault of ours; `Completion.detail` names the kind of error, never the user's text."""

    @property
    def has_items(self) -> bool:
        """Whether something was offered to the user."""
        return self in (Outcome.OFFERED, Outcome.CACHED)
