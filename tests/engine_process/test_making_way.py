"""Unasked work makes way for whoever waits, however many they are, and goes on behind them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from codellama_lsp.engine.bell import Bell, bell_of
from codellama_lsp.engine.decode import DecodeLoop, Job
from codellama_lsp.engine.protocol import EngineError, Finish, GenerateResult, Priority
from tests.engine_process.helpers import GatedBackend, connected, hosted, request

Outcome = GenerateResult | EngineError


class Slow(GatedBackend):
    """Takes its time to make way."""

    def __init__(self) -> None:
        super().__init__()
        self.leaving = threading.Event()

    def generate(self, request, emit, cancel):
        result = super().generate(request, emit, cancel)
        self.leaving.wait(10)
        return result


class Asked:
    """A decode loop, and what became of the requests to it."""

    def __init__(self, backend: GatedBackend, bell: Bell | None = None) -> None:
        self.backend = backend
        self.loop = DecodeLoop(backend, bell=bell)
        self.loop.start()
        self.outcomes: dict[str, Outcome] = {}
        self.done = threading.Semaphore(0)

    def ask(self, text: str, priority: Priority = Priority.VISIBLE) -> Job:
        return self.loop.submit(request(text, priority=priority), lambda *_: None, self._note(text))

    def _note(self, text: str) -> Callable[[Outcome], None]:
        def on_done(outcome: Outcome) -> None:
            self.outcomes[text] = outcome
            self.done.release()

        return on_done

    def began(self, count: int = 1) -> list[str]:
        """Wait until so many more have begun; all that did so far."""
        for _ in range(count):
            assert self.backend.started.acquire(timeout=10)
        return [seen.prefix.text for seen in self.backend.seen]

    def finish_of(self, text: str) -> Finish:
        outcome = self.outcomes[text]
        assert isinstance(outcome, GenerateResult)
        return outcome.candidates[0].finish


@pytest.fixture
def bell(tmp_path: Path) -> Bell:
    Bell.make(tmp_path / "bell")
    found = Bell.find(tmp_path / "bell")
    assert found is not None
    return found


def test_a_second_interruption_loses_nothing() -> None:
    backend = Slow()
    asked = Asked(backend)
    asked.ask("hold", Priority.WARM)
    asked.began()
    asked.ask("one")
    asked.ask("two")
    backend.leaving.set()
    assert asked.began(3) == ["hold", "one", "two", "hold"]
    assert asked.done.acquire(timeout=10) and asked.done.acquire(timeout=10)
    assert asked.loop.close()


def test_whoever_rings_is_waited_for(bell: Bell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("codellama_lsp.engine.decode._EXPECTED_S", 60.0)
    backend = GatedBackend()
    asked = Asked(backend, bell)
    asked.ask("hold", Priority.WARM)
    asked.began()
    bell.ring()
    asked.ask("warm", Priority.WARM)
    assert not backend.started.acquire(timeout=0.2)  # nobody awaits that
    asked.ask("one")
    # Nothing of the sixty seconds is left once who was announced has come.
    assert asked.began(2) == ["hold", "one", "hold"]
    assert set(asked.outcomes) == {"one"}
    assert asked.loop.close()
    assert asked.finish_of("hold") is Finish.CANCELLED


def test_work_goes_on_where_nobody_comes(bell: Bell) -> None:
    asked = Asked(GatedBackend(), bell)
    asked.ask("hold", Priority.WARM)
    for _ in range(3):
        asked.began()
        bell.ring()
    assert asked.began() == ["hold"] * 4
    assert not asked.outcomes
    assert asked.loop.close()


def test_no_bell_ends_what_somebody_awaits(bell: Bell) -> None:
    asked = Asked(GatedBackend(), bell)
    job = asked.ask("hold")
    asked.began()
    bell.ring()
    assert not asked.done.acquire(timeout=0.1)
    asked.loop.cancel(job)
    assert asked.done.acquire(timeout=10)
    assert asked.loop.close()


def test_what_made_way_can_be_given_up_meanwhile() -> None:
    asked = Asked(GatedBackend())
    warm = asked.ask("hold", Priority.WARM)
    asked.began()
    visible = asked.ask("hold on")
    asked.began()
    asked.loop.cancel(warm)
    assert asked.done.acquire(timeout=10)  # at once, not behind who is awaited
    assert asked.finish_of("hold") is Finish.CANCELLED
    asked.loop.cancel(visible)
    assert asked.done.acquire(timeout=10)
    assert asked.loop.close()
    assert [seen.prefix.text for seen in asked.backend.seen] == ["hold", "hold on"]


def test_what_made_way_is_told_of_the_end() -> None:
    asked = Asked(GatedBackend())
    asked.ask("hold", Priority.WARM)
    asked.began()
    asked.ask("hold on")
    asked.began()
    assert asked.loop.close()
    assert set(asked.outcomes) == {"hold", "hold on"}


def test_an_own_wish_that_made_way_gives_place_to_a_newer_one() -> None:
    backend = GatedBackend()
    asked = Asked(backend)
    backend.own_work = [request("hold older", priority=Priority.WARM)]
    asked.ask("one")
    asked.began(2)
    backend.own_work = [request("newer", priority=Priority.WARM)]
    asked.ask("two")
    assert asked.began(2) == ["one", "hold older", "two", "newer"]
    assert not backend.started.acquire(timeout=0.2)
    assert asked.loop.close()


async def test_a_client_rings(path: Path, backend: GatedBackend) -> None:
    bell = Bell.make(bell_of(path))
    async with hosted(backend, path, bell=bell), connected(path) as engine:
        warm = engine.generate(request("hold", priority=Priority.WARM))
        await backend.wait_started()
        engine.expect()
        await backend.wait_started()
        assert [seen.prefix.text for seen in backend.seen] == ["hold", "hold"]
        warm.stop()
        await warm.result()
