"""Keeps an engine process there whenever somebody wants one.

Starts it on demand, tells how it fares, notices that it died or hangs, and starts it again, but
not for ever. Must not know sockets' contents, LSP or models.
"""

from __future__ import annotations

import asyncio
import enum
import logging
from collections import deque
from collections.abc import Callable

import attrs

from codellama_lsp.engine.client import SocketEngine
from codellama_lsp.engine.protocol import EngineGoneError, EngineInfo, EngineStartError
from codellama_lsp.engine.shared import OtherVersionError, SharedProcess, attach
from codellama_lsp.engine.spawn import EngineDiedError, EngineProcess, log_file, spawn
from codellama_lsp.engine.spec import EngineSpec
from codellama_lsp.engine.wishes import Wishes

log = logging.getLogger(__name__)


class EngineStage(enum.StrEnum):
    """Where an engine is in its life."""

    OFF = "off"
    STARTING = "starting"
    LOADING = "loading"
    READY = "ready"
    ERROR = "error"


@attrs.frozen
class EngineState:
    """What there is to say about the engine, for a status line."""

    stage: EngineStage
    model: str = ""
    percent: int | None = None
    """Share of the model that is loaded; only while LOADING."""
    message: str = ""
    """What is wrong, with ERROR; what cannot be done, with READY."""
    remedy: str = ""
    """What the user can do about it."""


@attrs.frozen
class RestartPolicy:
    """When to try again and when to give up."""

    backoff_s: tuple[float, ...] = (0.0, 0.5, 2.0)
    """Wait before the first, second, … restart; the last one stands for all that follow."""
    max_deaths: int = 4
    """This many deaths within `window_s` are too many. Kills from outside don't count; but after
    as many, the next engine waits until it is wanted."""
    max_killed_loading: int = 10
    """This many engines killed in a row before they had loaded are too many: memory is short."""
    window_s: float = 120.0
    heartbeat_s: float = 5.0
    hang_s: float = 20.0
    """An engine that stays silent, or ignores a cancel, for longer than this is killed."""


