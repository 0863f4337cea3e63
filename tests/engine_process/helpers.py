"""A backend that a test can hold, and a host around it on this process's own loop."""

import asyncio
import contextlib
import os
import threading
import time
import zlib
from pathlib import Path

from codellama_lsp.engine.client import SocketEngine
from codellama_lsp.engine.host import EngineHost
from codellama_lsp.engine.protocol import (
    PROTOCOL_VERSION,
    BadRequestError,
    Candidate,
    EngineInfo,
    Finish,
    GenerateRequest,
    GenerateResult,
    Layout,
    Priority,
    Progress,
    Segment,
    Timings,
    TokenCounts,
)

TOKEN = "a-token-for-tests-only"

INFO = EngineInfo(
    protocol=PROTOCOL_VERSION,
    model_name="gated",
    model_path="",
    context_tokens=100,
    can_infill=False,
    infill_reason="a test",
    chars_per_token=3,
    prefill_tokens_per_s=7.5,
    pid=1,
    details={"backend": "none"},
)


def segment(key, text):
    """Its version follows from its text, as the protocol wants it."""
    return Segment(key, zlib.crc32(text.encode("utf-8", "surrogatepass")), text)


def request(prefix="def f(", suffix="", priority=Priority.VISIBLE, **more):
    return GenerateRequest(
        document="a.py",
        prefix=segment("prefix", prefix),
        suffix=segment("suffix", suffix),
        priority=priority,
        **more,
    )


class Cost:
    """What each of its pieces costs."""

    def progress(self):
        return Progress(1, 0, 0, 2, 0.5, 0.25)

    def result(self):
        counts = TokenCounts(prompt=3, reused=2, fresh=1)
        return GenerateResult((), counts, Timings(prefill=1.5), Layout.PSM).at(self.progress())


class GatedBackend:
    """Answers a request with its own prefix; one whose prefix is "hold" waits to be cancelled."""

    def __init__(self):
        self.seen: list[GenerateRequest] = []
        self.started = threading.Semaphore(0)
        self.load_gate = threading.Event()
        self.load_gate.set()
        self.load_error: Exception | None = None
        self.closed = False
        self.loads = 0
        self.freed = threading.Semaphore(0)
        self.niceness: list[int] = []
        self.shares: list[float] = []
        self.own_work: list[GenerateRequest] = []
        self.rests = 0

    def load(self, report):
        self.loads += 1
        report(0.5)
        self.load_gate.wait()
        if self.load_error:
            raise self.load_error
        report(1.0)
        return INFO

    def generate(self, request, emit, cancel):
        self.seen.append(request)
        self.niceness.append(os.getpriority(os.PRIO_PROCESS, 0))
        self.shares.append(cancel.share)
        text = request.prefix.text
        if text == "bad":
            raise BadRequestError("too large", "Make it smaller.")
        if text == "secret":
            raise ValueError(text.upper())
        for piece in text.split(" "):
            emit(0, piece, Cost())
        self.started.release()
        while text.startswith("hold") and not cancel.is_set():
            threading.Event().wait(0.002)
        finish = Finish.CANCELLED if cancel.is_set() else Finish.EOT
        return GenerateResult(
            (Candidate(text, finish, (0.5,)),),
            TokenCounts(prompt=3, reused=2, fresh=1),
            Timings(prefill=1.5),
            Layout.PSM,
        )

    def unfinished(self):
        return self.own_work.pop() if self.own_work else None

    def rest(self):
        self.rests += 1
        return self.rests < 3

    def clear(self):
        self.seen.clear()

    def close(self):
        self.closed = True
        self.freed.release()

    async def wait_started(self):
        await asyncio.to_thread(self.started.acquire)


@contextlib.asynccontextmanager
async def hosted(backend, path: Path, **options):
    """The host's task; cancelled at the end if it is still there."""
    host = EngineHost(backend, TOKEN, **options)
    task = asyncio.create_task(host.serve(path))
    await asyncio.to_thread(_wait_for, lambda: path.exists() or task.done())
    try:
        yield task
    finally:
        host.stop()
        await task


@contextlib.asynccontextmanager
async def connected(path: Path, **options):
    engine = await SocketEngine.connect(path, TOKEN, **options)
    try:
        yield engine
    finally:
        await engine.close()


def _wait_for(condition):
    while not condition():
        time.sleep(0.005)
