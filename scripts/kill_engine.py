"""Kills the shared engine again and again while several clients use it, and counts what they got.

Each client is a pipeline of its own, as in an editor. Every request has to be answered, no answer
may differ from that of an engine in peace, and one engine has to be back each time.
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

from codellama_lsp.completion.outcome import Outcome
from codellama_lsp.completion.pipeline import Completer
from codellama_lsp.completion.types import Completion, CompletionRequest, DocumentSnapshot, Trigger
from codellama_lsp.config.settings import Settings
from codellama_lsp.engine.spec import EngineSpec
from codellama_lsp.engine.supervisor import EngineSupervisor, RestartPolicy
from codellama_lsp.engine.wishes import Wishes

_PATIENCE_S = 60.0
_PEACEFUL_ENGINES, _PEACEFUL_REQUESTS = 16, 60
_POLICY = RestartPolicy(backoff_s=(0.0,), max_killed_loading=1000)
_LOST = (Outcome.ENGINE_DOWN, Outcome.CANCELLED, Outcome.SUPERSEDED)


@attrs.define
class Tally:
    """What happened."""

    asked: int = 0
    odd: list[tuple[int, tuple[str, ...]]] = attrs.field(factory=list)
    """Answers that a first look in peace has not shown, with their requests."""
    outcomes: collections.Counter[str] = attrs.field(factory=collections.Counter)
    wrong: int = 0
    unanswered: int = 0
    kills: int = 0
    back: int = 0
    most_engines: int = 0

    @property
    def good(self) -> bool:
        """Whether nothing went wrong."""
        answered = sum(self.outcomes.values()) == self.asked
        returned = self.back == self.kills and self.most_engines == 1
        return answered and returned and not self.wrong and not self.unanswered


def _requests(count: int) -> list[CompletionRequest]:
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
        )
        for i in range(count)
    ]


def _client(spec: EngineSpec) -> tuple[EngineSupervisor, Completer]:
    supervisor = EngineSupervisor(spec, policy=_POLICY)
    settings = Settings(max_tokens=16, context_tokens=256)
    return supervisor, Completer(supervisor, lambda uri: settings)


def _texts(completion: Completion) -> tuple[str, ...]:
    return tuple(item.text for item in completion.items)


async def _use(
    completer: Completer,
    requests: list[CompletionRequest],
    expected: list[set[tuple[str, ...]]],
    over: asyncio.Event,
    tally: Tally,
    rng: random.Random,
) -> None:
    while not over.is_set():
        number = rng.randrange(len(requests))
        tally.asked += 1
        try:
            async with asyncio.timeout(_PATIENCE_S):
                completion = await completer.complete(requests[number])
        except TimeoutError:
            tally.unanswered += 1
            continue
        tally.outcomes[completion.outcome.value] += 1
        if completion.outcome not in _LOST and _texts(completion) not in expected[number]:
            tally.odd.append((number, _texts(completion)))


async def kill_again_and_again(
    model: Path, rounds: int, clients: int, seed: int = 0, pause_s: float = 1.0
) -> Tally:
    """Play it; `pause_s` is the longest time between an engine's return and its next death."""
    spec = attrs.evolve(EngineSpec.of_model(model), shared=True, wishes=Wishes(linger_s=0.0))
    requests, rng, tally = _requests(24), random.Random(seed), Tally()
    made = [_client(spec) for _ in range(clients)]
    supervisors = [supervisor for supervisor, _ in made]
    try:
        expected: list[set[tuple[str, ...]]] = [set() for _ in requests]
        # Batches round differently by how much of a prompt was there: more than one pass.
        for order in (requests, requests[::-1], requests):
            for request in order:
                found = expected[requests.index(request)]
                found.add(_texts(await made[0][1].complete(request)))
        over = asyncio.Event()
        users = [
            asyncio.create_task(
                _use(completer, requests, expected, over, tally, random.Random(seed + i))
            )
            for i, (_, completer) in enumerate(made)
        ]
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
    if tally.odd:
        for known, found in zip(expected, await _in_peace(spec, requests, rng), strict=True):
            known |= found
    for number, texts in tally.odd:
        if texts not in expected[number]:
            tally.wrong += 1
            print(f"{texts!r} is none of {expected[number]!r}", file=sys.stderr)
    return tally


async def _in_peace(
    spec: EngineSpec, requests: list[CompletionRequest], rng: random.Random
) -> list[set[tuple[str, ...]]]:
    """What each request is answered by engines that nobody kills, in many orders.

    Where two tokens are equally likely, rounding decides, and that depends on how a prompt was cut
    into batches, thus on what was in the cache.
    """
    found: list[set[tuple[str, ...]]] = [set() for _ in requests]
    for _ in range(_PEACEFUL_ENGINES):
        supervisor, completer = _client(attrs.evolve(spec, shared=False))
        try:
            for number in rng.choices(range(len(requests)), k=_PEACEFUL_REQUESTS):
                found[number].add(_texts(await completer.complete(requests[number])))
        finally:
            await supervisor.close()
    return found


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
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--clients", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    tally = asyncio.run(kill_again_and_again(args.model, args.rounds, args.clients, args.seed))
    print(f"kills {tally.kills}, back each time: {tally.back == tally.kills}")
    print(f"engines at a time, at most: {tally.most_engines}")
    print(f"answers looked at again in peace: {len(tally.odd)}")
    print(f"requests {tally.asked}, never answered {tally.unanswered}, wrong {tally.wrong}")
    print("outcomes:", ", ".join(f"{name} {n}" for name, n in tally.outcomes.most_common()))
    print("good" if tally.good else "NOT GOOD")
    return 0 if tally.good else 1


if __name__ == "__main__":
    sys.exit(main())
