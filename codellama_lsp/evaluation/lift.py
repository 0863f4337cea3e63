"""What code of the workspace is worth: the same places asked with nothing, open tabs, text search
and our choice in the prompt, prompts of the same length for each.

Greedy, through the shipped pipeline. The room for code of other files is counted in the model's
own tokens, and every contender fills it as far as it has text. "none" spends it on the file itself:
its windows grow until the prompt is as long as the others' may be, for that is what a prompt holds
where there is no workspace. A place counts only where the name that is asked for stands in nobody's
windows, those large ones included.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import attrs

from codellama_lsp.completion.pipeline import Completer
from codellama_lsp.completion.prompts import EngineProvider
from codellama_lsp.completion.types import CompletionRequest, DocumentSnapshot, Trigger
from codellama_lsp.config.options import Placement
from codellama_lsp.config.settings import Settings
from codellama_lsp.context.index.library import Library
from codellama_lsp.context.related import Asked
from codellama_lsp.context.windows import Windows
from codellama_lsp.engine.backend import Engine, Generation
from codellama_lsp.engine.protocol import EngineInfo, GenerateRequest
from codellama_lsp.evaluation.references import Place
from codellama_lsp.evaluation.related import Contender, open_tabs, ours, text_search
from codellama_lsp.evaluation.statistics import (
    bootstrap_interval,
    mean,
    share_before_first_error,
)

NONE, OURS = "none", "ours"
#: More than any window of a small model, so that "none" is bounded by the measured length alone.
_ROOMY_TOKENS = 1 << 16
_TRIES = 6
_NEAR_TOKENS = 12


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
        count: Callable[[str], int],
        *,
        placement: Placement,
        tokens: int | None,
        copy: bool | None = None,
    ) -> None:
        settings = Settings(workspace_placement=placement, workspace_tokens=tokens, copy=copy)
        other: Placement = "before" if placement == "prefix" else "prefix"
        elsewhere = attrs.evolve(settings, workspace_placement=other)
        self.package = root.name
        self._root = root
        self._library = library
        self._count = count
        self._alone = settings
        self._completers = {NONE: Completer(_Roomy(provider), lambda uri: self._alone)}
        self._sources: dict[str, Contender] = {}
        for what, choose in (("tabs", open_tabs), ("bm25", text_search), (OURS, ours)):
            source = self._sources[what] = Contender(choose, library, itertools.count(1), count)
            self._completers[what] = Completer(provider, _always(settings), related=source)
        what = f"{OURS}, {_WHERE[other]}"
        source = self._sources[what] = self._sources[OURS]
        self._completers[what] = Completer(provider, _always(elsewhere), related=source)

    async def ask(self, place: Place, number: int) -> dict[str, LiftAnswer]:
        """Everyone's answer at a place; none where the name stands in somebody's windows."""
        # The file as its author has it: what is asked for may not be found in it.
        self._library.open(place.path, place.without_rest, place.language)
        try:
            shared = await self._completers[OURS].prompts.asked(self._request(place, "", number))
            alone = await self._fit_alone(place, number, shared)
            name = re.compile(rf"\b{re.escape(place.name)}\b")
            if any(name.search(text) for w in (shared.windows, alone) for text in _texts(w)):
                return {}
            return {what: await self._answer(place, what, number) for what in self._completers}
        finally:
            self._library.close(place.path)

    async def _answer(self, place: Place, what: str, number: int) -> LiftAnswer:
        source = self._sources.get(what)
        if source is not None:
            source.path = place.path
        request = self._request(place, what, number)
        completer = self._completers[what]
        completion = await completer.complete(request)
        completer.forget(request.document.uri)
        return LiftAnswer(
            completion.items[0].text.rstrip() if completion.items else "",
            completion.tokens.prompt,
            source is not None and any(place.name in chunk.text for chunk in source.last),
        )

    def _request(self, place: Place, what: str, number: int) -> CompletionRequest:
        # What was asked before, and by whom, must not show.
        uri = f"{(self._root / place.path).absolute().as_uri()}?{what}{number}"
        document = DocumentSnapshot(uri, place.language, number, place.without_rest)
        return CompletionRequest(
            document, place.offset, Trigger.INVOKED, plan="line", use_cache=False
        )

    async def _fit_alone(self, place: Place, number: int, shared: Asked) -> Windows:
        """Set the windows of "none": the largest that are no longer than the others' prompts."""
        most = self._tokens(shared.windows) + shared.budget_tokens
        request = self._request(place, NONE, number)
        completer = self._completers[NONE]
        wanted, best, fitting = most, 0, None
        for _ in range(_TRIES):
            self._alone = attrs.evolve(self._alone, context_tokens=wanted)
            windows = (await completer.prompts.asked(request)).windows
            tokens = self._tokens(windows)
            if fitting is None or (tokens <= most and (best > most or tokens > best)):
                best, fitting, chosen = tokens, windows, self._alone
            if most - _NEAR_TOKENS <= tokens <= most:
                break
            # Windows end where lines do, and a file has two ends: as near as a few steps come.
            wanted = min(max(int(wanted * (most - 2) / max(tokens, 1)), 64), 16 * most)
        self._alone = chosen
        assert fitting is not None
        return fitting

    def _tokens(self, windows: Windows) -> int:
        return self._count(windows.prefix.text) + self._count(windows.suffix.text)


