"""The decode thread: runs a backend's calls one at a time, the most wanted first.

Callbacks are called from the decode thread or from the caller of `cancel` and `close`; whoever
lives on an event loop hands them over itself. Must not know sockets or asyncio.
"""

from __future__ import annotations

import logging
import math
import threading
import time
import traceback
from collections.abc import Callable

import attrs

from codellama_lsp.engine.backend import Backend, CancelFlag, Report, SoFar
from codellama_lsp.engine.bell import Bell
from codellama_lsp.engine.placing import Place
from codellama_lsp.engine.protocol import (
    Candidate,
    EngineError,
    EngineGoneError,
    EngineInfo,
    EngineStartError,
    Finish,
    GenerateRequest,
    GenerateResult,
    Priority,
    Segment,
    Timings,
    TokenCounts,
)
from codellama_lsp.engine.quiet import Quiet
from codellama_lsp.engine.wishes import Background

log = logging.getLogger(__name__)

#: When nobody has wanted anything for so long, and between steps from then on.
REST_AFTER_S = 3.0

#: A request that was announced comes within this time, or not at all.
_EXPECTED_S = 0.02

#: Somebody waits for these, so they interrupt the others.
_AWAITED = (Priority.VISIBLE, Priority.ASSIST)


@attrs.define(eq=False)
class Job:
    """A request on its way through the decode thread."""

    request: GenerateRequest
    number: int
    on_piece: Callable[[str, SoFar], None]
    """Gets the pieces of candidate 0."""
    on_done: Callable[[GenerateResult | EngineError], None]
    """Called exactly once."""
    client: int = 0
    """Whose it is; 0: the engine's own."""
    background: Background = Background.FULL
    """How much unasked work its client allows."""
    submitted_s: float = attrs.field(factory=time.monotonic)
    queued_s: float = 0.0
    """Before it began, the last time."""
    flag: CancelFlag = attrs.field(factory=CancelFlag)
    cancelled_s: float | None = None
    preempted: bool = False
    """Interrupted by one that is awaited, not given up: it resumes."""
    sent_chars: int = 0
    """Of candidate 0's text, before it was preempted; not to be sent again."""

    def interrupt(self) -> None:
        """Ask the backend to end this job."""
        if self.cancelled_s is None:
            self.cancelled_s = time.monotonic()
        self.flag.set()


