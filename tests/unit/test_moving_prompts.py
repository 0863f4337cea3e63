"""Typing on and on: a prompt that begins anew has been read before anybody waits for it."""

from __future__ import annotations

import asyncio

import attrs
import pytest

from codellama_lsp.engine.protocol import GenerateRequest, Priority

from .conftest import Bench, BenchOf

ABOVE = "\n".join(f"value_{number} = compute({number})" for number in range(120)) + "\n"
LINE = "total = add(total, value)\n"


async def type_on(bench: Bench, chars: int) -> None:
    text = LINE * (chars // len(LINE) + 1)
    for end in range(1, chars):
        await bench.ask(f"{ABOVE}{text[:end]}|\n\nprint(total)\n", use_cache=False)
        # What nobody waits for has this long.
        for _ in range(4):
            await asyncio.sleep(0)


def anew(requests: list[GenerateRequest]) -> list[tuple[GenerateRequest, bool]]:
    """Visible requests whose prefix begins otherwise, and whether a warm one had read it."""
    found, head, read = [], None, list[str]()
    for request in requests:
        text = request.prefix.text
        if request.priority is Priority.WARM:
            read.append(text)
        elif head is None or not text.startswith(head):
            known = any(text.startswith(warm) and len(text) - len(warm) < 40 for warm in read)
            found.append((request, known))
            head = text[:100]
    return found[1:]


async def test_no_keystroke_waits_for_windows_that_move(bench_of: BenchOf) -> None:
    bench = bench_of(*[" x"] * 2000)
    bench.settings = attrs.evolve(bench.settings, context_tokens=200, speculate=False)
    await type_on(bench, 700)
    moves = anew(bench.requests)
    assert len(moves) > 1
    assert all(known for _, known in moves)


async def test_without_unasked_work_they_move_when_they_have_to(bench_of: BenchOf) -> None:
    bench = bench_of(*[" x"] * 2000)
    bench.settings = attrs.evolve(
        bench.settings, context_tokens=200, speculate=False, background="off"
    )
    await type_on(bench, 700)
    assert len(anew(bench.requests)) > 1
    assert not any(request.priority is Priority.WARM for request in bench.requests)


async def test_closing_leaves_no_reading_behind(
    bench_of: BenchOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = bench_of(*[" x"] * 2000)
    bench.settings = attrs.evolve(bench.settings, context_tokens=200, speculate=False)

    async def read(*_: object) -> bool:
        return await asyncio.Event().wait()

    monkeypatch.setattr(bench.completer.prompts, "_read", read)
    for end in range(1, 400):
        await bench.ask(f"{ABOVE}{LINE * 20}"[: len(ABOVE) + end] + "|", use_cache=False)
        moving = [task for task in asyncio.all_tasks() if "_move" in repr(task.get_coro())]
        if moving:
            break
    assert moving
    await bench.completer.close()
    await asyncio.wait(moving, timeout=5)
    assert all(task.cancelled() for task in moving)
