"""What is shown of a text that a model says at a cursor: plan, rules and filters, without a server.

For the many cases that the table's way, through a real server, would take too long for.
"""

from __future__ import annotations

import attrs

from codellama_lsp.completion.budget import window_budget
from codellama_lsp.completion.heads import heard
from codellama_lsp.completion.kinds import PROSE
from codellama_lsp.completion.outcome import Outcome
from codellama_lsp.completion.plan import choose_plan
from codellama_lsp.completion.shape import shaped
from codellama_lsp.completion.spot import Spot
from codellama_lsp.completion.stop import Watch, first_cut, stop_rules
from codellama_lsp.completion.stream import line_ending
from codellama_lsp.context.windows import WindowTracker
from codellama_lsp.engine.protocol import Finish
from codellama_lsp.engine.scripted import scripted_info, split_tokens

BUDGET = window_budget(scripted_info(), None)


@attrs.frozen
class Judged:
    """What came of a text."""

    accepted: str
    """The document after accepting what is shown."""
    shown: str
    """Empty if nothing is."""
    replaced_chars: int
    outcome: Outcome
    detail: str
    heard_chars: int
    """How much was generated before a rule ended it."""


def judge(document: str, offset: int, language: str, says: str, max_tokens: int = 96) -> Judged:
    """Complete at `offset` with a model that says `says`, at most so many tokens of it."""
    windows = WindowTracker("it").windows(document, offset, BUDGET)
    spot = Spot.of(windows, language, document)
    plan = choose_plan(spot, "never" if language in PROSE else "auto")
    rules = stop_rules(plan, spot)
    watch = Watch(rules)
    raw, cut, finish = "", None, Finish.EOT
    for count, piece in enumerate(split_tokens(says)):
        if count >= max_tokens:
            finish = Finish.LENGTH
            break
        raw += piece
        text = heard(raw, spot, ended=False)
        cut = watch.cut(text)
        if cut:
            break
    if not cut:
        text = heard(raw, spot, ended=True)
    found = shaped(text, cut or first_cut(rules, text + "\n"), finish, plan, spot)
    shown = found.draft.text.replace("\n", line_ending(document))
    accepted = document[:offset] + shown + document[offset + found.draft.replaced_chars :]
    return Judged(
        accepted, shown, found.draft.replaced_chars, found.outcome, found.detail, len(raw)
    )