class DecodeLoop:
    """Owns a backend and the one thread that calls it.

    Work that nobody waits for runs in a second thread of lower priority, while the first waits.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        on_loading: Report = lambda share: None,
        on_loaded: Callable[[EngineInfo | EngineStartError], None] = lambda outcome: None,
        quiet: Quiet | None = None,
        bell: Bell | None = None,
        rest_after_s: float = REST_AFTER_S,
    ) -> None:
        self._backend = backend
        self._on_loading = on_loading
        self._on_loaded = on_loaded
        self._lock = threading.Condition()
        self._queue: list[Job] = []
        self._running: Job | None = None
        self._refusal: EngineError | None = None
        self._count = 0
        self._own = 0
        self._turns = 0
        self._last_turn: dict[int, int] = {}
        self._quiet = quiet or Quiet(lambda: Background.FULL)
        self._idle_free_s = 0.0
        self._rest_after_s = rest_after_s
        self._idle_since_s = time.monotonic()
        self._rest_at_s = math.inf
        self._loaded = False
        self._place = Place()
        self._bell = None if bell is None else bell.flag()
        self._expected_until_s = 0.0
        """A request was announced; what nobody awaits begins no sooner."""
        self._left: list[tuple[Job, GenerateResult | EngineError]] = []
        """What made way and is still to be settled."""
        self._thread = threading.Thread(target=self._run, name="decode", daemon=True)

    def start(self) -> None:
        """Load the model and begin; requests may be submitted before that."""
        self._thread.start()

    def free_after(self, idle_s: float) -> None:
        """Free the model after so long without a job; 0: never. The next job loads it again."""
        with self._lock:
            self._idle_free_s = idle_s
            self._lock.notify()

    def submit(
        self,
        request: GenerateRequest,
        on_piece: Callable[[str, SoFar], None],
        on_done: Callable[[GenerateResult | EngineError], None],
        *,
        client: int = 0,
        background: Background = Background.FULL,
        core: int | None = None,
    ) -> Job:
        """Queue a request by priority; one that is awaited interrupts one that is not.

        `core`: where whoever awaits it runs; None: here.
        """
        with self._lock:
            self._count += 1
            job = Job(request, self._count, on_piece, on_done, client, background)
            refusal = self._refusal
            if refusal is None:
                self._queue.append(job)
                running = self._running
                # What nobody awaits runs in a thread of its own, for which this one waits.
                sleeps = running is None or running.request.priority not in _AWAITED
                if sleeps and request.priority in _AWAITED:
                    if running is not None:
                        running.preempted |= running.cancelled_s is None
                        running.interrupt()
                    if self._thread.native_id is not None:
                        self._place.avoid(self._thread.native_id, core)
                self._lock.notify()
        if refusal is not None:
            on_done(refusal)
        return job

    def cancel(self, job: Job) -> None:
        """End a job, wherever it is; a job that has ended already stays as it is."""
        with self._lock:
            job.interrupt()
            job.preempted = False
            queued = job in self._queue
            if queued:
                self._queue.remove(job)
            left = next((entry for entry in self._left if entry[0] is job), None)
            if left is not None:
                self._left.remove(left)
        if queued:
            job.on_done(_cancelled_in_queue(job))
        elif left is not None:
            _tell(*left)

    def overdue_s(self) -> float:
        """For how long the running job has ignored its cancel flag; 0 when all is well."""
        with self._lock:
            if self._running is None or self._running.cancelled_s is None:
                return 0.0
            return time.monotonic() - self._running.cancelled_s

    def close(self, timeout_s: float = 2.0) -> bool:
        """End everything and free the model; False when the thread did not end in time."""
        with self._lock:
            waiting, self._queue = self._queue, []
            self._refusal = self._refusal or EngineGoneError("the engine is closed")
            if self._running is not None:
                self._running.interrupt()
            self._lock.notify()
        for job in waiting:
            job.on_done(EngineGoneError("the engine is closed"))
        if self._thread.ident is None:
            return True
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        self._load()
        while (job := self._next()) is not None:
            if job is _IDLE:
                self._backend.close()
                self._loaded = False
                continue
            if job is _REST:
                self._rest()
                continue
            outcome = self._answer(job) if self._loaded else self._reload(job)
            if self._ended(job, outcome):
                self._settle(job, outcome)
            if self._left and not self._is_awaited():
                self._settle_left()
        self._settle_left()
        self._quiet.close()
        self._backend.close()

    def _rest(self) -> None:
        more = False
        try:
            if self._quiet.allows(CancelFlag(), Background.FULL):
                more = self._backend.rest()
        except Exception as error:
            _log_safely(error)
        self._rest_at_s = time.monotonic() + self._rest_after_s if more else math.inf

    def _load(self) -> None:
        try:
            info = self._backend.load(self._on_loading)
        except Exception as error:
            self._refuse(_as_start_error(error))
        else:
            self._loaded = True
            self._on_loaded(info)

    def _reload(self, job: Job) -> GenerateResult | EngineError:
        """Load the model that was freed, for `job`; a failure is this job's, the next one tries."""
        try:
            info = self._backend.load(self._on_loading)
        except Exception as error:
            return EngineError(*_as_start_error(error).args)
        self._loaded = True
        self._on_loaded(info)
        return self._answer(job)

    def _ended(self, job: Job, outcome: GenerateResult | EngineError) -> bool:
        """Note that `job` ended; whether it is to be settled now, before whatever comes next.

        What made way is settled behind whoever it made way for.
        """
        with self._lock:
            self._running = None
            now_s = time.monotonic()
            self._idle_since_s = now_s
            self._rest_at_s = now_s + self._rest_after_s
            if _heard_the_bell(job):
                self._expected_until_s = now_s + _EXPECTED_S
            elif not job.preempted:
                return True
            self._left.append((job, outcome))
            return False

    def _is_awaited(self) -> bool:
        """Whether somebody waits; who was announced is given the time to come."""
        with self._lock:
            while not any(job.request.priority in _AWAITED for job in self._queue):
                left_s = self._expected_until_s - time.monotonic()
                if left_s <= 0 or self._refusal is not None:
                    return False
                self._lock.wait(left_s)
            return True

    def _settle_left(self) -> None:
        while True:
            with self._lock:
                if not self._left:
                    return
                job, outcome = self._left.pop(0)
            self._settle(job, outcome)

    def _settle(self, job: Job, outcome: GenerateResult | EngineError) -> None:
        """Let `job` resume or tell that it is over; then see to what should follow it."""
        if not self._resumes(job, outcome):
            _tell(job, outcome)
        if self._loaded:
            self._housekeep(job)

    def _resumes(self, job: Job, outcome: GenerateResult | EngineError) -> bool:
        """Put `job` back where it only made way for another."""
        with self._lock:
            made_way = job.preempted or _heard_the_bell(job)
            if not made_way or self._refusal is not None:
                return False
            if not isinstance(outcome, GenerateResult) or not any(
                candidate.finish is Finish.CANCELLED for candidate in outcome.candidates
            ):
                return False  # it was over when the interruption came
            if job.number < 0 and any(self._replaces(other, job) for other in self._queue):
                return False
            job.preempted, job.cancelled_s, job.flag = False, None, CancelFlag()
            self._queue.append(job)
            return True

    @staticmethod
    def _replaces(newer: Job, older: Job) -> bool:
        """Whether both are the backend's own wishes for one document."""
        return newer.number < older.number and newer.request.document == older.request.document

    def _housekeep(self, after: Job) -> None:
        """Queue what the backend wants to do for itself; whatever is awaited goes before it."""
        request = self._backend.unfinished()
        if request is None:
            return
        with self._lock:
            for job in [job for job in self._queue if job.number < 0]:
                if job.request.document == request.document:
                    self._queue.remove(job)  # an older one of its kind
            self._own += 1
            own = Job(request, -self._own, _ignore, _ignore, background=after.background)
            self._queue.append(own)

    def _refuse(self, error: EngineStartError) -> None:
        with self._lock:
            waiting, self._queue = self._queue, []
            self._refusal = error
        self._on_loaded(error)
        for job in waiting:
            job.on_done(error)

    def _next(self) -> Job | None:
        """The next job; `_REST` or `_IDLE` when there was none for a while; None at the end."""
        with self._lock:
            while not self._queue:
                if self._refusal is not None:
                    return None
                what, at_s = self._when_idle()
                left_s = None if what is None else max(at_s - time.monotonic(), 0.0)
                if not self._lock.wait(left_s) and not self._queue and self._refusal is None:
                    return what
            job = min(self._queue, key=self._order)
            self._queue.remove(job)
            self._turns += 1
            self._last_turn[job.client] = self._turns
            self._running = job
            if job.request.priority in _AWAITED:
                self._expected_until_s = 0.0
            self._place.free()
            return job

    def _when_idle(self) -> tuple[Job | None, float]:
        """What to do if nothing comes until then; None: nothing."""
        if not self._loaded:
            return None, 0.0
        free_s = self._idle_since_s + self._idle_free_s if self._idle_free_s else math.inf
        if self._rest_at_s < free_s:
            return _REST, self._rest_at_s
        return (_IDLE, free_s) if self._idle_free_s else (None, 0.0)

    def _order(self, job: Job) -> tuple[int, int, int]:
        """Among equally wanted jobs, whose client has waited longest for a turn."""
        return job.request.priority, self._last_turn.get(job.client, 0), job.number

    def _answer(self, job: Job) -> GenerateResult | EngineError:
        job.queued_s = time.monotonic() - job.submitted_s
        known_chars, job.sent_chars = job.sent_chars, 0

        def emit(candidate: int, piece: str, so_far: SoFar) -> None:
            nonlocal known_chars
            if candidate != 0:
                return
            job.sent_chars += len(piece)
            skipped = min(known_chars, len(piece))
            known_chars -= skipped
            if piece[skipped:]:
                job.on_piece(piece[skipped:], so_far)

        unasked = job.request.priority not in _AWAITED
        if unasked and not self._quiet.allows(job.flag, job.background):
            return _cancelled_in_queue(job)
        if unasked and self._bell is not None:
            with self._lock:
                job.flag.listen(self._bell)
        try:
            if unasked:
                result = self._quiet.run(
                    lambda: self._backend.generate(job.request, emit, job.flag)
                )
            else:
                result = self._backend.generate(job.request, emit, job.flag)
        except EngineError as error:
            return error
        except Exception as error:
            return EngineError(f"the model failed ({_log_safely(error)})")
        return result


