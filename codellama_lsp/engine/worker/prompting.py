"""A request's segments become a prompt: token ids in the order that the model was trained on."""

from __future__ import annotations

import attrs
import numpy as np

from codellama_lsp.engine.protocol import BadRequestError, GenerateRequest, Layout, Segment
from codellama_lsp.engine.worker.cache import Ids
from codellama_lsp.engine.worker.drafting import LONGEST_DRAFT
from codellama_lsp.engine.worker.model import Model
from codellama_lsp.engine.worker.segment_ids import SegmentIds
from codellama_lsp.prompt.budget import fit
from codellama_lsp.prompt.fitting import fitting
from codellama_lsp.prompt.healing import tokens_to_heal
from codellama_lsp.prompt.layout import PromptParts, left_to_right, prefix_first, suffix_first
from codellama_lsp.prompt.special import InfillIds

#: PRE, SUF and MID.
_SENTINELS = 3


@attrs.frozen
class Prompt:
    """A prompt on token ids; `required` are the bytes that healing took off its end."""

    ids: Ids
    required: bytes
    healed: int
    layout: Layout
    window_tokens: int = 0
    """Of the request's windows, before anything was cut or healed."""
    window_chars: int = 0


class PromptBuilder:
    """Builds prompts of at most `most_tokens`, the generated tokens counted in."""

    def __init__(self, model: Model, *, most_tokens: int, healing_tokens: int) -> None:
        self._model = model
        self._most_tokens = most_tokens
        self._healing_tokens = healing_tokens
        self._ids = SegmentIds(model.encoder)
        first = model.encoder.ordinary("x")
        self._dummy_space = b" " if model.pieces.spell(first).startswith(b" ") else b""

    def build(self, request: GenerateRequest) -> Prompt:
        """The prompt for `request`. Raises `BadRequestError` where no room is left for one."""
        layout = self._layout(request.layout)
        parts, window_tokens = self._parts(request, layout)
        # The tokens at the cursor end the prefix, but for what PSM has behind MID. At MID itself
        # nothing needs healing: in training, too, the middle began there with a token of its own.
        last = parts.middle if layout is Layout.PSM else parts.prefix
        healed, required = 0, b""
        if request.heal:
            healed = tokens_to_heal(last, self._model.pieces, self._healing_tokens)
            kept = last[: len(last) - healed]
            required = self._model.pieces.spell(last[len(kept) :])
            if layout is Layout.PSM:
                parts = PromptParts(parts.context, parts.prefix, parts.suffix, kept)
            else:
                parts = PromptParts(parts.context, kept, parts.suffix, parts.middle)
        if layout is not Layout.PSM and not request.prefix.text:
            required = self._dummy_space  # what the first token of any text begins with
        chars = len(request.prefix.text) + len(request.suffix.text)
        ids = self._ordered(parts, layout)
        return Prompt(ids, required, healed, layout, window_tokens, chars)

    def _layout(self, wanted: Layout) -> Layout:
        ids = self._model.infill
        if not isinstance(ids, InfillIds):
            return Layout.LEFT_TO_RIGHT
        if wanted is Layout.SPM and not ids.suffix_first:
            return Layout.PSM  # other families were not trained on this suffix-first order
        return wanted

    def _parts(self, request: GenerateRequest, layout: Layout) -> tuple[PromptParts, int]:
        """The prompt's parts, and how many tokens the windows have before they are cut."""
        before = request.prefix.text
        typed = min(request.typed_chars, len(before)) if layout is Layout.PSM else 0
        cut = len(before) - typed
        of, prefix, suffix = self._ids.of, request.prefix, request.suffix
        overhead = len(self._model.bos) + _SENTINELS + request.max_tokens + LONGEST_DRAFT
        budget = self._most_tokens - overhead
        if budget < 16:
            raise BadRequestError("max_tokens leave no room for a prompt in this model's context")
        parts = PromptParts(
            context=(),
            prefix=of(prefix.key, before[:cut] if typed else before, dummy=True),
            suffix=()
            if layout is Layout.LEFT_TO_RIGHT
            else of(suffix.key, suffix.text, dummy=False),
            middle=of(f"{prefix.key}#typed", before[cut:], dummy=False) if typed else (),
        )
        uncut = len(parts.prefix) + len(parts.suffix) + len(parts.middle)
        parts = fit(parts, min(budget, request.most_window_tokens or budget))
        windows = len(parts.prefix) + len(parts.suffix) + len(parts.middle)
        context = self._context(request, budget - windows)
        if not context:
            return parts, uncut
        ids = np.concatenate([ids for _, ids in context])
        if not request.context_in_prefix:
            return attrs.evolve(parts, context=ids), uncut
        text = "".join(segment.text for segment, _ in context) + before[:cut]
        parts = attrs.evolve(parts, prefix=of(f"{prefix.key}#context", text, dummy=True))
        return fit(parts, min(budget, windows + len(ids) + 1)), uncut

    def _context(self, request: GenerateRequest, room: int) -> list[tuple[Segment, Ids]]:
        """The segments that fit, each with its ids."""
        encoded = [(s, self._ids.of(s.key, s.text, dummy=False)) for s in request.context]
        if request.most_context_tokens is not None:
            room = min(room, request.most_context_tokens)
        if request.context_in_prefix:
            room -= 1  # its first line begins with the dummy space there
        return [encoded[n] for n in fitting([len(ids) for _, ids in encoded], room)]

    def _ordered(self, parts: PromptParts, layout: Layout) -> Ids:
        bos, ids = self._model.bos, self._model.infill
        if layout is Layout.LEFT_TO_RIGHT or not isinstance(ids, InfillIds):
            tokens = left_to_right(bos, parts)
            return tokens if len(tokens) else np.zeros(1, dtype=np.int32)
        if layout is Layout.SPM:
            return suffix_first(bos, ids, parts)
        return prefix_first(bos, ids, parts)
