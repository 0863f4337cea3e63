"""Kills the shared engine again and again while several clients use it, and counts what they got.

Each client is a pipeline of its own, as in an editor. Every request has to be answered by the
model, every answer has to be the one that it has in peace, and one engine has to be back each time.

Greedy text is not always one text: how a prompt is cut into batches, and where it lies in the
cache, rounds its scores, and where two tokens are nearly as likely as each other that decides. So
only requests are made whose answer stays the same when every score is shaken by several times as
much.
Copying is off: its rule keeps a token or not by a score, which may lie near to its bound.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import os
import random
import signal
import sys
from pathlib import Path

import attrs
import numpy as np

from codellama_lsp.completion.outcome import Outcome
from codellama_lsp.completion.pipeline import Completer
from codellama_lsp.completion.types import Completion, CompletionRequest, DocumentSnapshot, Trigger
from codellama_lsp.config.settings import Settings
from codellama_lsp.engine.local import LocalEngine
from codellama_lsp.engine.spec import EngineSpec, LoadValue
from codellama_lsp.engine.supervisor import EngineSupervisor, RestartPolicy
from codellama_lsp.engine.wishes import Wishes
from codellama_lsp.engine.worker.backend import LlamaBackend
from codellama_lsp.engine.worker.context import Logits
from codellama_lsp.engine.worker.settings import WorkerSettings

_PATIENCE_S = 60.0
#: So few that no engine, however busy the machine was when it measured itself, begins with smaller
#: windows: to another prompt there is another answer.
_SETTINGS = Settings(max_tokens=16, context_tokens=72)
#: Rounding was seen to move a score by up to 0.61, of a few thousand prompts, mostly by 0.2.
_SHAKE = 0.8
_SHAKES = 16
_POLICY = RestartPolicy(backoff_s=(0.0,), max_killed_loading=1000)
#: No client gives anything up, so none of these has anything to do here.
_LOST = (Outcome.ENGINE_DOWN, Outcome.CANCELLED, Outcome.SUPERSEDED, Outcome.FAILED)
Answer = tuple[str, ...]
"""The outcome's name, and the texts."""


@attrs.define
class Tally:
    """What happened."""

    requests: int = 0
    """Places with one right answer."""
    unsettled: int = 0
    """Places that were left out."""
    asked: int = 0
    outcomes: collections.Counter[str] = attrs.field(factory=collections.Counter)
    wrong: int = 0
    unanswered: int = 0
    """In time, or by the model."""
    kills: int = 0
    back: int = 0
    most_engines: int = 0

    @property
    def good(self) -> bool:
        """Whether nothing went wrong."""
        returned = self.back == self.kills and self.most_engines == 1
        return returned and self.asked > 0 and not self.wrong and not self.unanswered


def _places(count: int) -> list[CompletionRequest]:
    """Places in this file, the same for every client.

    Each in a document of its own: windows depend on where one was in a document before.
    """
    text = Path(__file__).read_text(encoding="utf-8")
    rng = random.Random(7)
    return [
        CompletionRequest(
            DocumentSnapshot(f"file:///{i}.py", "python", 1, text),
            rng.randrange(200, len(text)),
            Trigger.INVOKED,
            use_cache=False,
            copy=False,
        )
        for i in range(count)
    ]


def _client(spec: EngineSpec) -> tuple[EngineSupervisor, Completer]:
    supervisor = EngineSupervisor(spec, policy=_POLICY)
    return supervisor, Completer(supervisor, lambda uri: _SETTINGS)


def _answer(completion: Completion) -> Answer:
    return (completion.outcome.value, *(item.text for item in completion.items))


async def _settled(
    model: Path, places: list[CompletionRequest], wanted: int, rng: random.Random
) -> dict[int, Answer]:
    """Up to `wanted` places, by number, with their answer, which no shaking changes."""
    backend = LlamaBackend(WorkerSettings(model))
    engine = LocalEngine(backend)
    completer = Completer(_Only(engine), lambda uri: _SETTINGS)
    found: dict[int, Answer] = {}
    try:
        await engine.info()
        context = backend.loaded()[1]
        plain, noise = context.logits, np.random.default_rng(rng.randrange(2**32))

        def shaken(index: int = -1) -> Logits:
            row = plain(index)
            return row + noise.uniform(-_SHAKE, _SHAKE, len(row)).astype(np.float32)

        for number, place in enumerate(places):
            context.logits = plain  # type: ignore[method-assign]
            answer = _answer(await completer.complete(place))
            context.logits = shaken  # type: ignore[method-assign]
            for _ in range(_SHAKES):
                if _answer(await completer.complete(place)) != answer:
                    break
            else:
                found[number] = answer
            if len(found) == wanted:
                break
    finally:
        await completer.close()
        await engine.close()
    return found


