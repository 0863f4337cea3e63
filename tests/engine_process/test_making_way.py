"""Unasked work makes way for whoever waits, however many they are, and goes on behind them."""

from __future__ import annotations

import threading

from codellama_lsp.engine.decode import DecodeLoop
from codellama_lsp.engine.protocol import Priority
from tests.engine_process.helpers import GatedBackend, request


class Slow(GatedBackend):
    """Takes its time to make way."""

    def __init__(self) -> None:
        super().__init__()
        self.leaving = threading.Event()

    def generate(self, request, emit, cancel):
        result = super().generate(request, emit, cancel)
        self.leaving.wait(10)
        return result


def test_a_second_interruption_loses_nothing() -> None:
    backend, done = Slow(), threading.Semaphore(0)
    loop = DecodeLoop(backend)
    loop.start()

    def ask(text: str, priority: Priority = Priority.VISIBLE) -> None:
        loop.submit(request(text, priority=priority), lambda *_: None, lambda _: done.release())

    ask("hold", Priority.WARM)
    assert backend.started.acquire(timeout=10)
    ask("one")
    ask("two")
    backend.leaving.set()
    for _ in range(3):
        assert backend.started.acquire(timeout=10)
    assert [r.prefix.text for r in backend.seen] == ["hold", "one", "two", "hold"]
    assert done.acquire(timeout=10) and done.acquire(timeout=10)
    assert loop.close()
