"""How much of a document a prompt shows: tokens from settings or the model, in characters."""

from __future__ import annotations

from codellama_lsp.context.windows import WindowBudget
from codellama_lsp.engine.protocol import EngineInfo

#: More costs seconds of prefill after a jump and brings little.
_MOST_TOKENS = 3072

#: Of the model's context, what the windows may take; the rest is for what is generated, slack of
#: the anchored windows and text that has more tokens per character than usual.
_CONTEXT_SHARE = 0.7

_PREFIX_SHARE = 0.7

#: With a small context, a suffix of this many tokens says what follows.
_SMALL_CONTEXT_TOKENS = 2048
_SMALL_PREFIX_TOKENS = 700
_SMALL_SUFFIX_TOKENS = 250


#: The same where code of the workspace stands in the prompt, too.
_SHARED_CONTEXT_SHARE = 0.42

#: Of five parts that the user wants, windows begin with four: while they stay where they are, they
#: grow, and an engine that counts more than was wanted cuts them.
_BEGIN_WITH, _OF_PARTS = 4, 5

#: A prefix window may outgrow its budget before it moves.
_WINDOW_SLACK = 1.2

#: Code of the workspace is read ahead; reading it should be over in about this time.
_MOST_READ_AHEAD_S = 12.0
_MOST_WORKSPACE_TOKENS = 16_384
_LEAST_WORKSPACE_TOKENS = 96


def workspace_budget(
    info: EngineInfo, windows: WindowBudget, max_tokens: int, wanted: int | None
) -> int:
    """Tokens for code of the workspace; `wanted`: what the user set. 0 where there is no room."""
    shown = (windows.prefix_chars + windows.suffix_chars) / max(info.chars_per_token, 0.5)
    room = int(info.context_tokens - shown * _WINDOW_SLACK - max_tokens - 16)
    if wanted is None:
        speed = info.prefill_tokens_per_s or 1000.0
        wanted = min(int(speed * _MOST_READ_AHEAD_S), _MOST_WORKSPACE_TOKENS)
    tokens = min(room, wanted)
    return tokens if tokens >= _LEAST_WORKSPACE_TOKENS else 0


def limit_of(window_tokens: int) -> int:
    """The `context_tokens` with which windows begin with so many."""
    return -(-window_tokens * _OF_PARTS // _BEGIN_WITH)


def window_budget(
    info: EngineInfo, context_tokens: int | None, *, shared: bool = False
) -> WindowBudget:
    """Window sizes for a model; `context_tokens`: what the user wants for both together.

    `shared`: code of the workspace needs room as well.
    """
    roof = int(info.context_tokens * (_SHARED_CONTEXT_SHARE if shared else _CONTEXT_SHARE))
    if context_tokens is not None:
        total = min(context_tokens * _BEGIN_WITH // _OF_PARTS, roof)
    elif info.context_tokens <= _SMALL_CONTEXT_TOKENS:
        total = min(_SMALL_PREFIX_TOKENS + _SMALL_SUFFIX_TOKENS, roof)
    else:
        total = min(_MOST_TOKENS, roof)
    prefix_tokens = total * _PREFIX_SHARE
    chars_per_token = max(info.chars_per_token, 0.5)
    return WindowBudget(
        prefix_chars=max(int(prefix_tokens * chars_per_token), 64),
        suffix_chars=max(int((total - prefix_tokens) * chars_per_token), 32),
    )
