"""The rest of a line, asked of the shipped pipeline, next to a copier that has no model.

Every contender answers the same positions: the pipeline as shipped (healing and copying),
suffix-first with and without healing, prefix-first, and the copier. Greedy throughout.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import attrs

from codellama_lsp.completion.pipeline import Completer
from codellama_lsp.completion.types import CompletionRequest, DocumentSnapshot, Trigger
from codellama_lsp.engine.protocol import Layout
from codellama_lsp.evaluation.copier import copied_rest_of_line
from codellama_lsp.evaluation.positions import Position
from codellama_lsp.evaluation.statistics import (
    bootstrap_interval,
    mean,
    share_before_first_error,
)

COPIER = "copier"
WHERE: Mapping[str, Callable[[Position], bool]] = {
    "all": lambda position: True,
    "inside": lambda position: position.inside_word,
    "boundary": lambda position: not position.inside_word,
}


@attrs.frozen
class Contender:
    """A way of asking the pipeline; None leaves a choice to the settings."""

    what: str
    layout: Layout | None = None
    heal: bool | None = None
    copy: bool | None = None


CONTENDERS = (
    Contender("shipped"),
    Contender("spm+healing", Layout.SPM, heal=True, copy=False),
    Contender("spm", Layout.SPM, heal=False, copy=False),
    Contender("psm", Layout.PSM, copy=False),
)


@attrs.frozen
class Row:
    """One contender at one kind of place. Shares are 0 to 1, intervals 95% bootstrap."""

    what: str
    where: str
    n: int
    exact: float
    before_first_error: float
    interval: tuple[float, float]
    """Of `exact`."""
    before_first_error_interval: tuple[float, float]
    ahead_of_copier: float
    """`exact` less the copier's, at the same places."""
    ahead_interval: tuple[float, float]
    """Of that difference, paired by position."""


async def collect(
    found: dict[str, list[str]],
    completer: Completer,
    positions: Sequence[Position],
    tick: Callable[[int], None],
) -> None:
    """Fill `found` position by position, so that an interrupted run has whole rows of answers."""
    for done, position in enumerate(positions):
        asked = {c.what: await _ask(completer, position, done, c) for c in CONTENDERS}
        asked[COPIER] = copied_rest_of_line(position.prefix, position.suffix)
        for what, answer in asked.items():
            found.setdefault(what, []).append(answer)
        tick(done + 1)


async def _ask(completer: Completer, position: Position, number: int, how: Contender) -> str:
    # A document of its own for each position: what was asked before must not show.
    uri = f"{position.file.path.absolute().as_uri()}?{number}"
    text = position.prefix + position.suffix
    document = DocumentSnapshot(uri, position.file.language_id, number, text)
    completion = await completer.complete(
        CompletionRequest(
            document,
            position.offset,
            Trigger.INVOKED,
            plan="line",
            layout=how.layout,
            heal=how.heal,
            copy=how.copy,
            use_cache=False,
        )
    )
    if how is CONTENDERS[-1]:
        completer.forget(uri)
    return completion.items[0].text.rstrip() if completion.items else ""


def rows(positions: Sequence[Position], found: Mapping[str, Sequence[str]]) -> list[Row]:
    """Scores of every contender at all places, inside words, and at token boundaries."""
    result: list[Row] = []
    n = min(len(given) for given in found.values()) if found else 0
    for what, given in found.items():
        for where, belongs in WHERE.items():
            here = [i for i in range(n) if belongs(positions[i])]
            exact = [float(given[i] == positions[i].rest) for i in here]
            peer = [float(found[COPIER][i] == positions[i].rest) for i in here]
            share = [share_before_first_error(given[i], positions[i].rest) for i in here]
            ahead = [a - b for a, b in zip(exact, peer, strict=True)]
            result.append(
                Row(
                    what=what,
                    where=where,
                    n=len(here),
                    exact=mean(exact),
                    before_first_error=mean(share),
                    interval=bootstrap_interval(exact),
                    before_first_error_interval=bootstrap_interval(share),
                    ahead_of_copier=mean(ahead),
                    ahead_interval=bootstrap_interval(ahead),
                )
            )
    return result