@attrs.frozen
class _Only:
    """Provides the engine it is given."""

    it: LocalEngine

    async def engine(self) -> LocalEngine:
        return self.it


async def _use(
    completer: Completer,
    places: list[CompletionRequest],
    expected: dict[int, Answer],
    over: asyncio.Event,
    tally: Tally,
    rng: random.Random,
) -> None:
    numbers = list(expected)
    while not over.is_set():
        number = rng.choice(numbers)
        tally.asked += 1
        try:
            async with asyncio.timeout(_PATIENCE_S):
                completion = await completer.complete(places[number])
        except TimeoutError:
            tally.unanswered += 1
            continue
        tally.outcomes[completion.outcome.value] += 1
        if completion.outcome in _LOST:
            tally.unanswered += 1
            print(f"{completion.outcome.value}: {completion.detail}", file=sys.stderr)
        elif _answer(completion) != expected[number]:
            tally.wrong += 1
            print(f"{_answer(completion)!r} is not {expected[number]!r}", file=sys.stderr)


async def kill_again_and_again(
    model: Path,
    rounds: int,
    clients: int,
    *,
    seed: int = 0,
    pause_s: float = 1.0,
    places: int = 200,
    wanted: int = 24,
) -> Tally:
    """Play it; `pause_s` is the longest time between an engine's return and its next death.

    Of `places` the first `wanted` that have one right answer are asked for.
    """
    load: dict[str, LoadValue] = {"remember_drafts": False}
    spec = EngineSpec.of_model(model, load)
    spec = attrs.evolve(spec, shared=True, wishes=Wishes(linger_s=0.0))
    all_places, rng, tally = _places(places), random.Random(seed), Tally()
    expected = await _settled(model, all_places, wanted, rng)
    tally.requests = len(expected)
    tally.unsettled = max(expected, default=-1) + 1 - len(expected)
    made = [_client(spec) for _ in range(clients)]
    supervisors = [supervisor for supervisor, _ in made]
    over = asyncio.Event()
    try:
        users = [
            asyncio.create_task(
                _use(completer, all_places, expected, over, tally, random.Random(seed + i))
            )
            for i, (_, completer) in enumerate(made)
        ]
        await _pids(supervisors, 0)
        for _ in range(rounds):
            await asyncio.sleep(rng.random() * pause_s)
            pid = (await (await supervisors[0].engine()).info()).pid
            os.kill(pid, signal.SIGKILL)
            tally.kills += 1
            try:
                async with asyncio.timeout(_PATIENCE_S):
                    pids = await _pids(supervisors, pid)
            except TimeoutError:
                break
            tally.back += 1
            tally.most_engines = max(tally.most_engines, len(pids))
        over.set()
        await asyncio.gather(*users)
    finally:
        for supervisor in supervisors:
            await supervisor.close()
    return tally


async def _pids(supervisors: list[EngineSupervisor], dead: int) -> set[int]:
    """The engines that the clients have after a death, all of them loaded."""
    found: set[int] = set()
    for supervisor in supervisors:
        while True:
            try:
                pid = (await (await supervisor.engine()).info()).pid
            except Exception as error:
                if "ended" not in str(error):
                    raise
                continue
            if pid != dead:
                found.add(pid)
                break
            await asyncio.sleep(0.01)
    return found


def main() -> int:
    """Play it and print the counts; 1 where something went wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--clients", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    tally = asyncio.run(kill_again_and_again(args.model, args.rounds, args.clients, seed=args.seed))
    print(f"places {tally.requests}, each with one right answer; {tally.unsettled} left out")
    print(f"kills {tally.kills}, back each time: {tally.back == tally.kills}")
    print(f"engines at a time, at most: {tally.most_engines}")
    print(f"requests {tally.asked}, not answered {tally.unanswered}, wrong {tally.wrong}")
    print("outcomes:", ", ".join(f"{name} {n}" for name, n in tally.outcomes.most_common()))
    print("good" if tally.good else "NOT GOOD")
    return 0 if tally.good else 1


if __name__ == "__main__":
    sys.exit(main())
