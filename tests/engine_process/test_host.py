"""Host and client on one loop, over a real socket, with a backend that the test holds."""

import asyncio
import json
import os
import stat
import sys

import pytest

from codellama_lsp.engine import placing, wire
from codellama_lsp.engine.client import SocketEngine
from codellama_lsp.engine.protocol import (
    PROTOCOL_VERSION,
    BadRequestError,
    EngineError,
    EngineGoneError,
    EngineStartError,
    Finish,
    Priority,
)
from codellama_lsp.engine.quiet import Quiet
from codellama_lsp.engine.wishes import Background, Wishes
from tests.engine_process.helpers import (
    INFO,
    TOKEN,
    connected,
    hosted,
    request,
    segment,
)


async def test_streams_and_answers(path, backend):
    async with hosted(backend, path), connected(path) as engine:
        assert await engine.info() == INFO
        sent = request(
            "one \ud800 twö",
            suffix="\r\n\t🎉",
            copy=True,
            time_budget_ms=3.5,
            context=(segment("c1", "one"), segment("c2", "two")),
            far_after=segment("far", "away"),
        )
        generation = engine.generate(sent)
        assert [piece async for piece in generation] == ["one", "\ud800", "twö"]
        result = await generation.result()
        assert result.candidates[0].text == "one \ud800 twö"
        assert result.candidates[0].probabilities == (0.5,)
        assert (result.tokens.reused, result.ms.prefill) == (2, 1.5)
        got = backend.seen[0]
        assert (got.suffix.text, got.copy, got.time_budget_ms) == ("\r\n\t🎉", True, 3.5)
        assert [c.text for c in got.context] == ["one", "two"]
        assert (got.far_before, got.far_after.text) == (None, "away")


