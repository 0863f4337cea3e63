"""A real model in a real engine process: answers, costs, and what a crash does."""

import os
import signal
from pathlib import Path

import pytest

from codellama_lsp.engine.protocol import (
    EngineGoneError,
    EngineStartError,
    Finish,
    GenerateRequest,
    Priority,
    Segment,
)
from codellama_lsp.engine.spec import EngineSpec
from codellama_lsp.engine.supervisor import EngineSupervisor, RestartPolicy

pytestmark = pytest.mark.engine


def request(text, version, **more):
    return GenerateRequest(
        document="a.py",
        prefix=Segment("prefix", version, text),
        suffix=Segment("suffix", 1, "\n\n\nprint(read('a'))\n"),
        **more,
    )


START = "import os\n\n\ndef read(path):\n    with open(path) as file:\n        return file."


@pytest.fixture
async def supervisor(embedded_path: Path):
    supervisor = EngineSupervisor(
        EngineSpec.of_model(embedded_path, {"extra_buffers": False, "context_tokens": 512}),
        policy=RestartPolicy(backoff_s=(0.0,)),
    )
    yield supervisor
    await supervisor.close()


async def test_typing_costs_its_own_tokens(supervisor):
    engine = await supervisor.engine()
    info = await engine.info()
    assert info.can_infill and info.pid == supervisor.pid and info.context_tokens <= 512
    generation = engine.generate(request(START, 1, max_tokens=12))
    pieces = [piece async for piece in generation]
    first = await generation.result()
    assert "".join(pieces) == first.candidates[0].text
    typed = await engine.generate(request(START + "r", 2, max_tokens=12)).result()
    assert typed.tokens.fresh <= 2 < first.tokens.fresh
    again = await engine.generate(request(START + "r", 2, max_tokens=12)).result()
    assert again.candidates == typed.candidates and again.tokens.fresh <= 2


async def test_stop_ends_a_generation(supervisor):
    engine = await supervisor.engine()
    generation = engine.generate(request(START, 1, max_tokens=400))
    generation.stop()
    assert (await generation.result()).candidates[0].finish in (Finish.CANCELLED, Finish.EOT)


async def test_what_is_awaited_interrupts_a_warm_up(supervisor):
    engine = await supervisor.engine()
    warm = engine.generate(request(START * 5, 1, max_tokens=200, priority=Priority.WARM))
    seen = await engine.generate(request(START, 2, max_tokens=4)).result()
    assert seen.candidates[0].finish is not Finish.CANCELLED
    await warm.result()


async def test_a_crash_ends_the_request_and_the_next_one_works(supervisor):
    for _ in range(2):
        engine = await supervisor.engine()
        await engine.info()
        generation = engine.generate(request(START, 1, max_tokens=400))
        os.kill(supervisor.pid, signal.SIGKILL)
        with pytest.raises(EngineGoneError):
            await generation.result()
            # Answered before the kernel got to it: then the connection has to be gone.
            await engine.wait_gone()
            raise EngineGoneError("after its answer")
    after = await (await supervisor.engine()).generate(request(START, 1, max_tokens=4)).result()
    assert after.tokens.generated


@pytest.mark.parametrize("content", [b"", b"GGUF", b"GGUF\x03\0\0\0" + b"\xff" * 100, b"nonsense"])
async def test_files_that_are_no_models(tmp_path, content):
    path = tmp_path / "broken.gguf"
    path.write_bytes(content)
    supervisor = EngineSupervisor(EngineSpec.of_model(path))
    try:
        with pytest.raises(EngineStartError, match=r"GGUF|cannot load"):
            await (await supervisor.engine()).info()
    finally:
        await supervisor.close()


async def test_settings_of_another_version(embedded_path):
    supervisor = EngineSupervisor(EngineSpec.of_model(embedded_path, {"no_such_setting": 1}))
    try:
        with pytest.raises(EngineStartError, match="load settings"):
            await (await supervisor.engine()).info()
    finally:
        await supervisor.close()
