"""Making windows fit their budget, counted in the tokens that the model reads."""

from __future__ import annotations

import attrs

from codellama_lsp.prompt.layout import PromptParts

_SUFFIX_SHARE = 0.3
_STEPS = 8


def fit(parts: PromptParts, budget_tokens: int) -> PromptParts:
    """Cut the far ends of suffix and prefix, so that all parts together fit.

    In steps, so that a window which grows by a keystroke does not lose a bit of its end, and with
    it all that stands behind it in the cache, at every one of them. The context stays whole.
    """
    if budget_tokens < 1:
        raise ValueError("no room for a prompt")
    prefix, suffix = parts.prefix, parts.suffix
    over = sum(map(len, (parts.context, prefix, suffix, parts.middle))) - budget_tokens
    if over <= 0:
        return parts
    step = max(1, budget_tokens // _STEPS)
    spare = max(0, len(suffix) - int(budget_tokens * _SUFFIX_SHARE))
    cut = min(-(-over // step) * step, spare)
    suffix = suffix[: len(suffix) - cut]
    if (over := over - cut) > 0:
        prefix = prefix[min(len(prefix), -(-over // step) * step) :]
    return attrs.evolve(parts, prefix=prefix, suffix=suffix)
