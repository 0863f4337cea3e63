"""A prompt that crashes the engine is tried alone once more, and then refused."""

import asyncio
import json
import os
import signal
import stat

import attrs
import pytest

from codellama_lsp import dirs
from codellama_lsp.engine.journal import crashed, fingerprint
from codellama_lsp.engine.protocol import BadRequestError, EngineGoneError, Layout
from codellama_lsp.engine.spec import EngineSpec
from codellama_lsp.engine.supervisor import EngineSupervisor, RestartPolicy
from tests.engine_process.helpers import request, segment

PATIENT = RestartPolicy(backoff_s=(0.0,), max_deaths=100)


def scripted(crash):
    return json.dumps([{"text": "", "crash": crash}, {"text": "slow", "delay_ms": 3_600_000}])


@pytest.fixture
async def supervise(tmp_path):
    made = []
    script = tmp_path / "script.json"
    script.write_text(scripted("boom"))
    spec = EngineSpec.of_engine(f"scripted:{script}")

    def make(**changes):
        made.append(EngineSupervisor(attrs.evolve(spec, **changes), policy=PATIENT))
        return made[-1]

    yield make
    for supervisor in made:
        await supervisor.close()


async def ask(supervisor, text):
    return await (await supervisor.engine()).generate(request(text)).result()


async def crash(supervisor, text="boom"):
    with pytest.raises(EngineGoneError):
        await ask(supervisor, text)


@pytest.mark.parametrize("shared", [False, True])
async def test_two_crashes_one_more_try_and_no_more(supervise, shared):
    supervisor = supervise(shared=shared)
    for _ in range(3):
        await crash(supervisor)
    engine = await supervisor.engine()
    for _ in range(2):
        with pytest.raises(BadRequestError, match="crashed 3 times on this very text"):
            await ask(supervisor, "boom")
    assert (await ask(supervisor, "fine")).candidates
    assert await supervisor.engine() is engine
    await crash(supervisor, "another boom")
    with pytest.raises(BadRequestError):
        await ask(supervisor, "boom")


async def test_kills_from_outside_are_no_crashes(supervise):
    supervisor = supervise()
    for _ in range(3):
        engine = await supervisor.engine()
        await ask(supervisor, "fine")
        generation = engine.generate(request("slow"))
        await engine.ping()
        os.kill(supervisor.pid, signal.SIGKILL)
        with pytest.raises(EngineGoneError):
            await generation.result()
    generation = (await supervisor.engine()).generate(request("slow"))
    await (await supervisor.engine()).ping()
    generation.stop()
    await generation.result()


async def test_what_is_survived_is_forgiven(supervise, tmp_path):
    supervisor = supervise()
    for _ in range(2):
        await crash(supervisor)
    # The cause has gone: the same text does no harm when it is tried alone.
    script = tmp_path / "script.json"
    status = script.stat()
    mended = scripted("b00m")  # of the same size, so that it counts as the same model
    await supervisor.close()
    script.write_text(mended)
    os.utime(script, ns=(status.st_atime_ns, status.st_mtime_ns))
    again = supervise()
    await ask(again, "boom")
    (ledger,) = dirs.cache_dir().glob("crashes-*.json")
    assert json.loads(ledger.read_text()) == {}
    assert stat.S_IMODE(ledger.stat().st_mode) == 0o600


async def test_the_journal_holds_no_text_and_goes_with_a_quiet_end(supervise):
    supervisor = supervise()
    await ask(supervisor, "a secret")
    (journal,) = dirs.runtime_dir().glob("*.journal")
    assert stat.S_IMODE(journal.stat().st_mode) == 0o600
    assert b"secret" not in journal.read_bytes()
    await supervisor.close()
    assert not list(dirs.runtime_dir().glob("*.journal"))


async def test_clients_that_did_not_start_it_learn_how_it_ended(supervise):
    one, two = supervise(shared=True), supervise(shared=True)
    await (await one.engine()).info()
    engine = await two.engine()
    await engine.info()
    socket = two._process.socket
    assert crashed(socket) is False
    await crash(one)
    await engine.wait_gone()
    assert crashed(socket) is True
    await asyncio.gather(one.engine(), two.engine())
    assert crashed(socket) is True


def test_fingerprints_tell_prompts_apart():
    base = request("ab", "cd")
    others = [
        request("a", "bcd"),
        request("abc", "d"),
        attrs.evolve(base, context=(segment("c", ""),)),
        attrs.evolve(base, layout=Layout.PSM),
    ]
    assert len({fingerprint(made) for made in (base, *others)}) == 5
    assert fingerprint(attrs.evolve(base, max_tokens=3, temperature=1.0)) == fingerprint(base)
    assert len(fingerprint(request("\ud800"))) == 32
