"""Real engine processes, kept alive by the supervisor, with the scripted backend."""

import asyncio
import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from codellama_lsp import dirs
from codellama_lsp.engine import spawn as spawning
from codellama_lsp.engine.protocol import (
    EngineGoneError,
    EngineStartError,
    Finish,
    Priority,
)
from codellama_lsp.engine.spec import EngineSpec
from codellama_lsp.engine.supervisor import EngineStage, EngineSupervisor, RestartPolicy
from tests.engine_process.helpers import request

HOUR_MS = 3_600_000
NO_BACKOFF = RestartPolicy(backoff_s=(0.0,))


@pytest.fixture
async def supervise(tmp_path):
    made = []

    def make(script, policy=NO_BACKOFF, spec=None):
        path = tmp_path / "script.json"
        path.write_text(json.dumps(script))
        states = []
        supervisor = EngineSupervisor(
            spec or EngineSpec.of_engine(f"scripted:{path}"), states.append, policy
        )
        made.append(supervisor)
        return supervisor, states

    yield make
    for supervisor in made:
        await supervisor.close()


async def wait_until(condition):
    async with asyncio.timeout(180):
        while not condition():  # noqa: ASYNC110 (what is awaited lies in another process)
            await asyncio.sleep(0.01)


def is_running(pid):
    """A zombie has ended."""
    try:
        facts = Path(f"/proc/{pid}/stat").read_text()
        return facts.rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def test_one_start_serves_all_and_its_end_leaves_nothing(supervise, state_dir):
    supervisor, states = supervise(["hello", "again"])
    first, second = await asyncio.gather(supervisor.engine(), supervisor.engine())
    assert first is second
    info = await first.info()
    assert (info.model_name, info.pid) == ("scripted", supervisor.pid)
    assert (await first.generate(request()).result()).candidates[0].text == "hello"
    await wait_until(lambda: supervisor.state.stage is EngineStage.READY)
    assert [s.stage for s in states][:1] == [EngineStage.STARTING]
    assert stat.S_IMODE(dirs.runtime_dir().stat().st_mode) == 0o700
    assert stat.S_IMODE(dirs.log_dir().stat().st_mode) == 0o700
    files = list(dirs.runtime_dir().iterdir())
    assert {path.suffix for path in files} == {".sock", ".journal", ".bell"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    (log,) = dirs.log_dir().iterdir()
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    await supervisor.close()
    assert states[-1].stage is EngineStage.OFF
    assert not is_running(info.pid) and not list(dirs.runtime_dir().iterdir())
    with pytest.raises(EngineStartError, match="shut down"):
        await supervisor.engine()


async def test_killed_in_the_middle(supervise):
    supervisor, _ = supervise([{"text": "late", "delay_ms": HOUR_MS}])
    engine = await supervisor.engine()
    generation = engine.generate(request())
    await engine.ping()
    os.kill(supervisor.pid, signal.SIGKILL)
    with pytest.raises(EngineGoneError):
        await generation.result()
    with pytest.raises(EngineGoneError):
        await engine.generate(request()).result()
    # The next engine plays the script from its start; unseen work takes no item of it.
    unseen = request("x" * 500, priority=Priority.WARM)
    following = await supervisor.engine()
    assert following is not engine
    assert (await following.generate(unseen).result()).candidates[0].finish is Finish.EOT
    tokens = (await following.generate(request("x" * 500, priority=Priority.WARM)).result()).tokens
    assert tokens.fresh == 1


async def test_a_death_is_followed_by_a_start_unasked(supervise):
    supervisor, _ = supervise([])
    await (await supervisor.engine()).info()
    dead = supervisor.pid
    os.kill(dead, signal.SIGKILL)
    await wait_until(
        lambda: supervisor.pid not in (None, dead) and supervisor.state.stage is EngineStage.READY
    )


async def kill(supervisor, how):
    engine = await supervisor.engine()
    await engine.info()
    os.kill(supervisor.pid, how)
    await engine.wait_gone()


async def test_too_many_crashes_end_in_a_clear_error(supervise):
    supervisor, states = supervise([], RestartPolicy(backoff_s=(0.0,), max_deaths=3))
    for _ in range(3):
        await kill(supervisor, signal.SIGSEGV)
    with pytest.raises(EngineStartError, match=r"3 times .* SIGSEGV.* doctor"):
        await supervisor.engine()
    assert states[-1].stage is EngineStage.ERROR and "doctor" in states[-1].remedy
    engine = await supervisor.restart()
    assert (await engine.info()).model_name == "scripted"


async def test_kills_from_outside_are_no_reason_to_give_up(supervise):
    supervisor, states = supervise([], RestartPolicy(backoff_s=(0.0,), max_deaths=3))
    for _ in range(6):
        await kill(supervisor, signal.SIGKILL)
    assert (await (await supervisor.engine()).info()).model_name == "scripted"
    assert EngineStage.OFF in [state.stage for state in states]


async def test_killed_again_and_again_while_loading(supervise, monkeypatch, tmp_path):
    (tmp_path / "argparse.py").write_text("import os; os.kill(os.getpid(), 9)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    supervisor, _ = supervise([], RestartPolicy(backoff_s=(0.0,), max_killed_loading=3))
    with pytest.raises(EngineStartError, match="was killed 3 times while it loaded"):
        await supervisor.engine()


async def test_restart_takes_another_process(supervise):
    supervisor, _ = supervise([])
    one = (await (await supervisor.engine()).info()).pid
    two = (await (await supervisor.restart()).info()).pid
    assert one != two and not is_running(one)


async def test_a_stopped_engine_counts_as_hung(supervise):
    supervisor, _ = supervise([], RestartPolicy(backoff_s=(0.0,), heartbeat_s=0.02, hang_s=0.5))
    engine = await supervisor.engine()
    await engine.info()
    os.kill(supervisor.pid, signal.SIGSTOP)
    await engine.wait_gone()
    assert (await (await supervisor.engine()).info()).model_name == "scripted"
    assert supervisor._last_death == "it hung"


async def test_what_cannot_load_is_tried_once_until_restart(supervise, tmp_path):
    supervisor, states = supervise({"not": "a list"})
    for _ in range(2):
        with pytest.raises(EngineStartError, match="not a list"):
            await (await supervisor.engine()).info()
        await wait_until(lambda: supervisor.state.stage is EngineStage.ERROR)
    assert [s.stage for s in states].count(EngineStage.STARTING) == 1
    (tmp_path / "script.json").write_text('["mended"]')
    engine = await supervisor.restart()
    assert (await engine.generate(request()).result()).candidates[0].text == "mended"


async def test_llama_cpp_missing_says_what_to_install(supervise, tmp_path, monkeypatch):
    hidden = tmp_path / "llama_cpp"
    hidden.mkdir()
    (hidden / "__init__.py").write_text("raise ImportError")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    supervisor, _ = supervise([], spec=EngineSpec.of_model(tmp_path / "m.gguf"))
    with pytest.raises(EngineStartError, match=r"pip install 'codellama-lsp\[llama\]'"):
        await (await supervisor.engine()).info()


async def test_a_process_that_dies_at_once_is_given_up(supervise, monkeypatch, tmp_path):
    (tmp_path / "argparse.py").write_text("raise SystemExit(7)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    supervisor, _ = supervise([], RestartPolicy(backoff_s=(0.0,), max_deaths=2))
    with pytest.raises(EngineStartError, match=r"2 times .* exit status 7"):
        await supervisor.engine()


@pytest.mark.parametrize("suffix", [".sock", ".bell"])
async def test_what_dead_engines_left_is_swept(supervise, suffix):
    gone = await asyncio.create_subprocess_exec(sys.executable, "-c", "")
    await gone.wait()
    stale = dirs.make_private(dirs.runtime_dir()) / f"engine-{gone.pid}-00{suffix}"
    stale.touch()
    other = dirs.runtime_dir() / f"engine-{os.getpid()}-00{suffix}"
    other.touch()
    supervisor, _ = supervise([])
    await supervisor.engine()
    assert not stale.exists() and other.exists()


async def test_a_runtime_directory_of_somebody_else_is_refused(supervise, tmp_path):
    real = tmp_path / "real"
    real.mkdir()
    dirs.runtime_dir().symlink_to(real)
    supervisor, _ = supervise([])
    with pytest.raises(EngineStartError, match="not a directory of yours"):
        await supervisor.engine()


async def test_a_socket_path_that_is_too_long(supervise, monkeypatch, tmp_path):
    monkeypatch.setenv("CODELLAMA_LSP_STATE_DIR", str(tmp_path / ("d" * 90)))
    supervisor, _ = supervise([])
    with pytest.raises(EngineStartError, match="too long for a socket"):
        await supervisor.engine()


async def test_restart_during_a_start_is_no_cancellation_for_those_who_wait(supervise):
    supervisor, _ = supervise([])
    waiting = asyncio.create_task(supervisor.engine())
    await asyncio.sleep(0)
    await supervisor.restart()
    with pytest.raises(EngineGoneError):
        await waiting


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_engine_ends_with_a_killed_parent(tmp_path):
    script = tmp_path / "s.json"
    script.write_text("[]")
    parent = subprocess.Popen(
        [sys.executable, "-c", _PARENT, str(script)], stdout=subprocess.PIPE, text=True
    )
    engine_pid = int(parent.stdout.readline())
    assert is_running(engine_pid)
    assert os.getsid(engine_pid) == engine_pid
    descriptors = {str(Path(f"/proc/{engine_pid}/fd/{n}").readlink()) for n in (0, 1)}
    assert "/dev/null" in descriptors
    parent.kill()
    parent.wait()
    until = time.monotonic() + 180
    while is_running(engine_pid) and time.monotonic() < until:
        time.sleep(0.01)
    assert not is_running(engine_pid)


_PARENT = """
import asyncio, sys
from codellama_lsp.engine.spec import EngineSpec
from codellama_lsp.engine.supervisor import EngineSupervisor

async def main():
    supervisor = EngineSupervisor(EngineSpec.of_engine("scripted:" + sys.argv[1]))
    print((await (await supervisor.engine()).info()).pid, flush=True)
    await asyncio.sleep(3600)

asyncio.run(main())
"""


def test_the_client_is_light():
    code = "import sys, codellama_lsp.engine.supervisor; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"numpy", "pygls", "lsprotocol", "llama_cpp", "cattrs"} & set(loaded)


def test_spec_refuses_other_engines():
    for text in ("scripted:", "http://x", ""):
        with pytest.raises(EngineStartError):
            EngineSpec.of_engine(text)
    with pytest.raises(EngineStartError, match="no model"):
        EngineSpec().arguments()


def test_endings_in_words():
    class Ended:
        returncode = -11

    assert "SIGSEGV" in spawning.EngineProcess(Ended(), None, "", None).how_it_ended()