class EngineSupervisor:
    """Gives out an engine that works. Belongs to one event loop."""

    def __init__(
        self,
        spec: EngineSpec,
        on_state: Callable[[EngineState], None] = lambda state: None,
        policy: RestartPolicy | None = None,
    ) -> None:
        self.spec = spec
        self.state = EngineState(EngineStage.OFF, spec.name)
        self._on_state = on_state
        self._policy = policy or RestartPolicy()
        self._deaths: deque[float] = deque()
        self._kills: deque[float] = deque()
        self._killed_loading = 0
        self._last_death = ""
        self._failure: EngineStartError | None = None
        self._closed = False
        self._engine: SocketEngine | None = None
        self._info: EngineInfo | None = None
        self._process: EngineProcess | SharedProcess | None = None
        self._starting: asyncio.Task[SocketEngine] | None = None
        self._watching: asyncio.Task[None] | None = None

    async def engine(self) -> SocketEngine:
        """An engine that is connected, perhaps still loading; started if there is none.

        Ask for it anew for each request: after a death it is another one. Raises
        `EngineStartError`, at once while a start that failed has not been retried by `restart`.
        """
        while True:
            if self._closed:
                raise EngineStartError("the engine is shut down")
            if self._failure is not None:
                raise self._failure
            if self._engine is not None and self._engine.alive:
                return self._engine
            if self._watching is None or self._watching.done():
                break
            # The last one has just ended: let it be noted how, before another is started.
            await asyncio.wait([self._watching])
        starting = self._start_soon()
        await asyncio.wait([starting])
        if starting.cancelled():
            raise EngineGoneError("the engine was stopped while it started")
        return starting.result()

    async def restart(self) -> SocketEngine:
        """End the engine if there is one, forget past failures, and start one.

        A shared engine ends for all its clients, who get the new one.
        """
        await self._stop(end_shared=True)
        self._failure = None
        self._deaths.clear()
        self._kills.clear()
        self._killed_loading = 0
        return await self.engine()

    async def close(self, *, end_shared: bool = False) -> None:
        """Leave the engine for good; it ends unless others may use it, or with `end_shared`."""
        self._closed = True
        await self._stop(end_shared=end_shared)
        self._tell(EngineStage.OFF)

    def wish(self, wishes: Wishes) -> None:
        """Wish something else of the engine from now on."""
        if wishes != self.spec.wishes:
            self.spec = attrs.evolve(self.spec, wishes=wishes)
            if self._engine is not None:
                self._engine.wish(wishes)

    def kill_own(self) -> None:
        """End the engine now, if nobody else can be using it."""
        if self._process is not None and not self._process.shared:
            self._process.kill()

    @property
    def pid(self) -> int | None:
        """Process id of the engine, while there is one."""
        return None if self._process is None else self._process.pid

    def _start_soon(self) -> asyncio.Task[SocketEngine]:
        if self._starting is None:
            self._starting = asyncio.create_task(self._start())
            # Whoever waits sees the error; after a death perhaps nobody does.
            self._starting.add_done_callback(lambda task: task.cancelled() or task.exception())
        return self._starting

    async def _start(self) -> SocketEngine:
        try:
            while True:
                await asyncio.sleep(self._backoff_s())
                try:
                    return await self._start_once()
                except EngineDiedError as error:
                    self._note_end(error.message, killed=error.killed, loaded=False)
        except EngineStartError as error:
            self._fail(error)
            raise
        finally:
            self._starting = None

    async def _start_once(self) -> SocketEngine:
        self._tell(EngineStage.STARTING)
        process, engine = await self._shared() or await self._own()
        self._process, self._engine = process, engine
        engine.on_loaded = lambda: self._tell_ready(engine)
        self._watching = asyncio.create_task(self._watch(process, engine))
        return engine

    async def _shared(self) -> tuple[SharedProcess, SocketEngine] | None:
        """The engine that others have, too; None where ours has to be another one."""
        if not self.spec.shared:
            return None
        try:
            return await attach(self.spec, self._on_loading)
        except OtherVersionError:
            log.warning("the engine that is there is of another version")
            return None

    async def _own(self) -> tuple[EngineProcess, SocketEngine]:
        process = await spawn(self.spec)
        self._process = process
        try:
            return process, await process.connect(self._on_loading)
        except BaseException:
            self._process = None
            process.kill()
            await process.end(patience_s=1.0)
            raise

    async def _watch(self, process: EngineProcess | SharedProcess, engine: SocketEngine) -> None:
        """Until the engine has gone; then start the next one."""
        info = asyncio.create_task(self._await_info(engine))
        beat = asyncio.create_task(self._beat(process, engine))
        try:
            await engine.wait_gone()
            hung = beat.done() and beat.result()
        finally:
            info.cancel()
            beat.cancel()
        if self._engine is engine:
            self._engine = None
        await process.end(patience_s=1.0)
        self._process = None
        if self._failure is not None:
            return
        how = "it hung" if hung else process.how_it_ended()
        log.warning("the engine ended: %s", how)
        if self._note_end(how, killed=process.was_killed() and not hung, loaded=engine.loaded):
            self._start_soon()
        else:
            self._tell(EngineStage.OFF)

    async def _await_info(self, engine: SocketEngine) -> None:
        try:
            info = await engine.info()
        except EngineGoneError:
            return
        except EngineStartError as error:
            # Loading it again would fail again; the process has no reason to stay.
            self._fail(error)
            await engine.close()
            return
        self._info = info
        self._tell_ready(engine)

    def _tell_ready(self, engine: SocketEngine) -> None:
        """The model is loaded, for the first time or again."""
        info = self._info
        if info is None or self._engine is not engine:
            return
        limit = f"{info.infill_reason}: only what stands before the cursor is used"
        remedy = "For infilling, use Code Llama 7B or 13B, base or Instruct."
        self._tell(
            EngineStage.READY,
            model=info.model_name,
            message="" if info.can_infill else limit,
            remedy="" if info.can_infill else remedy,
        )

    async def _beat(self, process: EngineProcess | SharedProcess, engine: SocketEngine) -> bool:
        """Kill an engine that no longer answers or doesn't let go of a cancelled job.

        True when that had to be done.
        """
        while True:
            await asyncio.sleep(self._policy.heartbeat_s)
            try:
                async with asyncio.timeout(self._policy.hang_s):
                    overdue_s = await engine.ping()
            except TimeoutError:
                overdue_s = float("inf")
            except EngineGoneError:
                return False
            if overdue_s > self._policy.hang_s:
                process.kill()
                return True

    async def _stop(self, *, end_shared: bool) -> None:
        tasks = [task for task in (self._starting, self._watching) if task is not None]
        self._starting = self._watching = None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        engine, self._engine = self._engine, None
        process, self._process = self._process, None
        if engine is not None:
            await engine.close()
        if process is None:
            return
        if end_shared:
            process.terminate()
        if end_shared or not process.shared:
            await process.end(patience_s=3.0)

    def _backoff_s(self) -> float:
        """How long to wait before the next start; raises when there were too many deaths."""
        deaths = self._recent(self._deaths)
        often = ""
        if deaths >= self._policy.max_deaths:
            often = f"ended {deaths} times within {self._policy.window_s:.0f} s"
        elif self._killed_loading >= self._policy.max_killed_loading:
            often = f"was killed {self._killed_loading} times while it loaded"
        if often:
            raise EngineStartError(
                f"the engine {often}, last: {self._last_death}",
                "Run `codellama-lsp doctor` to see why, then restart the engine (command "
                f"codellama.restartEngine). Its log is {log_file()}.",
            )
        waits = self._policy.backoff_s
        return waits[min(deaths, len(waits)) - 1] if deaths else 0.0

    def _note_end(self, how: str, *, killed: bool, loaded: bool) -> bool:
        """An engine ended; whether the next one should start at once, unasked."""
        self._last_death = how
        ends = self._kills if killed else self._deaths
        ends.append(asyncio.get_running_loop().time())
        if loaded:
            self._killed_loading = 0
        elif killed:
            self._killed_loading += 1
        # Many kills may be the kernel's, short of memory: go on, but only when somebody asks.
        return not killed or self._recent(ends) < self._policy.max_deaths

    def _recent(self, ends: deque[float]) -> int:
        now = asyncio.get_running_loop().time()
        while ends and now - ends[0] > self._policy.window_s:
            ends.popleft()
        return len(ends)

    def _fail(self, error: EngineStartError) -> None:
        self._failure = error
        self._tell(EngineStage.ERROR, message=error.message, remedy=error.remedy)

    def _on_loading(self, share: float) -> None:
        if self.state.stage is not EngineStage.ERROR:
            self._tell(EngineStage.LOADING, percent=int(100 * min(1.0, max(0.0, share))))

    def _tell(
        self,
        stage: EngineStage,
        *,
        model: str = "",
        percent: int | None = None,
        message: str = "",
        remedy: str = "",
    ) -> None:
        state = EngineState(stage, model or self.spec.name, percent, message, remedy)
        if state == self.state:
            return
        self.state = state
        try:
            self._on_state(state)
        except Exception as error:
            log.error("a listener failed (%s)", type(error).__name__)
