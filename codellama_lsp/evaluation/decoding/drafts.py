"""Places where drafts may come true, and what a trained model writes there."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import attrs
import numpy as np

from codellama_lsp.engine.protocol import GenerateRequest
from codellama_lsp.engine.worker.backend import LlamaBackend
from codellama_lsp.engine.worker.candidates import eager_policy
from codellama_lsp.engine.worker.copying import Copier
from codellama_lsp.evaluation.decoding.runs import Greedy, decode, prefilled, request_at
from codellama_lsp.evaluation.positions import SourceFile

#: A place is repetitive when a copier foresees this share of what is to be written.
REPETITIVE = 0.6
_REMOVED_CHARS = 240
_LOOK_CHARS = 20_000
_LEAST_TOKENS = 8
_TRIES = 40


@attrs.frozen
class Place:
    """A cursor behind which some text was taken out."""

    file: SourceFile
    offset: int
    after: str
    foreseen: float
    """Share of the text taken out that what stands elsewhere in the file foretells."""

    @property
    def repetitive(self) -> bool:
        """Which class it belongs to."""
        return self.foreseen >= REPETITIVE


@attrs.define
class Trace:
    """One place: what the trained model wrote there."""

    place: Place
    tokens: list[int]
    same: str
    """With drafts, it wrote "same", a "tie", or something "else"."""
    tried: int
    """Tokens of the drafts, where all that is proposed is drafted."""
    kept: int


def find_places(files: Sequence[SourceFile], n: int, seed: int) -> list[Place]:
    """`n` places, half of them repetitive as far as there are any."""
    rng = random.Random(seed)
    fitting = [file for file in files if len(file.text) > 4 * _REMOVED_CHARS]
    found: dict[bool, list[Place]] = {True: [], False: []}
    for _ in range(_TRIES * n):
        if not fitting or all(len(places) >= (n + 1) // 2 for places in found.values()):
            break
        place = _place(rng.choice(fitting), rng)
        if place is not None and len(found[place.repetitive]) < (n + 1) // 2:
            found[place.repetitive].append(place)
    return [*found[True], *found[False]][:n]


def _place(file: SourceFile, rng: random.Random) -> Place | None:
    text = file.text
    at = text.find("\n", rng.randrange(len(text) // 4, len(text) - 2 * _REMOVED_CHARS)) + 1
    end = text.find("\n", at + _REMOVED_CHARS)
    if not at or end < 0 or end - at > 3 * _REMOVED_CHARS:
        return None
    truth, after = text[at:end], text[end:]
    copier = Copier([text[max(at - _LOOK_CHARS, 0) : at]], [after[:_LOOK_CHARS]])
    done = hits = 0
    while done < len(truth):
        proposal = copier.propose(truth[:done])
        ahead = truth[done : done + 4]
        hits += len(ahead) if proposal and proposal.text.startswith(ahead) else 0
        done += len(ahead)
    return Place(file, at, after, hits / len(truth))


def write_traces(
    trained: LlamaBackend,
    places: Sequence[Place],
    *,
    prompt_chars: int,
    tokens: int,
    report: Callable[[int, int], None],
) -> list[Trace]:
    """What the trained model writes at each place, plainly and with drafts."""
    model, _, _ = trained.loaded()
    traces: list[Trace] = []
    for number, place in enumerate(places, 1):
        report(number, len(places))
        request = request_at(place.file.text, place.offset, place.after, prompt_chars, tokens)
        plain, drafted = Greedy(model.end_ids), Greedy(model.end_ids)
        decode(trained, request, plain, None)
        if len(plain.chosen) < _LEAST_TOKENS:
            continue
        run = decode(trained, request, drafted, eager_policy())
        same = "same" if plain.chosen == drafted.chosen else _why(trained, request, plain, drafted)
        traces.append(Trace(place, plain.chosen, same, run.spent.drafted, run.spent.accepted))
    return traces


def _why(trained: LlamaBackend, request: GenerateRequest, plain: Greedy, drafted: Greedy) -> str:
    """Whether the first difference lies within what a batch's rounding changes."""
    _, context, _ = trained.loaded()
    pairs = zip(plain.chosen, drafted.chosen, strict=False)
    at = next((i for i, (a, b) in enumerate(pairs) if a != b), None)
    if at is None or not at:
        return "else"
    resident, _ = prefilled(trained, request)
    start = len(resident)
    for i, token in enumerate(plain.chosen[:at]):
        context.evaluate(resident.sequence, start + i, [token])
    single = context.logits().copy()
    context.forget(resident.sequence, start)
    context.evaluate(resident.sequence, start, plain.chosen[:at])
    rounding = float(np.abs(single - context.logits()).max())
    context.forget(resident.sequence, start)
    gap = float(single[plain.chosen[at]] - single[drafted.chosen[at]])
    return "tie" if gap <= 2 * rounding else "else"
