"""Counts, and logs that repeat nothing of the user's."""

from __future__ import annotations

import io
import logging

from codellama_lsp.completion.outcome import Outcome
from codellama_lsp.completion.types import (
    Completion,
    CompletionRequest,
    CompletionTimings,
    DocumentSnapshot,
)
from codellama_lsp.telemetry.counters import Counters
from codellama_lsp.telemetry.log import configure

SECRET = "kanarienvogel"


def test_counters() -> None:
    counters = Counters(clock=iter(range(1000)).__next__)
    for number, outcome in enumerate([Outcome.OFFERED, Outcome.EMPTY, Outcome.OFFERED]):
        request = CompletionRequest(DocumentSnapshot(f"file:///{number % 2}", "", 1, ""), 0)
        counters.began(request)
        counters.ended(request, Completion(outcome, ms=CompletionTimings(total=10.0 * number)))
    summary = counters.summary()
    assert (summary["requests"], summary["open"]) == (3, 0)
    assert summary["outcomes"] == {o.value: 0 for o in Outcome} | {"offered": 2, "empty": 1}
    assert summary["total_ms"] == {"p50": 20.0, "p90": 20.0, "p95": 20.0, "p99": 20.0}
    assert [ended.outcome for _, ended in counters.last("file:///0")] == ["offered", "offered"]
    assert [uri for uri, _ in counters.last()] == ["file:///0", "file:///1", "file:///0"]


def test_counters_are_bounded() -> None:
    counters = Counters()
    for number in range(300):
        request = CompletionRequest(DocumentSnapshot(f"file:///{number % 90}", "", 1, ""), 0)
        counters.ended(request, Completion(Outcome.EMPTY))
    assert len({uri for uri, _ in counters.last()}) == 50


def test_logs_repeat_nothing() -> None:
    root = logging.getLogger()
    before, stream = root.handlers[:], io.StringIO()
    try:
        configure("debug", stream)
        logging.getLogger("pygls.protocol.json_rpc").error("Failed: %s", SECRET)
        logging.getLogger("pygls.protocol.json_rpc").info("Sending data: %s", SECRET)
        logging.getLogger("asyncio").error(f"ready made {SECRET}")
        try:
            raise ValueError(SECRET)
        except ValueError:
            logging.getLogger("codellama_lsp.x").exception("it failed")
            logging.getLogger("else.where").exception("it failed")
        logging.getLogger("codellama_lsp.x").debug("ours: %s", "shown")
    finally:
        root.handlers[:] = before
        logging.getLogger("codellama_lsp").setLevel(logging.NOTSET)
        logging.getLogger("pygls").setLevel(logging.NOTSET)
    written = stream.getvalue()
    assert SECRET not in written
    assert written.count("\n") == 5
    for word in ("Failed: %s", "ValueError at test_telemetry.py", "ours: shown"):
        assert word in written
