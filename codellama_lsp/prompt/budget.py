"""Making a prompt fit the context, the least useful tokens first."""

from __future__ import annotations

import attrs

from codellama_lsp.prompt.layout import PromptParts


@attrs.frozen
class Trimmed:
    """Parts that fit, and how many tokens were left out of them."""

    parts: PromptParts
    left_out: int


def fit(parts: PromptParts, budget_tokens: int, *, suffix_share: float = 0.3) -> Trimmed:
    """Cut context first (its end is the least stable), then the far ends of suffix and prefix.

    `budget_tokens` is what all parts together may have. The prefix's far end is cut in steps, so
    that a window which grows by a keystroke does not lose its start at every one of them.
    """
    if budget_tokens < 1:
        raise ValueError("no room for a prompt")
    context, prefix, suffix = parts.context, parts.prefix, parts.suffix
    over = len(context) + len(prefix) + len(suffix) + len(parts.middle) - budget_tokens
    if over <= 0:
        return Trimmed(parts, 0)
    total = over
    cut = min(over, len(context))
    context = context[: len(context) - cut]
    over -= cut
    if over > 0:
        suffix_room = max(int(budget_tokens * suffix_share), budget_tokens - len(prefix))
        cut = min(over, max(0, len(suffix) - suffix_room))
        suffix = suffix[: len(suffix) - cut]
        over -= cut
    if over > 0:
        step = max(1, budget_tokens // 8)
        cut = min(len(prefix), -(-over // step) * step)
        total += cut - over
        prefix = prefix[cut:]
    return Trimmed(PromptParts(context, prefix, suffix, parts.middle), total)
