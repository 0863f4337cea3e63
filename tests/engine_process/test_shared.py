"""One engine for all clients of a user: found, started once, replaced once, never in the way."""

import asyncio
import json
import os
import signal
import stat

import attrs
import pytest

from codellama_lsp import dirs
from codellama_lsp.engine import registry
from codellama_lsp.engine.protocol import EngineGoneError
from codellama_lsp.engine.spec import EngineSpec
from codellama_lsp.engine.supervisor import EngineStage, EngineSupervisor, RestartPolicy
from codellama_lsp.engine.wishes import Wishes
from tests.engine_process.helpers import request
from tests.engine_process.test_supervisor import is_running, wait_until

NO_BACKOFF = RestartPolicy(backoff_s=(0.0,))


@pytest.fixture
async def clients(tmp_path):
    """Makes supervisors that share; what they started is gone afterwards."""
    made = []
    script = tmp_path / "script.json"
    script.write_text("[]")
    shared = attrs.evolve(EngineSpec.of_engine(f"scripted:{script}"), shared=True)

    def make(policy=NO_BACKOFF, **changes):
        supervisor = EngineSupervisor(attrs.evolve(shared, **changes), policy=policy)
        made.append(supervisor)
        return supervisor

    yield make
    for supervisor in made:
        await supervisor.close()
    # Those that linger end by themselves: their directory is about to be removed.


async def pid_of(supervisor):
    return (await (await supervisor.engine()).info()).pid


def records():
    return list(dirs.runtime_dir().glob("shared-*.json"))


async def test_starting_at_once_ends_up_with_one_engine(clients):
    supervisors = [clients() for _ in range(3)]
    pids = await asyncio.gather(*(pid_of(supervisor) for supervisor in supervisors))
    assert len(set(pids)) == 1
    assert {supervisor.pid for supervisor in supervisors} == set(pids)
    assert await pid_of(clients()) == pids[0]
    assert len(records()) == 1


async def test_what_lies_around_is_the_users_alone(clients):
    await pid_of(clients())
    assert stat.S_IMODE(dirs.runtime_dir().stat().st_mode) == 0o700
    files = list(dirs.runtime_dir().iterdir())
    assert {path.suffix for path in files} >= {".sock", ".json", ".token", ".lock"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    (record,) = records()
    token = record.with_suffix(".token").read_text()
    assert len(token) >= 32
    assert token not in record.read_text()


async def test_other_settings_another_engine(clients):
    assert await pid_of(clients()) != await pid_of(clients(nice=19))


async def test_it_goes_on_when_the_client_that_started_it_leaves(clients):
    first, second = clients(), clients()
    pid = await pid_of(first)
    assert await pid_of(second) == pid
    await first.close()
    assert await pid_of(second) == pid
    assert (await (await second.engine()).generate(request()).result()).candidates
    await second.close()
    await wait_until(lambda: not is_running(pid) and not records())


async def test_it_lingers_as_long_as_somebody_wished(clients):
    patient, hasty = clients(wishes=Wishes(linger_s=3600)), clients()
    pid = await pid_of(patient)
    assert await pid_of(hasty) == pid
    await patient.close()
    await hasty.close()
    assert await pid_of(clients()) == pid


async def test_it_ends_when_nobody_can_find_it_any_more(clients):
    patient = clients(wishes=Wishes(linger_s=3600))
    pid = await pid_of(patient)
    await patient.close()
    for path in dirs.runtime_dir().iterdir():
        path.unlink()
    await wait_until(lambda: not is_running(pid))


async def test_a_crash_is_followed_by_one_engine_for_all(clients):
    supervisors = [clients() for _ in range(3)]
    (dead,) = {await pid_of(supervisor) for supervisor in supervisors}
    os.kill(dead, signal.SIGKILL)
    await wait_until(lambda: all(s.pid not in (None, dead) for s in supervisors))
    pids = [await pid_of(supervisor) for supervisor in supervisors]
    assert len(set(pids)) == 1
    assert pids[0] != dead
    assert len(records()) == 1
    assert len(list(dirs.runtime_dir().glob("*.bell"))) == 1


async def test_a_restart_is_for_all(clients):
    one, two = clients(), clients()
    before = await pid_of(one)
    assert await pid_of(two) == before
    await one.restart()
    await wait_until(lambda: two.pid not in (None, before) and two.state.stage is EngineStage.READY)
    assert await pid_of(one) == await pid_of(two) != before


@pytest.mark.parametrize("field", ["protocol", "token"])
async def test_what_cannot_be_talked_to_is_left_alone(clients, field):
    theirs = clients()
    pid = await pid_of(theirs)
    (path,) = records()
    if field == "token":
        path.with_suffix(".token").write_text("somebody-elses-token")
    else:
        path.write_text(json.dumps({**json.loads(path.read_text()), "protocol": 999}))
    ours = clients()
    own = await pid_of(ours)
    assert own != pid
    await ours.close()
    assert not is_running(own)
    assert await pid_of(theirs) == pid


async def test_stale_records_are_cleaned(clients, tmp_path):
    directory = dirs.make_private(dirs.runtime_dir())
    ended = await asyncio.create_subprocess_exec("true")
    await ended.wait()
    spec = clients().spec
    for identity in (spec.identity, "0" * 12):
        socket = registry.socket_path(directory, identity, "00")
        socket.touch()
        record = registry.record_of(identity, ended.pid, socket, "t" * 32)
        registry.write(directory, record)
    # A living process that is no engine must not be harmed.
    other = registry.record_of("1" * 12, os.getpid(), directory / "none.sock", "t" * 32)
    registry.write(directory, other)
    pid = await pid_of(clients())
    assert is_running(pid)
    identities = {path.stem.removeprefix("shared-") for path in records()}
    assert identities == {spec.identity, "1" * 12}
    assert len(list(directory.glob("shared-*.sock"))) == 1


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"protocol":1,"pid":-1,"socket":"x"}'])
async def test_a_damaged_record_counts_as_none(clients, text):
    one = clients()
    directory = dirs.make_private(dirs.runtime_dir())
    (directory / f"shared-{one.spec.identity}.json").write_text(text)
    (directory / f"shared-{one.spec.identity}.token").write_text("t" * 32)
    assert is_running(await pid_of(one))


def test_a_record_points_into_its_own_directory(tmp_path):
    for socket, trusted in (("../x.sock", False), ("/tmp/x.sock", False), ("x.sock", True)):
        body = {"protocol": 1, "pid": os.getpid(), "socket": socket}
        (tmp_path / "shared-a.json").write_text(json.dumps(body))
        (tmp_path / "shared-a.token").write_text("t" * 32)
        assert (registry.read(tmp_path, "a") is not None) == trusted


async def test_a_hung_engine_is_replaced_for_all(clients):
    policy = RestartPolicy(backoff_s=(0.0,), heartbeat_s=0.02, hang_s=0.5)
    one, two = clients(policy), clients(policy)
    stopped = await pid_of(one)
    assert await pid_of(two) == stopped
    os.kill(stopped, signal.SIGSTOP)
    await wait_until(lambda: {one.pid, two.pid}.isdisjoint({None, stopped}))
    assert await pid_of(one) == await pid_of(two)


async def test_its_clients_see_a_death_as_such(clients):
    one = clients()
    engine = await one.engine()
    await engine.info()
    generation = engine.generate(request())
    await generation.result()
    os.kill(one.pid, signal.SIGKILL)
    await engine.wait_gone()
    with pytest.raises(EngineGoneError):
        await engine.generate(request()).result()
