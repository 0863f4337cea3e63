"""How often the definition that is needed is in the chosen text, without any model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import attrs

from codellama_lsp.context.assemble import Chunk
from codellama_lsp.context.candidates import Query
from codellama_lsp.context.index.library import Library
from codellama_lsp.evaluation.defining import shows
from codellama_lsp.evaluation.references import Place
from codellama_lsp.evaluation.related import (
    Chooser,
    Room,
    open_tabs,
    ours,
    same_folder,
    text_search,
)
from codellama_lsp.evaluation.statistics import bootstrap_interval, mean

#: Of usual code with usual vocabularies; the budgets are in tokens so counted.
CHARS_PER_TOKEN = 3.0
BUDGETS = (512, 1024, 2048, 4096)
CONTENDERS: dict[str, Chooser] = {
    "folder": same_folder,
    "tabs": open_tabs,
    "bm25": text_search,
    "ours": ours,
}
_WINDOW_BEFORE_CHARS = 1500
_WINDOW_AFTER_CHARS = 600
#: What languages of one family are counted as.
_FAMILY = {"javascriptreact": "javascript", "typescriptreact": "typescript"}


@attrs.frozen
class Hit:
    """Whether one contender showed what was needed at one place, at one budget."""

    what: str
    budget_tokens: int
    language: str
    place: Place
    found: bool


@attrs.frozen
class RecallRow:
    """One contender at one budget, in one language."""

    what: str
    budget_tokens: int
    language: str
    n: int
    recall: float
    """Share of places (0 to 1) where the definition is shown, from the file that holds it."""
    interval: tuple[float, float]
    """95% bootstrap."""


def look(
    library: Library, places: Sequence[Place], hits: list[Hit], tick: Callable[[int], None]
) -> None:
    """Every contender at every budget, into `hits`; `tick` hears how many places are done."""
    for number, place in enumerate(places):
        text = place.without_rest
        query = Query(place.path, place.language, text, place.offset, window_texts(place))
        language = _FAMILY.get(place.language, place.language)
        library.open(place.path, text, place.language)
        try:
            for what, choose in CONTENDERS.items():
                for budget in BUDGETS:
                    chunks = choose(library, query, Room(budget, CHARS_PER_TOKEN))
                    hits.append(Hit(what, budget, language, place, _found(chunks, place)))
        finally:
            library.close(place.path)
        tick(number + 1)


def window_texts(place: Place) -> tuple[str, str]:
    """What a prompt shows of the place's own file, before the cursor and behind it."""
    text = place.without_rest
    return (
        text[max(0, place.offset - _WINDOW_BEFORE_CHARS) : place.offset],
        text[place.offset : place.offset + _WINDOW_AFTER_CHARS],
    )


def recall_rows(hits: Iterable[Hit]) -> list[RecallRow]:
    """By language, contender and budget."""
    groups: dict[tuple[str, str, int], list[float]] = {}
    for hit in hits:
        groups.setdefault((hit.language, hit.what, hit.budget_tokens), []).append(float(hit.found))
    order = list(CONTENDERS)
    return [
        RecallRow(what, budget, language, len(found), mean(found), bootstrap_interval(found))
        for (language, what, budget), found in sorted(
            groups.items(), key=lambda item: (item[0][0], order.index(item[0][1]), item[0][2])
        )
    ]


def _found(chunks: Sequence[Chunk], place: Place) -> bool:
    targets = dict(place.targets)
    return any(chunk.path in targets and shows(chunk.text, targets[chunk.path]) for chunk in chunks)
