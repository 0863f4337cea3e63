"""What code of the workspace is worth: the same places asked with nothing, open tabs, text search
and our choice in the prompt, the same number of tokens for each.

"none" spends the whole budget on the file's own text. Greedy, through the shipped pipeline.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import attrs

from codellama_lsp.completion.pipeline import Completer, EngineProvider
from codellama_lsp.completion.types import CompletionRequest, DocumentSnapshot, Trigger
from codellama_lsp.config.options import Placement
from codellama_lsp.config.settings import Settings
from codellama_lsp.context.index.library import Library
from codellama_lsp.evaluation.references import Place
from codellama_lsp.evaluation.related import CONTENDERS, Contender
from codellama_lsp.evaluation.statistics import (
    bootstrap_interval,
    mean,
    share_before_first_error,
)

NONE, OURS = "none", "ours"


@attrs.frozen
class LiftAnswer:
    """One contender's answer at one place."""

    text: str
    prompt_tokens: int
    has_name: bool
    """Whether the name asked for stood in what was put into the prompt."""


@attrs.frozen
class LiftRow:
    """One contender. Shares are 0 to 1; intervals 95% bootstrap, differences paired by place."""

    what: str
    n: int
    exact: float
    exact_interval: tuple[float, float]
    before_first_error: float
    before_first_error_interval: tuple[float, float]
    name: float
    """How often the answer begins with the rest of the name."""
    name_in_prompt: float
    prompt_tokens: float
    ours_ahead_exact: float
    """Ours less this one."""
    ours_ahead_exact_interval: tuple[float, float]
    ours_ahead_before_first_error: float
    ours_ahead_before_first_error_interval: tuple[float, float]


class Bench:
    """Completers that differ in one thing: what of the workspace they put into the prompt."""

    def __init__(
        self,
        provider: EngineProvider,
        library: Library,
        root: Path,
        *,
        placement: Placement,
        tokens: int | None,
        copy: bool | None = None,
    ) -> None:
        settings = Settings(workspace_placement=placement, workspace_tokens=tokens, copy=copy)
        self._root = root
        self._library = library
        self._sources: dict[str, Contender] = {}
        self._completers = {NONE: Completer(provider, lambda uri: settings)}
        for what, choose in CONTENDERS.items():
            source = self._sources[what] = Contender(choose, library, itertools.count(1))
            self._completers[what] = Completer(provider, lambda uri: settings, related=source)

    async def ask(self, place: Place, number: int) -> dict[str, LiftAnswer]:
        """Everyone's answer at a place."""
        text = place.without_rest
        answers: dict[str, LiftAnswer] = {}
        # The file as its author has it: what is asked for may not be found in it.
        self._library.open(place.path, text, place.language)
        try:
            for what, completer in self._completers.items():
                source = self._sources.get(what)
                if source is not None:
                    source.path = place.path
                # What was asked before, and by whom, must not show.
                uri = f"{(self._root / place.path).absolute().as_uri()}?{what}{number}"
                document = DocumentSnapshot(uri, place.language, number, text)
                completion = await completer.complete(
                    CompletionRequest(
                        document, place.offset, Trigger.INVOKED, plan="line", use_cache=False
                    )
                )
                completer.forget(uri)
                answers[what] = LiftAnswer(
                    completion.items[0].text.rstrip() if completion.items else "",
                    completion.tokens.prompt,
                    source is not None and any(place.name in chunk.text for chunk in source.last),
                )
        finally:
            self._library.close(place.path)
        return answers


async def collect(
    found: dict[str, list[LiftAnswer]],
    bench: Bench,
    places: Sequence[Place],
    tick: Callable[[int], None],
) -> None:
    """Fill `found` place by place; an interrupted run has whole rows."""
    for done, place in enumerate(places):
        for what, answer in (await bench.ask(place, done)).items():
            found.setdefault(what, []).append(answer)
        tick(done + 1)


def lift_rows(places: Sequence[Place], found: Mapping[str, Sequence[LiftAnswer]]) -> list[LiftRow]:
    """Scores of every contender, and how far ours is ahead of each."""
    n = min((len(given) for given in found.values()), default=0)
    exact = {w: [float(g.text == p.rest) for p, g in _pairs(places, found[w], n)] for w in found}
    share = {
        w: [share_before_first_error(g.text, p.rest) for p, g in _pairs(places, found[w], n)]
        for w in found
    }
    result: list[LiftRow] = []
    for what, given in found.items():
        names = [float(g.text.startswith(p.name[p.typed :])) for p, g in _pairs(places, given, n)]
        ahead_exact = [a - b for a, b in zip(exact[OURS], exact[what], strict=True)]
        ahead_share = [a - b for a, b in zip(share[OURS], share[what], strict=True)]
        result.append(
            LiftRow(
                what=what,
                n=n,
                exact=mean(exact[what]),
                exact_interval=bootstrap_interval(exact[what]),
                before_first_error=mean(share[what]),
                before_first_error_interval=bootstrap_interval(share[what]),
                name=mean(names),
                name_in_prompt=mean([float(g.has_name) for g in given[:n]]),
                prompt_tokens=mean([float(g.prompt_tokens) for g in given[:n]]),
                ours_ahead_exact=mean(ahead_exact),
                ours_ahead_exact_interval=bootstrap_interval(ahead_exact),
                ours_ahead_before_first_error=mean(ahead_share),
                ours_ahead_before_first_error_interval=bootstrap_interval(ahead_share),
            )
        )
    return result


def _pairs(
    places: Sequence[Place], given: Sequence[LiftAnswer], n: int
) -> list[tuple[Place, LiftAnswer]]:
    return list(zip(places[:n], given[:n], strict=True))
