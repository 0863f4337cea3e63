"""A fake model that plays answers from a JSON file, so that everything around it can be tested.

It counts tokens plausibly (words, runs of blanks, single signs) and reuses the longest common
prefix of the last prompt, as a real KV cache would. Must not know sockets or LSP.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable
from pathlib import Path

import attrs

from codellama_lsp.engine.backend import CancelFlag, Emit, Report
from codellama_lsp.engine.protocol import (
    PROTOCOL_VERSION,
    Candidate,
    EngineInfo,
    EngineStartError,
    Finish,
    GenerateRequest,
    GenerateResult,
    Layout,
    Priority,
    Progress,
    Segment,
    Timings,
    TokenCounts,
    measured_segments,
    measurement,
)

_TOKEN = re.compile(r"\w{1,8}|[^\S\n]+|\n|[^\w\s]")
_CANCEL_POLL_S = 0.002
_LOAD_STEPS = 10
_TIMES = ("delay_ms", "pace_ms", "load_ms")


@attrs.frozen
class Item:
    """One answer: text that follows the cursor."""

    text: str
    probabilities: tuple[float, ...] = ()
    """One per token; tokens beyond the end of it count as certain."""
    delay_ms: float = 0.0
    """Waited before the first piece; cancellable."""
    pace_ms: float = 0.0
    """Waited before each further piece; cancellable."""
    load_ms: float = 0.0
    """How long the model takes to load: the longest of the script."""
    crash: str = ""
    """End the process with SIGABRT whenever the prefix ends with this: for tests."""


def split_tokens(text: str) -> list[str]:
    """The fake vocabulary's tokens of `text`; joined they give `text` again."""
    return _TOKEN.findall(text)


def read_script(path: Path) -> list[Item]:
    """The items of a script file; raises `EngineStartError` naming what is wrong with it."""
    remedy = 'A script is a JSON list of strings or {"text", "probs", "delay_ms"}.'
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise EngineStartError(
            f"cannot read the script {path}: {error.strerror}", remedy
        ) from error
    except (ValueError, RecursionError) as error:
        raise EngineStartError(f"the script {path} is not JSON in UTF-8", remedy) from error
    if not isinstance(raw, list):
        raise EngineStartError(f"the script {path} is not a list", remedy)
    items = []
    for number, item in enumerate(raw, 1):
        try:
            items.append(_read_item(item))
        except ValueError as error:
            raise EngineStartError(f"the script {path}: item {number}: {error}", remedy) from error
    return items


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _read_item(raw: object) -> Item:
    if isinstance(raw, str):
        return Item(raw)
    if not isinstance(raw, dict):
        raise ValueError("neither a string nor an object")
    if unknown := sorted(set(raw) - {"text", "probs", "crash", *_TIMES}):
        raise ValueError(f"unknown key {unknown[0]!r}")
    text, probs = raw.get("text"), raw.get("probs", [])
    if not isinstance(text, str):
        raise ValueError('"text" is not a string')
    if not isinstance(probs, list) or not all(_is_number(p) and 0 <= p <= 1 for p in probs):
        raise ValueError('"probs" is not a list of numbers from 0 to 1')
    times = {name: raw.get(name, 0) for name in _TIMES}
    for name, value in times.items():
        if not _is_number(value) or value < 0:
            raise ValueError(f'"{name}" is not a number of milliseconds')
    crash = raw.get("crash", "")
    if not isinstance(crash, str):
        raise ValueError('"crash" is not a string')
    return Item(text, tuple(float(p) for p in probs), crash=crash, **times)


def scripted_info() -> EngineInfo:
    """What the fake model says of itself."""
    source = Path(__file__).read_text(encoding="utf-8")
    return EngineInfo(
        protocol=PROTOCOL_VERSION,
        model_name="scripted",
        model_path="",
        context_tokens=4096,
        can_infill=True,
        infill_reason="",
        chars_per_token=len(source) / len(split_tokens(source)),
        prefill_tokens_per_s=0.0,
        pid=os.getpid(),
        details={"backend": "scripted"},
    )


@attrs.define
class _Cost:
    """What a request has cost so far; implements `SoFar`."""

    prompt: int
    reused: int
    prefill_ms: float
    layout: Layout
    generated: int = 0
    _prefilled_s: float = attrs.field(factory=time.perf_counter)

    def progress(self) -> Progress:
        return Progress(
            generated=self.generated,
            drafted=0,
            accepted=0,
            evaluated=self.prompt - self.reused + self.generated,
            decode=(time.perf_counter() - self._prefilled_s) * 1000,
            native=0.0,
        )

    def result(self) -> GenerateResult:
        fresh = self.prompt - self.reused
        counts = TokenCounts(prompt=self.prompt, reused=self.reused, fresh=fresh, before_text=fresh)
        result = GenerateResult((), counts, Timings(prefill=self.prefill_ms), self.layout)
        return result.at(self.progress())


