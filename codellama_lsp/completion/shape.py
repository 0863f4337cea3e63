"""From what was generated to what is shown: cut where a rule said so, keep what is whole, mend.

Pure functions of texts. Must not know engines, documents' line endings or LSP.
"""

from __future__ import annotations

import attrs

from codellama_lsp.completion.filters import Draft, run_filters
from codellama_lsp.completion.outcome import Outcome
from codellama_lsp.completion.plan import Plan, PlanKind
from codellama_lsp.completion.spot import Spot
from codellama_lsp.completion.stop import Cut
from codellama_lsp.context.secrets import spells_placeholder
from codellama_lsp.engine.protocol import Finish

_NOTHING = Draft("")


@attrs.frozen
class Shaped:
    """What is left of a generated text, or why nothing is."""

    outcome: Outcome
    detail: str = ""
    """Of nothing: the rule or filter that left it."""
    draft: Draft = _NOTHING


def shaped(text: str, cut: Cut | None, finish: Finish, plan: Plan, spot: Spot) -> Shaped:
    """What to show of `text`, which a rule may have cut and which ended with `finish`."""
    cut_by = ""
    if cut is not None and cut.keep_chars < len(text):
        text, cut_by = text[: cut.keep_chars], cut.rule
    elif finish in (Finish.LENGTH, Finish.TIME):
        text = _finished_lines(text, plan)
    if not text.strip():
        if cut_by:
            return Shaped(Outcome.FILTERED, cut_by)
        if finish is Finish.TIME:
            return Shaped(Outcome.TIMED_OUT, "the time budget ran out")
        return Shaped(Outcome.EMPTY)
    if spells_placeholder(text):
        return Shaped(Outcome.FILTERED, "it spells what stands for a secret")
    draft, emptied_by = run_filters(text, spot)
    if emptied_by:
        return Shaped(Outcome.FILTERED, emptied_by)
    return Shaped(Outcome.OFFERED, draft=draft)


def _finished_lines(text: str, plan: Plan) -> str:
    """What is whole of a text that was broken off."""
    if plan.kind is PlanKind.LINE:
        start = len(text) - len(text.lstrip())
        end = text.find("\n", start)
        return text[:end] if end >= 0 else text
    whole = text.rpartition("\n")[0]
    return whole if whole.strip() else text
