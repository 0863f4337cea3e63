"""A project's prompts outlast their engine: killed, it is started again, and knows them."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from codellama_lsp import dirs
from codellama_lsp.engine.protocol import GenerateRequest, GenerateResult, Segment
from codellama_lsp.engine.spec import EngineSpec
from codellama_lsp.engine.supervisor import EngineSupervisor, RestartPolicy

pytestmark = pytest.mark.engine

RELATED = "".join(f"def helper_{n}(a, b):\n    return a * {n} + b\n\n\n" for n in range(12))
CODE = "import os\n\n\ndef read(path):\n    with open(path) as file:\n        return file."


def request() -> GenerateRequest:
    return GenerateRequest(
        document="a.py",
        context=(Segment("related", 1, RELATED),),
        prefix=Segment("prefix", 1, CODE),
        suffix=Segment("suffix", 1, "\n\n\nprint(read('a'))\n"),
        max_tokens=8,
    )


async def ask(supervisor: EngineSupervisor) -> tuple[int, GenerateResult]:
    engine = await supervisor.engine()
    return (await engine.info()).pid, await engine.generate(request()).result()


def warm_files() -> list[Path]:
    return list((dirs.cache_dir() / "warm").rglob("*.kv"))


async def until(true: Callable[[], bool]) -> None:
    """Wait, a minute at most."""
    for _ in range(600):
        if true():
            return
        await asyncio.sleep(0.1)
    raise AssertionError("it never was")


async def test_a_killed_engine_is_warm_again(embedded_path: Path) -> None:
    load = {"warm_cache_mb": 64, "extra_buffers": False}
    supervisor = EngineSupervisor(
        EngineSpec.of_model(embedded_path, load), policy=RestartPolicy(backoff_s=(0.0,))
    )
    try:
        first, before = await ask(supervisor)
        assert before.tokens.fresh > 150
        await until(lambda: bool(warm_files()))  # in the first pause
        os.kill(first, signal.SIGKILL)
        await until(lambda: supervisor.pid != first)
        second, after = await ask(supervisor)
    finally:
        await supervisor.close()
    assert second != first
    assert after.tokens.fresh <= 16
    assert after.tokens.prompt == before.tokens.prompt
    assert after.candidates[0].text == before.candidates[0].text
    (file,) = warm_files()
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