def _tell(job: Job, outcome: GenerateResult | EngineError) -> None:
    """Say how `job` ended, and how long it was queued."""
    if isinstance(outcome, GenerateResult):
        ms = attrs.evolve(outcome.ms, queued=job.queued_s * 1000)
        outcome = attrs.evolve(outcome, ms=ms)
    job.on_done(outcome)


def _heard_the_bell(job: Job) -> bool:
    """Whether it made way for a request that was only announced."""
    return job.cancelled_s is None and job.flag.is_set()


def _ignore(*_: object) -> None:
    """For jobs that nobody waits for."""


_NOTHING = Segment("", 0, "")
_IDLE = Job(GenerateRequest("", _NOTHING, _NOTHING), 0, _ignore, _ignore)
"""What `DecodeLoop._next` answers when there was nothing to do for long."""
_REST = attrs.evolve(_IDLE)
"""The same for a while."""


def _as_start_error(error: Exception) -> EngineStartError:
    if isinstance(error, EngineStartError):
        return error
    return EngineStartError(
        f"the model could not be loaded ({_log_safely(error)})", "Run `codellama-lsp doctor`."
    )


def _log_safely(error: Exception) -> str:
    """Log where `error` came from, not its text (it may quote the user's code); its type's name."""
    where = "".join(traceback.format_tb(error.__traceback__))
    log.error("%s in the decode thread\n%s", type(error).__name__, where)
    return type(error).__name__


def _cancelled_in_queue(job: Job) -> GenerateResult:
    request = job.request
    empty = Candidate("", Finish.CANCELLED)
    return GenerateResult(
        candidates=(empty,) * max(1, request.candidates),
        tokens=TokenCounts(),
        ms=Timings(queued=(time.monotonic() - job.submitted_s) * 1000),
        layout=request.layout,
    )