class ScriptedBackend:
    """Implements `Backend` with the answers of a script file, each used once, in order."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._items: list[Item] = []
        self._next = 0
        self._kv: list[str] = []

    def load(self, report: Report) -> EngineInfo:
        """Read the script."""
        self._items = read_script(self._path)
        load_ms = max((item.load_ms for item in self._items), default=0.0)
        for step in range(_LOAD_STEPS):
            time.sleep(load_ms / _LOAD_STEPS / 1000)
            report((step + 1) / _LOAD_STEPS)
        return scripted_info()

    def generate(self, request: GenerateRequest, emit: Emit, cancel: CancelFlag) -> GenerateResult:
        """Play the next item of the script for each candidate."""
        start = time.perf_counter()
        if request.measure:
            counts = tuple(len(split_tokens(s.text)) for s in measured_segments(request))
            return measurement(counts, request.layout)
        if any(item.crash and request.prefix.text.endswith(item.crash) for item in self._items):
            os.abort()
        prompt, reused = self._prefill(request)
        prefilled = time.perf_counter()
        candidates: list[Candidate] = []
        cost = _Cost(len(prompt), reused, (prefilled - start) * 1000, request.layout)

        def tell(index: int, piece: str) -> None:
            cost.generated += 1
            emit(index, piece, cost)

        for index in range(max(1, request.candidates)):
            item = self._take(request.priority)
            candidates.append(self._play(item, index, request, tell, cancel))
        self._kv = prompt + split_tokens(candidates[0].text)
        return attrs.evolve(cost.result(), candidates=tuple(candidates))

    def unfinished(self) -> None:
        """Nothing: it has no prompt to build."""

    def rest(self) -> bool:
        """Nothing: it keeps nothing."""
        return False

    def clear(self) -> None:
        """Forget the last prompt."""
        self._kv = []

    def close(self) -> None:
        """Nothing to free."""

    def _prefill(self, request: GenerateRequest) -> tuple[list[str], int]:
        """The prompt's tokens and how many of them were there already."""
        prompt = [token for segment in _in_order(request) for token in split_tokens(segment.text)]
        reused = 0
        for old, new in zip(self._kv, prompt, strict=False):
            if old != new:
                break
            reused += 1
        # As in a real cache, the last token is evaluated anew: its logits are wanted.
        return prompt, min(reused, max(0, len(prompt) - 1))

    def _take(self, priority: Priority) -> Item:
        if priority not in (Priority.VISIBLE, Priority.ASSIST) or self._next >= len(self._items):
            return Item("")
        item = self._items[self._next]
        self._next += 1
        return item

    def _play(
        self,
        item: Item,
        index: int,
        request: GenerateRequest,
        tell: Callable[[int, str], None],
        cancel: CancelFlag,
    ) -> Candidate:
        _wait(item.delay_ms, cancel)
        first = time.monotonic()
        done: list[str] = []
        finish = Finish.EOT
        for piece in split_tokens(item.text):
            if done:
                _wait(item.pace_ms, cancel)
            if cancel.is_set():
                finish = Finish.CANCELLED
            elif len(done) >= request.max_tokens:
                finish = Finish.LENGTH
            elif request.stop_at_newline and piece == "\n" and "".join(done).strip():
                finish = Finish.STOP
            elif done and _out_of_time(request, first):
                finish = Finish.TIME
            if finish is not Finish.EOT:
                break
            done.append(piece)
            tell(index, piece)
        if cancel.is_set():
            finish = Finish.CANCELLED
        certain = (1.0,) * max(0, len(done) - len(item.probabilities))
        probabilities = (*item.probabilities[: len(done)], *certain) if item.probabilities else ()
        return Candidate("".join(done), finish, probabilities)


def _wait(ms: float, cancel: CancelFlag) -> None:
    until = time.monotonic() + ms / 1000
    while not cancel.is_set() and (left_s := until - time.monotonic()) > 0:
        time.sleep(min(left_s, _CANCEL_POLL_S))


def _in_order(request: GenerateRequest) -> tuple[Segment, ...]:
    if request.layout is Layout.SPM:
        return (*request.context, request.suffix, request.prefix)
    if request.layout is Layout.PSM:
        return (*request.context, request.prefix, request.suffix)
    return (*request.context, request.prefix)


def _out_of_time(request: GenerateRequest, first: float) -> bool:
    budget_ms = request.time_budget_ms
    return budget_ms is not None and (time.monotonic() - first) * 1000 > budget_ms