def _always(settings: Settings) -> Callable[[str], Settings]:
    return lambda uri: settings


_WHERE = {"before": "before PRE", "prefix": "in the prefix"}


def _texts(windows: Windows) -> tuple[str, str]:
    return windows.prefix.text, windows.left_out + windows.suffix.text


class _Roomy:
    """The same engine, said to have room for any windows: how large they are, the bench says."""

    def __init__(self, provider: EngineProvider) -> None:
        self._provider = provider

    async def engine(self) -> Engine:
        return _RoomyEngine(await self._provider.engine())


class _RoomyEngine:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def info(self) -> EngineInfo:
        return attrs.evolve(await self._engine.info(), context_tokens=_ROOMY_TOKENS)

    def generate(self, request: GenerateRequest) -> Generation:
        # By its windows alone, which are as long as they may be.
        return self._engine.generate(attrs.evolve(request, most_window_tokens=None))

    def expect(self) -> None:
        self._engine.expect()

    async def close(self) -> None:
        await self._engine.close()


class Kept:
    """Answers in a file, a line for each place: an interrupted run goes on where it ended."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._known: dict[str, dict[str, LiftAnswer]] = {}
        if file is not None and file.exists():
            for line in file.read_text(encoding="utf-8").splitlines():
                key, answers = json.loads(line)
                self._known[key] = {w: LiftAnswer(**given) for w, given in answers.items()}

    def find(self, package: str, place: Place) -> dict[str, LiftAnswer] | None:
        """Known answers; empty for a place that does not count, None for one not asked yet."""
        return self._known.get(self._key(package, place))

    def add(self, package: str, place: Place, answers: Mapping[str, LiftAnswer]) -> None:
        """Keep them."""
        if self._file is None:
            return
        told = {what: attrs.asdict(given) for what, given in answers.items()}
        with self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps([self._key(package, place), told]) + "\n")

    @staticmethod
    def _key(package: str, place: Place) -> str:
        return f"{package}:{place.path}:{place.offset}:{place.typed}"


async def collect(
    found: dict[str, list[LiftAnswer]],
    answered: list[Place],
    bench: Bench,
    places: Sequence[Place],
    n: int,
    tick: Callable[[int], None],
    kept: Kept | None = None,
) -> None:
    """Fill `found` and `answered` place by place, up to `n` more; some places do not count.

    An interrupted run has whole rows.
    """
    done = 0
    kept = kept or Kept(None)
    for number, place in enumerate(places):
        if done >= n:
            return
        answers = kept.find(bench.package, place)
        if answers is None:
            answers = await bench.ask(place, number)
            kept.add(bench.package, place, answers)
        if not answers:
            continue
        for what, answer in answers.items():
            found.setdefault(what, []).append(answer)
        answered.append(place)
        done += 1
        tick(done)


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
