"""The token orders of an infilling prompt.

Sources: `infilling_prompt_tokens` in the reference implementation of Code Llama, and sections 2.3
and E of its paper. Nothing of its own is put between the parts.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np

from codellama_lsp.prompt.healing import Ids
from codellama_lsp.prompt.special import InfillIds

Tokens = Sequence[int] | Ids

_NO_TOKENS = np.empty(0, dtype=np.int32)


@attrs.frozen
class PromptParts:
    """Encoded parts of a prompt. `prefix` carries the dummy space, the others do not."""

    context: Tokens
    prefix: Tokens
    suffix: Tokens
    middle: Tokens = ()
    """The start of the middle, which is there already; prefix-first alone has a place for it."""


def suffix_first(bos: Sequence[int], ids: InfillIds, parts: PromptParts) -> Ids:
    """``BOS context PRE SUF suffix MID prefix``: typing appends.

    An empty suffix keeps its place (``PRE SUF MID``), as the reference does; the Hugging Face
    tokenizer drops to plain text there. Keeping it means that the model still ends with EOT, and
    that text which appears behind the cursor later changes one part, not the kind of the prompt.
    """
    return _joined(
        bos, parts.context, (ids.prefix, ids.suffix), parts.suffix, (ids.middle,), parts.prefix
    )


def prefix_first(bos: Sequence[int], ids: InfillIds, parts: PromptParts) -> Ids:
    """``BOS context PRE prefix SUF suffix MID middle``; what is typed goes behind MID."""
    return _joined(
        *(bos, parts.context, (ids.prefix,), parts.prefix),
        *((ids.suffix,), parts.suffix, (ids.middle,), parts.middle),
    )


def left_to_right(bos: Sequence[int], parts: PromptParts) -> Ids:
    """``BOS context prefix``: for models that cannot infill."""
    return _joined(bos, parts.context, parts.prefix)


def _joined(*parts: Tokens) -> Ids:
    return np.concatenate(
        [np.asarray(part, dtype=np.int32) for part in parts if len(part)] or [_NO_TOKENS]
    )
