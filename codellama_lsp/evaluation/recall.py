"""How often the definition that is needed is in the chosen text, without any model."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import attrs

from codellama_lsp.context.assemble import Chunk
from codellama_lsp.context.candidates import Query
from codellama_lsp.context.index.library import Library
from codellama_lsp.evaluation.references import Place
from codellama_lsp.evaluation.related import CONTENDERS
from codellama_lsp.evaluation.statistics import bootstrap_interval, mean

#: Of usual code with usual vocabularies; the budgets are in tokens so counted.
CHARS_PER_TOKEN = 3.0
BUDGETS = (512, 1024, 2048, 4096)
_WINDOW_BEFORE_CHARS = 1500
_WINDOW_AFTER_CHARS = 600


@attrs.frozen
class RecallRow:
    """One contender at one budget, in one language. Shares are 0 to 1."""

    what: str
    budget_tokens: int
    language: str
    n: int
    definition: float
    """The file that defines the name is shown, with the name."""
    interval: tuple[float, float]
    """Of `definition`, 95% bootstrap."""
    name: float
    """The name is shown, from whichever file."""


def recall_rows(
    library: Library, places: Sequence[Place], tick: Callable[[int], None]
) -> list[RecallRow]:
    """Every contender at every budget, by language; `tick` hears how many places are done."""
    hits: dict[tuple[str, int, str], list[tuple[bool, bool]]] = {}
    for number, place in enumerate(places):
        text = place.without_rest
        shown = (
            text[max(0, place.offset - _WINDOW_BEFORE_CHARS) : place.offset],
            text[place.offset : place.offset + _WINDOW_AFTER_CHARS],
        )
        query = Query(place.path, place.language, text, place.offset, shown)
        library.open(place.path, text, place.language)
        try:
            for what, choose in CONTENDERS.items():
                for budget in BUDGETS:
                    chunks = choose(library, query, budget, CHARS_PER_TOKEN)
                    hits.setdefault((what, budget, place.language), []).append(
                        _found(chunks, place)
                    )
        finally:
            library.close(place.path)
        tick(number + 1)
    return [
        RecallRow(
            what=what,
            budget_tokens=budget,
            language=language,
            n=len(found),
            definition=mean([float(defined) for defined, _ in found]),
            interval=bootstrap_interval([float(defined) for defined, _ in found]),
            name=mean([float(named) for _, named in found]),
        )
        for (what, budget, language), found in sorted(
            hits.items(), key=lambda item: (item[0][2], item[0][1], item[0][0])
        )
    ]


def _found(chunks: Sequence[Chunk], place: Place) -> tuple[bool, bool]:
    name = re.compile(rf"\b{re.escape(place.name)}\b")
    showing = {chunk.path for chunk in chunks if name.search(chunk.text)}
    return not showing.isdisjoint(path for path, _ in place.targets), bool(showing)
