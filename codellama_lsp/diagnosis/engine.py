"""Checks with a real engine: does it start here, does it answer, how fast is it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

from codellama_lsp.diagnosis.check import Check, ok, problem, warning
from codellama_lsp.engine.protocol import (
    EngineError,
    EngineInfo,
    GenerateRequest,
    GenerateResult,
    Segment,
)
from codellama_lsp.engine.spec import EngineSpec
from codellama_lsp.engine.supervisor import EngineSupervisor, RestartPolicy

#: A crash is a finding: find it out quickly, but twice.
_POLICY = RestartPolicy(backoff_s=(0.0,), max_deaths=2)
_DECODE_TOKENS = 64
_PREFIX = (
    'def mean(values: list[float]) -> float:\n    """Return the arithmetic mean."""\n    return '
)
_SUFFIX = "\n\n\nprint(mean([1.0, 2.0]))\n"
#: Below this even a short line takes longer than people wait.
_SLOW_TOKENS_PER_S = 5.0


async def engine(spec: EngineSpec) -> AsyncIterator[Check]:
    """Start an engine, ask it something, measure it, end it."""
    supervisor = EngineSupervisor(spec, policy=_POLICY)
    started = time.perf_counter()
    try:
        info = await (await supervisor.engine()).info()
        ready_s = time.perf_counter() - started
        yield ok("engine", f"{info.model_name} ready in {ready_s:.1f} s (process {info.pid})")
        for check in _about(info):
            yield check
        first = await (await supervisor.engine()).generate(_request(1, 0)).result()
        yield _answer(first)
        second = await (await supervisor.engine()).generate(_request(_DECODE_TOKENS, 1)).result()
        for check in _speed(info, second):
            yield check
    except EngineError as error:
        remedy = error.remedy or "Its log may say more; `codellama-lsp models inspect` checks it."
        yield problem("engine", error.message, remedy)
    finally:
        await supervisor.close()


def _about(info: EngineInfo) -> list[Check]:
    infilling = (
        ok("infilling", "yes")
        if info.can_infill
        else warning(
            "infilling",
            f"no: {info.infill_reason}",
            "Text after the cursor is not looked at; choose a model that can infill.",
        )
    )
    details = [ok(name.replace("_", " "), value) for name, value in info.details.items()]
    return [infilling, ok("context", f"{info.context_tokens} tokens"), *details]


def _answer(result: GenerateResult) -> Check:
    tokens = result.tokens
    value = f"{tokens.prompt} prompt tokens, {tokens.generated} generated"
    if tokens.generated:
        return ok("answer", value)
    return warning("answer", value, "The model had nothing to say to a simple function.")


def _speed(info: EngineInfo, result: GenerateResult) -> list[Check]:
    checks = []
    if info.prefill_tokens_per_s:
        checks.append(ok("prefill speed", f"{info.prefill_tokens_per_s:,.0f} tokens/s"))
    if result.tokens.generated and result.ms.decode:
        tokens_per_s = result.tokens.generated / result.ms.decode * 1000
        value = f"{tokens_per_s:,.0f} tokens/s ({result.tokens.generated} tokens)"
        checks.append(
            ok("decode speed", value)
            if tokens_per_s >= _SLOW_TOKENS_PER_S
            else warning(
                "decode speed", value, "Try a smaller model or a smaller quantization (Q4_0)."
            )
        )
    return checks


def _request(max_tokens: int, seed: int) -> GenerateRequest:
    return GenerateRequest(
        document="doctor",
        prefix=Segment("doctor/prefix", 1, _PREFIX),
        suffix=Segment("doctor/suffix", 1, _SUFFIX),
        copy=False,
        max_tokens=max_tokens,
        seed=seed,
    )
