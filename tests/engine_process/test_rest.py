"""What can wait is done in pauses, a step at a time, and never before what somebody wants."""

from __future__ import annotations

import threading

from codellama_lsp.engine.decode import DecodeLoop
from codellama_lsp.engine.protocol import EngineError, GenerateRequest, GenerateResult, Segment
from tests.engine_process.helpers import GatedBackend


class Resting(GatedBackend):
    """Has three steps to do, and says when the last one was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.rested = threading.Event()
        self.seen_at_rest: list[int] = []

    def rest(self) -> bool:
        self.seen_at_rest.append(len(self.seen))
        more = super().rest()
        if not more:
            self.rested.set()
        return more


def ask(loop: DecodeLoop, text: str) -> None:
    done = threading.Event()

    def on_done(outcome: GenerateResult | EngineError) -> None:
        assert isinstance(outcome, GenerateResult)
        done.set()

    request = GenerateRequest("d", Segment("p", 1, text), Segment("s", 1, ""))
    loop.submit(request, lambda *_: None, on_done)
    assert done.wait(10)


def test_steps_follow_each_other_until_there_is_no_more() -> None:
    backend = Resting()
    loop = DecodeLoop(backend, rest_after_s=0.01)
    loop.start()
    ask(loop, "one")
    assert backend.rested.wait(10)
    assert backend.rests == 3
    assert loop.close()
    assert backend.seen_at_rest == [1, 1, 1]


def test_nothing_is_done_before_anything_was_wanted() -> None:
    backend = Resting()
    loop = DecodeLoop(backend, rest_after_s=0.01)
    loop.start()
    assert not backend.rested.wait(0.2)
    assert loop.close()
    assert not backend.rests


def test_a_request_begins_a_new_pause() -> None:
    backend = Resting()
    loop = DecodeLoop(backend, rest_after_s=0.01)
    loop.start()
    for text in ("one", "two"):
        backend.rests = 0
        backend.rested.clear()
        ask(loop, text)
        assert backend.rested.wait(10)
    assert loop.close()
    assert backend.seen_at_rest[-3:] == [2, 2, 2]