async def test_the_socket_is_the_users_alone(path, backend):
    async with hosted(backend, path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_cancels_what_runs_and_what_waits(path, backend):
    async with hosted(backend, path), connected(path) as engine:
        running = engine.generate(request("hold"))
        await backend.wait_started()
        queued = engine.generate(request("never"))
        after = engine.generate(request("after"))
        queued.stop()
        result = await queued.result()
        assert (result.candidates[0].text, result.candidates[0].finish) == ("", Finish.CANCELLED)
        running.stop()
        assert (await running.result()).candidates[0].finish is Finish.CANCELLED
        assert (await after.result()).candidates[0].text == "after"
        assert [r.prefix.text for r in backend.seen] == ["hold", "after"]


@pytest.mark.parametrize("how", ["result", "pieces"])
async def test_cancelling_the_awaiting_task_stops_the_model(path, backend, how):
    async with hosted(backend, path), connected(path) as engine:
        generation = engine.generate(request("hold"))

        async def wait():
            if how == "result":
                await generation.result()
            async for _ in generation:
                pass

        task = asyncio.create_task(wait())
        await backend.wait_started()
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        # The backend holds until it is cancelled: an answer to this one proves that it was.
        assert (await engine.generate(request("next")).result()).candidates[0].text == "next"


@pytest.mark.parametrize("core", [3, None])
async def test_a_host_is_told_where_a_client_waits(path, backend, monkeypatch, core):
    monkeypatch.setattr(placing, "core", lambda: core)
    told = []
    async with hosted(backend, path, on_core=told.append), connected(path) as engine:
        await engine.generate(request("one")).result()
    assert told == ([] if core is None else [core])


async def test_the_most_wanted_goes_first(path, backend):
    async with hosted(backend, path), connected(path) as engine:
        first = engine.generate(request("hold"))
        await backend.wait_started()
        order = [Priority.WARM, Priority.VISIBLE, Priority.SPECULATIVE, Priority.VISIBLE]
        waiting = [
            engine.generate(request(f"{p.name}{i}", priority=p)) for i, p in enumerate(order)
        ]
        await engine.ping()
        first.stop()
        for generation in waiting:
            await generation.result()
        assert [r.prefix.text for r in backend.seen[1:]] == [
            "VISIBLE1",
            "VISIBLE3",
            "SPECULATIVE2",
            "WARM0",
        ]


@pytest.mark.parametrize("low", [Priority.SPECULATIVE, Priority.WARM])
async def test_what_is_awaited_interrupts_what_is_not(path, backend, low):
    async with hosted(backend, path), connected(path) as engine:
        unasked = engine.generate(request("hold", priority=low))
        await backend.wait_started()
        assert (await engine.generate(request("now")).result()).candidates[0].text == "now"
        # It made way and goes on; what its client has heard already is not said again.
        await backend.wait_started()
        await backend.wait_started()
        unasked.stop()
        assert [piece async for piece in unasked] == ["hold"]
        assert (await unasked.result()).candidates[0].finish is Finish.CANCELLED
        assert [r.prefix.text for r in backend.seen] == ["hold", "now", "hold"]


async def test_the_backends_own_work_waits_until_nobody_else_does(path, backend):
    async with hosted(backend, path), connected(path) as engine:
        first = engine.generate(request("hold"))
        await backend.wait_started()
        second = engine.generate(request("second", priority=Priority.SPECULATIVE))
        await engine.ping()
        backend.own_work.append(request("own", priority=Priority.WARM))
        first.stop()
        await second.result()
        for _ in range(2):
            await backend.wait_started()
        assert [r.prefix.text for r in backend.seen] == ["hold", "second", "own"]


async def test_pings_are_answered_while_decoding(path, backend):
    async with hosted(backend, path), connected(path) as engine:
        generation = engine.generate(request("hold"))
        await backend.wait_started()
        assert await engine.ping() == 0
        generation.stop()
        await generation.result()


async def test_loading_is_reported_and_requests_wait_for_it(path, backend):
    backend.load_gate.clear()
    half = asyncio.Event()

    def on_loading(share):
        if share == 0.5:
            half.set()

    async with hosted(backend, path), connected(path, on_loading=on_loading) as engine:
        generation = engine.generate(request("early"))
        await half.wait()
        backend.load_gate.set()
        assert (await generation.result()).candidates[0].text == "early"
        await engine.info()


async def test_a_failed_load_is_told_to_everyone(path, backend):
    backend.load_gate.clear()
    backend.load_error = EngineStartError("no such file", "Pull it.")
    async with hosted(backend, path), connected(path) as engine:
        early = engine.generate(request("early"))
        await engine.ping()
        backend.load_gate.set()
        for pending in (early.result(), engine.info(), engine.generate(request("x")).result()):
            with pytest.raises(EngineStartError) as caught:
                await pending
            assert (caught.value.message, caught.value.remedy) == ("no such file", "Pull it.")


async def test_failures_keep_their_kind_and_hide_the_users_text(path, backend, caplog):
    async with hosted(backend, path), connected(path) as engine:
        with pytest.raises(BadRequestError, match=r"too large\. Make it smaller."):
            await engine.generate(request("bad")).result()
        with pytest.raises(EngineError) as caught:
            await engine.generate(request("secret")).result()
        assert "ValueError" in str(caught.value)
        assert "SECRET" not in str(caught.value) + caplog.text
        with pytest.raises(EngineError, match="candidates"):
            await engine.generate(request("x", candidates=1000)).result()
        assert (await engine.generate(request("fine")).result()).candidates[0].text == "fine"


async def test_a_lost_base_is_sent_again_in_full(path, backend):
    text = "x" * 500
    async with hosted(backend, path), connected(path) as engine:
        await engine.generate(request(text, suffix=text)).result()
        # Make the client believe that the engine has versions which it never saw.
        for key in ("prefix", "suffix"):
            engine._sender.pack(segment(key, text + "y"))
        answers = [engine.generate(request(text + "yz", text + "y")) for _ in range(2)]
        for answer in answers:
            assert (await answer.result()).candidates[0].text == text + "yz"
        assert {r.suffix.text for r in backend.seen[1:]} == {text + "y"}


async def test_two_clients_keys_are_not_mixed_up(path, backend):
    async with hosted(backend, path), connected(path) as one, connected(path) as two:
        await one.generate(request("of one")).result()
        await two.generate(request("of two")).result()
        first, second = backend.seen
        assert (first.prefix.text, second.prefix.text) == ("of one", "of two")
        assert first.prefix.key != second.prefix.key


@pytest.mark.parametrize(
    ("token", "protocol", "words"),
    [
        ("wrong-token-wrong-token", 1, "wrong token"),
        ("é\ud800", 1, "wrong token"),
        (TOKEN, 999, "speaks protocol"),
        ("", 1, "wrong token"),
    ],
)
async def test_strangers_are_refused(path, backend, token, protocol, words):
    async with hosted(backend, path):
        with pytest.raises(EngineStartError, match=words):
            await SocketEngine.connect(path, token, protocol=protocol)
        async with connected(path) as engine:
            assert await engine.ping() == 0


@pytest.mark.parametrize(
    "garbage",
    [
        b"\n",
        b"{}\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"\xff\x00\n",
        b"[" * 100_000 + b"\n",
        b"x" * 9000,
        b'{"jsonrpc":"2.0","id":1,"method":"generate","params":{}}\n',
    ],
)
async def test_garbage_before_the_handshake_ends_that_connection_only(path, backend, garbage):
    async with hosted(backend, path), connected(path) as engine:
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(garbage)
        if not garbage.endswith(b"\n"):
            writer.write_eof()
        await reader.read()
        writer.close()
        assert (await engine.generate(request("fine")).result()).candidates[0].text == "fine"
    assert [r.prefix.text for r in backend.seen] == ["fine"]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"nonsense", wire.PARSE_ERROR),
        (b"[]", wire.INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","id":5,"method":"dance"}', wire.METHOD_NOT_FOUND),
        (b'{"jsonrpc":"2.0","method":"generate","params":{}}', wire.INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","id":5,"method":"generate","params":[]}', wire.INVALID_PARAMS),
        (
            b'{"jsonrpc":"2.0","id":5,"method":"generate","params":{"context":[1]}}',
            wire.INVALID_PARAMS,
        ),
        (b'{"jsonrpc":"2.0","method":"cancel","params":{"id":[]}}', None),
    ],
)
async def test_garbage_after_the_handshake_is_answered(path, backend, line, code):
    async with hosted(backend, path):
        reader, writer = await asyncio.open_unix_connection(path)
        hello = wire.request(0, "hello", {"token": TOKEN, "protocol": PROTOCOL_VERSION})
        writer.write(wire.encode(hello) + line + b"\n" + wire.encode(wire.request(9, "ping", {})))
        answers = []
        while not answers or answers[-1].get("id") != 9:
            answers.append(json.loads(await reader.readline()))
        writer.close()
        codes = [answer["error"]["code"] for answer in answers if "error" in answer]
        assert codes == ([] if code is None else [code])


