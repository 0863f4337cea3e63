"""One generation at work: read, judged and shaped as it comes, for whoever wants its outcome.

It outlives the request that began it by a moment, so that a user who types along it is served by
what is being generated already. Must not know documents' histories or LSP.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Sequence

import attrs

from codellama_lsp.completion.heads import heard
from codellama_lsp.completion.known import Origin
from codellama_lsp.completion.outcome import Outcome
from codellama_lsp.completion.plan import Plan
from codellama_lsp.completion.shape import shaped
from codellama_lsp.completion.spot import Spot
from codellama_lsp.completion.stop import Cut, StopRule, Watch, first_cut, stop_rules
from codellama_lsp.completion.types import (
    Completion,
    CompletionRequest,
    CompletionTimings,
    Suggestion,
)
from codellama_lsp.context.windows import normalised
from codellama_lsp.engine.backend import Engine, Generation
from codellama_lsp.engine.protocol import (
    Candidate,
    EngineGoneError,
    Finish,
    GenerateRequest,
    GenerateResult,
    Timings,
    TokenCounts,
)

#: How long a generation goes on when nobody waits for it any more. An editor gives up a request
#: and sends the next one in the same breath.
_LINGER_S = 0.15
#: What is made meanwhile begins so much later. The system tends to wake the engine on the core of
#: whoever has sent it something, and where that one goes on, it waits for its turn.
_HEAD_START_S = 0.001
#: Engines that may die under a request until it fails. A prompt that crashes them is tried alone by
#: the third and refused, with a reason, by the fourth; kills from outside may go on for longer.
_TRIES = 6


class Stream:
    """A generation and what comes of it."""

    def __init__(
        self,
        engine: Engine,
        wanted: GenerateRequest,
        request: CompletionRequest,
        plan: Callable[[], Plan],
        spot: Spot,
        model: str = "",
        on_completion: Callable[[Completion], None] = lambda completion: None,
        replacement: Callable[[], Awaitable[Engine]] | None = None,
    ) -> None:
        """`plan` is made once the engine is at work; it may take as long as a small model's token.

        `replacement`: another engine for when this one dies; without, its death is the end.
        """
        # At once, not when the task begins, which is at the event loop's next turn.
        self._generation = engine.generate(wanted)
        self._begun = False
        self.origin = Origin.of(request)
        self.request = request
        self.text = ""
        """What was generated so far, its head left out."""
        self._engine = engine
        self._wanted = wanted
        self._make_plan = plan
        self._spot = spot
        self._model = model
        self._on_completion = on_completion
        self._replacement = replacement
        self._waiting = 0
        self._linger: asyncio.TimerHandle | None = None
        self._changed = asyncio.Event()
        self._over = asyncio.Event()
        self._completion: Completion | None = None
        self._began_s: float | None = None
        self._task = asyncio.create_task(self._run())
        self._task.add_done_callback(self._on_done)

    @property
    def done(self) -> bool:
        """Whether nothing more will come."""
        return self._task.done()

    async def completion(self) -> Completion:
        """The completion of the request it was begun for. Raises `EngineError`."""
        self._waiting += 1
        if self._linger is not None:
            self._linger.cancel()
            self._linger = None
        try:
            # Not for the task, which a waiter that is cancelled would take along.
            await self._over.wait()
            return self._completion or self._task.result()
        finally:
            self._waiting -= 1
            if not self._waiting and not self.done:
                self._leave()

    async def follow(self, request: CompletionRequest) -> bool:
        """Wait for the end as long as it may still answer `request`; whether it may."""
        self._waiting += 1
        if self._linger is not None:
            self._linger.cancel()
            self._linger = None
        try:
            while self.agrees_with(request):
                if self.done:
                    return True
                self._changed.clear()
                await self._changed.wait()
            return False
        finally:
            self._waiting -= 1
            if not self._waiting and not self.done:
                self._leave()

    def agrees_with(self, request: CompletionRequest) -> bool:
        """Whether `request` asks at its place, with some of its text typed meanwhile.

        What has no text yet agrees with nothing: it could not be known to.
        """
        if not self.text or self.origin.uri != request.document.uri:
            return False
        if self.origin.added_after(request, 0) is None:
            return False
        for typed in self.origin.typed_since(request):
            plain = normalised(typed)
            if self.text.startswith(plain) or plain.startswith(self.text):
                return True
        return False

    def stop(self) -> None:
        """End it now; what it prefilled stays useful."""
        self._task.cancel()

    def _leave(self) -> None:
        if not self.text:
            self.stop()
        else:
            self._linger = asyncio.get_running_loop().call_later(_LINGER_S, self.stop)

    def _on_done(self, task: asyncio.Task[Completion]) -> None:
        if self._linger is not None:
            self._linger.cancel()
        if not self._begun:
            self._generation.stop()
        if not task.cancelled():
            task.exception()  # Nobody has to ask for it.
        self._over.set()
        self._changed.set()

    @functools.cached_property
    def _plan(self) -> Plan:
        return self._make_plan()

    async def _run(self) -> Completion:
        self._begun = True
        self._completion = await self._generated()
        self._over.set()  # whoever waits need not wait for the task's own end
        return self._completion

    async def _generated(self) -> Completion:
        wanted = self._wanted
        for left in reversed(range(_TRIES)):
            try:
                return await self._read(self._generation, wanted)
            except EngineGoneError:
                if self._replacement is None or not left:
                    raise
            # What was streamed is lost with the engine: the next one says all of it again.
            self.text = ""
            try:
                async with asyncio.timeout(self._left_s()):
                    self._engine = await self._replacement()
            except TimeoutError:
                break
            left_s = self._left_s()
            if left_s is not None:
                wanted = attrs.evolve(wanted, time_budget_ms=max(left_s * 1000, 1.0))
            self._generation = self._engine.generate(wanted)
        return Completion(Outcome.TIMED_OUT, detail="the engine ended meanwhile")

    def _left_s(self) -> float | None:
        """What is left of the time budget, which the first piece of text has opened."""
        budget_ms = self._wanted.time_budget_ms
        if budget_ms is None or self._began_s is None:
            return None
        return budget_ms / 1000 - (asyncio.get_running_loop().time() - self._began_s)

    async def _read(self, generation: Generation, wanted: GenerateRequest) -> Completion:
        several = wanted.candidates > 1
        raw, cut = "", None
        loop = asyncio.get_running_loop()
        try:
            await asyncio.sleep(_HEAD_START_S)
            rules = stop_rules(self._plan, self._spot)
            watch = Watch(rules)
            async for piece in generation:
                self._began_s = self._began_s or loop.time()
                raw += piece
                self.text = heard(raw, self._spot, ended=False)
                self._changed.set()
                cut = None if several else watch.cut(self.text)
                if cut:
                    # The answer first: two turns of the loop give it to whoever waits.
                    loop.call_soon(loop.call_soon, generation.stop)
                    break
            # Whoever has read enough doesn't wait until the engine has noticed.
            result = await (generation.so_far() if cut else generation.result())
        except EngineGoneError:
            if not cut:
                raise
            # Only what it cost is missing.
            result = GenerateResult((), TokenCounts(), Timings(), wanted.layout)
        except BaseException:
            generation.stop()
            raise
        candidates = result.candidates or (Candidate("", Finish.EOT),)
        if cut:
            drafts = [self._shaped(self.text, cut, Finish.STOP)]
        else:
            drafts = [self._judged(rules, candidate) for candidate in candidates]
        completion = attrs.evolve(
            _together(drafts),
            tokens=result.tokens,
            ms=CompletionTimings(
                prefill=result.ms.prefill, decode=result.ms.decode, queued=result.ms.queued
            ),
            layout=result.layout,
            plan=self._plan.kind.value,
            model=self._model,
        )
        self._on_completion(completion)
        return completion

    def _judged(self, rules: Sequence[StopRule], candidate: Candidate) -> Completion:
        text = heard(candidate.text, self._spot, ended=True)
        # Nothing more comes: its last line is whole.
        return self._shaped(text, first_cut(rules, text + "\n"), candidate.finish)

    def _shaped(self, text: str, cut: Cut | None, finish: Finish) -> Completion:
        """The suggestion that comes of a generated `text`, or why there is none."""
        found = shaped(text, cut, finish, self._plan, self._spot)
        if found.outcome is not Outcome.OFFERED:
            return Completion(found.outcome, detail=found.detail)
        shown = found.draft.text.replace("\n", line_ending(self.request.document.text))
        start = self.request.offset
        return Completion(
            Outcome.OFFERED, items=(Suggestion(shown, start, start + found.draft.replaced_chars),)
        )


def _together(completions: Sequence[Completion]) -> Completion:
    """One completion with the different items of all."""
    items: dict[tuple[str, int], Suggestion] = {}
    for completion in completions:
        for item in completion.items:
            items.setdefault((item.text, item.end), item)
    if not items:
        return completions[0]
    return Completion(Outcome.OFFERED, items=tuple(items.values()))


def line_ending(text: str) -> str:
    """The line ending that `text` uses first; ``\\n`` where it has none."""
    newline = text.find("\n")
    if newline < 0:
        return "\r" if "\r" in text else "\n"
    return "\r\n" if text[newline - 1 : newline] == "\r" else "\n"
