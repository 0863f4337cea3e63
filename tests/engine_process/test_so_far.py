"""What a generation has cost, for whoever has read enough of it."""

import pytest

from codellama_lsp.engine.protocol import EngineGoneError, Finish
from tests.engine_process.helpers import connected, hosted, request


async def test_whoever_has_read_enough_knows_what_it_cost(path, backend):
    async with hosted(backend, path), connected(path) as engine:
        generation = engine.generate(request("hold on"))
        async for _ in generation:
            break
        cost = await generation.so_far()
        assert (cost.tokens.prompt, cost.tokens.reused, cost.tokens.fresh) == (3, 2, 1)
        assert (cost.tokens.generated, cost.tokens.evaluated) == (1, 2)
        assert (cost.ms.prefill, cost.ms.decode, cost.ms.native) == (1.5, 0.5, 0.25)
        assert cost.candidates == ()
        generation.stop()
        assert (await generation.result()).candidates[0].finish is Finish.CANCELLED


async def test_who_has_read_nothing_knows_nothing(path, backend):
    async with hosted(backend, path), connected(path) as engine:
        generation = engine.generate(request("fine"))
        with pytest.raises(EngineGoneError):
            await generation.so_far()
        await generation.result()