async def test_ends_with_its_last_client(path, backend):
    async with hosted(backend, path) as task:
        async with connected(path) as one:
            async with connected(path):
                await one.info()
            assert await one.ping() == 0
            held = one.generate(request("hold"))
            await backend.wait_started()
        assert await task
        assert backend.closed and not path.exists()
        with pytest.raises(EngineGoneError):
            await held.result()
        with pytest.raises(EngineGoneError):
            await one.generate(request("late")).result()
        with pytest.raises(EngineGoneError):
            await one.ping()


async def test_ends_when_nobody_comes(path, backend):
    async with hosted(backend, path, first_client_s=0.01) as task:
        assert await task


async def test_lingers_for_the_next_client(path, backend):
    async with hosted(backend, path, linger_s=3600):
        async with connected(path) as one:
            await one.info()
        async with connected(path) as two:
            assert await two.info() == INFO


async def test_an_answer_that_cannot_be_read_fails_instead_of_hanging(path, backend, monkeypatch):
    def unreadable(raw):
        raise TypeError("not what was expected")

    monkeypatch.setattr("codellama_lsp.engine.convert.result_from_json", unreadable)
    async with hosted(backend, path), connected(path) as engine:
        with pytest.raises(EngineGoneError):
            async with asyncio.timeout(20):
                await engine.generate(request()).result()


