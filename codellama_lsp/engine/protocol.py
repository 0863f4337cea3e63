"""The messages between `serve` (or any other client) and an engine, as frozen values.

Text goes in, text comes out: token ids stay inside the engine, which alone has the vocabulary.
Must not know: LSP, llama.cpp, sockets.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping

import attrs

#: Version of the wire protocol; an engine and a client with different ones don't talk.
PROTOCOL_VERSION = 5


class Layout(enum.StrEnum):
    """Order of an infilling prompt (Bavarian et al. 2022; Code Llama paper, section 2.3)."""

    SPM = "spm"
    """Suffix first: ``BOS PRE SUF suffix MID prefix``; typing only appends."""
    PSM = "psm"
    """Prefix first: ``BOS PRE prefix SUF suffix MID``."""
    LEFT_TO_RIGHT = "ltr"
    """No infilling: ``BOS prefix``. What 34B and the Python variants can do."""


class Priority(enum.IntEnum):
    """Who waits for an answer; a smaller number goes first."""

    VISIBLE = 0
    ASSIST = 1
    SPECULATIVE = 2
    WARM = 3


class Finish(enum.StrEnum):
    """Why a generation ended."""

    EOT = "eot"
    """The model said so (EOT, EOS or another end-of-generation token)."""
    STOP = "stop"
    """A stop rule: the request's own, or the client's `stop`."""
    LENGTH = "length"
    """`max_tokens` were generated."""
    TIME = "time"
    """`time_budget_ms` ran out; what was generated until then is in the result."""
    UNSURE = "unsure"
    """The next token had less than `least_probability`; the text ends at the last whole line or
    phrase before it, so it may be shorter than what was streamed."""
    CANCELLED = "cancelled"
    """The client gave it up."""


@attrs.frozen
class Segment:
    """A versioned piece of text. The same `key` and `version` always mean the same `text`."""

    key: str
    version: int
    text: str


@attrs.frozen
class GenerateRequest:
    """One infilling job. Texts have ``\\n`` line endings."""

    document: str
    """Opaque name of what is edited; engines keep one KV sequence near it."""
    prefix: Segment
    """Text before the cursor, from the start of the prefix window."""
    suffix: Segment
    """Text after the cursor, to the end of the suffix window."""
    context: tuple[Segment, ...] = ()
    """Related code, most stable first."""
    context_in_prefix: bool = False
    """It stands at the start of the prefix, not before the infilling prompt."""
    most_context_tokens: int | None = None
    """What `context` may have, in the model's tokens; segments that are too much are left out."""
    most_window_tokens: int | None = None
    """What prefix and suffix may have; their far ends are cut."""
    far_before: Segment | None = None
    """The file's text up to where `prefix` starts; not in the prompt, only copied from."""
    far_after: Segment | None = None
    """The file's text from where `suffix` ends on; not in the prompt, only copied from."""
    typed_chars: int = 0
    """Characters at the end of `prefix` that were typed since the windows were anchored.

    Prefix-first prompts put them behind MID, so that typing appends there too (EFIM, Guo et al.
    2025).
    """
    layout: Layout = Layout.SPM
    """Wanted order; an engine whose model cannot infill answers with LEFT_TO_RIGHT."""
    heal: bool = True
    """Cursor healing: re-decide the last tokens of the prefix, spelling the same bytes."""
    copy: bool | None = None
    """Copying from the windows by typical acceptance; None: as the model's settings say."""
    draft: bool | None = None
    """Drafting from the file (the answer stays the same); None: where it pays on this machine."""
    stop_at_newline: bool = False
    """End before the first line break that follows some visible text."""
    max_tokens: int = 96
    time_budget_ms: float | None = None
    """From the first generated token on; prefill does not count."""
    candidates: int = 1
    """Different texts; the first one is the same as alone."""
    least_probability: float = 0.0
    """End where the model gives its choice less than this; 0: never."""
    temperature: float = 0.0
    """0: greedy."""
    seed: int = 0
    measure: bool = False
    """Evaluate nothing: only say how many tokens each segment has."""
    priority: Priority = Priority.VISIBLE


