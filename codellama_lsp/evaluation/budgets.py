"""Whether prompts keep to the budget for code of other files, in a model's own tokens.

Real places, the shipped choice, and the prompts that an engine builds of it: what code of other
files adds to a prompt is the difference to the same prompt without it. No model is evaluated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import attrs

from codellama_lsp.context.candidates import Query
from codellama_lsp.context.index.library import Library
from codellama_lsp.context.segments import Segments
from codellama_lsp.context.select import select
from codellama_lsp.engine.protocol import GenerateRequest, Segment
from codellama_lsp.evaluation.recall import window_texts
from codellama_lsp.evaluation.references import Place
from codellama_lsp.evaluation.statistics import mean

BUDGETS = (512, 1024, 4096, 16_384)


@attrs.frozen
class Fill:
    """What code of other files took at one place."""

    budget_tokens: int
    chosen_tokens: int
    """All that was chosen, by estimates."""
    sent_tokens: int
    """What stands in the prompt, before PRE or in the prefix, whichever is more."""


@attrs.frozen
class BudgetRow:
    """All places at one budget. Shares are of the budget; more than 1 is over it."""

    budget_tokens: int
    n: int
    over: int
    """Prompts over the budget."""
    most: float
    """The fullest prompt."""
    mean: float
    left_out: int
    """Places where the estimate was too low, so that something had to be left out."""
    most_chosen: float
    """The worst of those, before anything was left out."""


def look(
    library: Library,
    places: Sequence[Place],
    chars_per_token: float,
    count: Callable[[str], int],
    prompt_tokens: Callable[[GenerateRequest], int],
) -> Iterator[Fill]:
    """Every budget at every place."""
    segments = Segments()
    for version, place in enumerate(places, 1):
        before, after = window_texts(place)
        query = Query(place.path, place.language, place.without_rest, place.offset, (before, after))
        library.open(place.path, place.without_rest, place.language)
        alone = GenerateRequest(
            place.path, Segment("prefix", version, before), Segment("suffix", version, after)
        )
        try:
            for budget in BUDGETS:
                found = select(
                    library, query, budget_tokens=budget, chars_per_token=chars_per_token
                )
                wanted = attrs.evolve(
                    alone,
                    context=segments.of(place.path, found.chunks),
                    most_context_tokens=budget,
                )
                inside = attrs.evolve(wanted, context_in_prefix=True)
                longest = max(prompt_tokens(wanted), prompt_tokens(inside))
                chosen = sum(count(chunk.text) for chunk in found.chunks)
                yield Fill(budget, chosen, longest - prompt_tokens(alone))
        finally:
            library.close(place.path)


def budget_rows(fills: Iterable[Fill]) -> list[BudgetRow]:
    """One row for each budget."""
    by_budget: dict[int, list[Fill]] = {}
    for fill in fills:
        by_budget.setdefault(fill.budget_tokens, []).append(fill)
    return [
        BudgetRow(
            budget,
            len(here),
            sum(fill.sent_tokens > budget for fill in here),
            max(fill.sent_tokens for fill in here) / budget,
            mean([fill.sent_tokens / budget for fill in here]),
            sum(fill.chosen_tokens > budget for fill in here),
            max(fill.chosen_tokens for fill in here) / budget,
        )
        for budget, here in by_budget.items()
    ]