async def test_equally_wanted_jobs_take_turns_among_clients(path, backend):
    async with (
        hosted(backend, path),
        connected(path) as greedy,
        connected(path) as modest,
        connected(path) as third,
    ):
        first = greedy.generate(request("hold"))
        await backend.wait_started()
        flood = [greedy.generate(request(f"flood{i}")) for i in range(4)]
        await greedy.ping()
        others = [modest.generate(request("modest")), third.generate(request("third"))]
        await modest.ping()
        await third.ping()
        first.stop()
        for generation in (*flood, *others):
            await generation.result()
        seen = [r.prefix.text for r in backend.seen[1:]]
        assert set(seen[:3]) >= {"modest", "third"}
        assert [text for text in seen if text.startswith("flood")] == [
            f"flood{i}" for i in range(4)
        ]


async def test_an_idle_model_is_freed_and_comes_back(path, backend):
    again = asyncio.Event()
    async with (
        hosted(backend, path),
        connected(path, wishes=Wishes(idle_free_s=0.02)) as engine,
    ):
        engine.on_loaded = again.set
        await engine.info()
        await asyncio.to_thread(backend.freed.acquire)
        answer = await engine.generate(request("back")).result()
        assert answer.candidates[0].text == "back"
        await again.wait()
        assert backend.loads == 2


async def test_a_model_that_does_not_come_back_fails_that_request_only(path, backend):
    async with (
        hosted(backend, path),
        connected(path, wishes=Wishes(idle_free_s=0.02)) as engine,
    ):
        await engine.info()
        await asyncio.to_thread(backend.freed.acquire)
        backend.load_error = EngineStartError("no memory", "Close something.")
        with pytest.raises(EngineError, match=r"no memory\. Close something\."):
            await engine.generate(request("now")).result()
        backend.load_error = None
        assert (await engine.generate(request("then")).result()).candidates[0].text == "then"


async def test_a_model_that_somebody_wants_to_keep_is_kept(path, backend):
    async with (
        hosted(backend, path) as _,
        connected(path, wishes=Wishes(idle_free_s=0.01)) as one,
        connected(path) as keeper,
    ):
        await keeper.info()
        for _ in range(3):
            await one.generate(request("x")).result()
            await asyncio.sleep(0.03)
        assert backend.loads == 1


@pytest.mark.parametrize("low", [Priority.SPECULATIVE, Priority.WARM])
async def test_background_off_does_nothing_unasked(path, backend, low):
    wishes = Wishes(background=Background.OFF)
    async with (
        hosted(backend, path),
        connected(path, wishes=wishes) as off,
        connected(path) as on,
    ):
        refused = await off.generate(request("unasked", priority=low)).result()
        assert refused.candidates[0].finish is Finish.CANCELLED
        assert (await off.generate(request("asked")).result()).candidates[0].text == "asked"
        assert (await on.generate(request("mine", priority=low)).result()).candidates
        off.wish(Wishes())
        await off.generate(request("now", priority=low)).result()
        assert [r.prefix.text for r in backend.seen] == ["asked", "mine", "now"]


async def test_unasked_work_runs_at_low_priority_and_the_rest_does_not(path, backend):
    quiet = Quiet(lambda: Background.LIGHT, nice=7)
    async with hosted(backend, path, quiet=quiet), connected(path) as engine:
        for priority in (Priority.WARM, Priority.VISIBLE, Priority.WARM):
            await engine.generate(request("x", priority=priority)).result()
    base = os.getpriority(os.PRIO_PROCESS, 0)
    if sys.platform == "linux":
        assert backend.niceness == [max(base, 7), base, max(base, 7)]
    assert backend.shares == [0.5, 1.0, 0.5]
