"""What `codellama-lsp context` prints is what the server says and the model reads."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest

from codellama_lsp.engine.backend import CancelFlag
from codellama_lsp.engine.protocol import GenerateRequest, Segment
from codellama_lsp.engine.worker.backend import LlamaBackend
from codellama_lsp.engine.worker.settings import WorkerSettings
from tests.protocol.client import started
from tests.protocol.test_workspace import CURSOR, MAIN, begin, root, shows, until

pytestmark = pytest.mark.engine
__all__ = ["root"]


async def test_the_command_and_the_server_say_the_same(embedded_path: Path, root: Path) -> None:
    (root / "pyproject.toml").touch()
    for number in range(30):  # more than there is room for
        body = "    return " + " + ".join(f"shape.{c}" for c in "abcdefgh") + "\n"
        (root / "pkg" / f"m{number}.py").write_text(f"def scale_shape_{number}(shape):\n{body}")
    (root / "main.py").write_text(MAIN)
    async with started(None) as client:
        uri = await begin(client, root)
        told = await until(client, uri, shows("def scale_shape(shape, by)"))
        told = await client.command("codellama.context", uri, CURSOR)
    where = f"{root / 'main.py'}:{CURSOR['line'] + 1}:{CURSOR['character'] + 1}"
    command = [sys.executable, "-m", "codellama_lsp", "context", where, "--json"]
    done = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    printed = json.loads((await done.communicate())[0])
    for key in ("chunks", "tokens", "windows", "order", "counted_by", "budget_tokens", "left_out"):
        assert printed[key] == told[key], key


def test_measuring_counts_what_a_prompt_would_hold(embedded_path: Path) -> None:
    backend = LlamaBackend(WorkerSettings(embedded_path, extra_buffers=False))
    backend.load(lambda share: None)
    texts = ("# a.py\nx = 1\n", "\nprint(y)\n", "y = ")
    context, suffix, prefix = (Segment(str(n), 1, text) for n, text in enumerate(texts))
    wanted = GenerateRequest("d", prefix, suffix, context=(context,), heal=False, measure=True)
    measured = backend.generate(wanted, lambda *_: None, CancelFlag())
    assert measured.candidates == () and measured.tokens.evaluated == 0
    encoder = backend.loaded()[0].encoder
    assert measured.segment_tokens == tuple(len(encoder.infill(text)) for text in texts)
    backend.close()
