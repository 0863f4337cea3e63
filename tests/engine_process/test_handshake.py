"""An engine that is killed in the handshake is one that was killed, no more."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import attrs
import pytest

from codellama_lsp.engine import shared, spawn
from codellama_lsp.engine.spec import EngineSpec
from codellama_lsp.engine.supervisor import EngineSupervisor, RestartPolicy
from tests.engine_process.helpers import request

#: Listens as an engine does and is killed by the first message, the first times; then is an engine.
_KILLED = """
import os, signal, socket, sys
deaths, real = sys.argv[1], sys.argv[2:]
if os.path.getsize(deaths):
    os.truncate(deaths, os.path.getsize(deaths) - 1)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(real[real.index("--socket") + 1])
    listener.listen()
    connection, _ = listener.accept()
    connection.recv(1)
    os.kill(os.getpid(), signal.SIGKILL)
os.execv(real[0], real)
"""


@pytest.mark.parametrize("sharing", [False, True])
async def test_killed_in_the_handshake(
    sharing: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deaths = tmp_path / "deaths"
    deaths.write_text("xxx")

    def command_line(spec: EngineSpec, socket: Path) -> list[str]:
        return [sys.executable, "-c", _KILLED, str(deaths), *real(spec, socket)]

    real = spawn.command_line
    for module in (spawn, shared):
        monkeypatch.setattr(module, "command_line", command_line)
    script = tmp_path / "script.json"
    script.write_text(json.dumps(["hello"]))
    spec = attrs.evolve(EngineSpec.of_engine(f"scripted:{script}"), shared=sharing)
    supervisor = EngineSupervisor(spec, policy=RestartPolicy(backoff_s=(0.0,)))
    try:
        engine = await supervisor.engine()
        answer = await engine.generate(request()).result()
    finally:
        await supervisor.close(end_shared=True)
    assert answer.candidates[0].text == "hello"
    assert deaths.read_text() == ""