@attrs.frozen
class TokenCounts:
    """What a request cost, in tokens of the model."""

    prompt: int = 0
    """Length of the prompt as built, healing's removed tokens left out."""
    reused: int = 0
    """Prompt tokens that were in the KV cache already."""
    fresh: int = 0
    """Prompt tokens that were evaluated for this request."""
    healed: int = 0
    """Tokens taken off the prefix's end and re-decided under constraint."""
    generated: int = 0
    drafted: int = 0
    """Tokens proposed by copying and evaluated in a batch."""
    accepted: int = 0
    """Drafted tokens that were kept."""
    evaluated: int = 0
    """Every token given to ``llama_decode``: prompt, healing, generation and drafts."""
    before_text: int = 0
    """Those of `evaluated` that went before the first character came out, or the end."""
    ahead: int = 0
    """Evaluated since the last request that somebody waited for, without being asked to."""
    window_tokens: int = 0
    """Of the document's windows as they were sent, before they were cut to fit."""
    window_chars: int = 0
    """Their characters; 0 where nothing was counted."""


@attrs.frozen
class Timings:
    """Milliseconds, measured in the engine."""

    prepare: float = 0.0
    """Tokenizing, comparing with the cache."""
    prefill: float = 0.0
    decode: float = 0.0
    native: float = 0.0
    """Of prefill and decode, what was spent inside llama.cpp."""
    native_before_text: float = 0.0
    """Of `native`, what went before the first character came out, or the end."""
    queued: float = 0.0
    """Waiting for earlier jobs."""


@attrs.frozen
class Candidate:
    """One generated text, to be inserted at the cursor."""

    text: str
    finish: Finish
    probabilities: tuple[float, ...] = ()
    """The model's probability of each token of `text`, in order."""


@attrs.frozen
class Progress:
    """What of a request's cost grows while it is decoded; as in `TokenCounts` and `Timings`."""

    generated: int
    drafted: int
    accepted: int
    evaluated: int
    decode: float
    native: float


@attrs.frozen
class GenerateResult:
    """The whole answer to a `GenerateRequest`."""

    candidates: tuple[Candidate, ...]
    tokens: TokenCounts
    ms: Timings
    layout: Layout
    """The order that was really used."""
    segment_tokens: tuple[int, ...] = ()
    """Of context, suffix and prefix, where the request was to measure."""

    def at(self, progress: Progress) -> GenerateResult:
        """The same when its decoding had come so far."""
        tokens = attrs.evolve(
            self.tokens,
            generated=progress.generated,
            drafted=progress.drafted,
            accepted=progress.accepted,
            evaluated=progress.evaluated,
        )
        ms = attrs.evolve(self.ms, decode=progress.decode, native=progress.native)
        return GenerateResult(self.candidates, tokens, ms, self.layout, self.segment_tokens)


def measured_segments(request: GenerateRequest) -> tuple[Segment, ...]:
    """What a request to measure counts, in the order of `GenerateResult.segment_tokens`."""
    return (*request.context, request.suffix, request.prefix)


def measurement(counts: tuple[int, ...], layout: Layout) -> GenerateResult:
    """The answer to such a request."""
    return GenerateResult((), TokenCounts(), Timings(), layout, counts)


@attrs.frozen
class EngineInfo:
    """What an engine says about itself once its model is loaded."""

    protocol: int
    model_name: str
    model_path: str
    """Empty for an engine without a file."""
    context_tokens: int
    """Size of the KV cache that one request may use."""
    can_infill: bool
    infill_reason: str
    """Why not, in words for a user; empty when it can."""
    chars_per_token: float
    """Measured on source code; clients size their windows with it."""
    prefill_tokens_per_s: float
    """Measured at load; 0 when unknown."""
    pid: int
    details: Mapping[str, str] = attrs.field(factory=dict)
    """Backend, quantization, crash probes and the like, for `doctor`."""
    suffix_first: bool = True
    """Whether prompts may have the suffix first, so that typing appends to the prefix."""


class EngineError(Exception):
    """Something between the client and the model failed; the text is for a user to read.

    `message` says what is wrong, `remedy` what to do about it; ``str()`` gives both.
    """

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message, remedy)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}. {self.remedy}" if self.remedy else self.message


class EngineGoneError(EngineError):
    """The engine died or closed the connection in the middle of a request."""


class EngineStartError(EngineError):
    """The engine could not be started or could not load its model."""


class BadRequestError(EngineError):
    """The request cannot be answered whatever is tried (say, larger than the context)."""
