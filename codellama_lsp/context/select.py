"""From a question and a library to what is sent: choosing and assembling in one call."""

from __future__ import annotations

from codellama_lsp.context.assemble import Assembly, assemble
from codellama_lsp.context.candidates import Query
from codellama_lsp.context.choose import choose
from codellama_lsp.context.index.library import Library


def select(
    library: Library, query: Query, *, budget_tokens: int, chars_per_token: float
) -> Assembly:
    """What to send for a cursor; nothing for a budget of nothing."""
    candidates, seen = choose(library, query)
    return assemble(
        candidates,
        seen,
        language=query.language,
        budget_tokens=budget_tokens,
        chars_per_token=chars_per_token,
    )
