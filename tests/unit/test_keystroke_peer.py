"""The llama-server client, against a small server that only looks like one."""

from __future__ import annotations

import http.server
import json
import os
import socketserver
import stat
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from codellama_lsp.engine.protocol import EngineError, EngineStartError
from codellama_lsp.evaluation.keystrokes.editor import EventClass
from codellama_lsp.evaluation.keystrokes.peer import (
    InfillClient,
    LlamaServer,
    PeerWindows,
    batch_tokens,
    infill_body,
    play_peer,
)
from codellama_lsp.evaluation.keystrokes.samples import Sample
from codellama_lsp.evaluation.keystrokes.traces import Event

TIMINGS = {"cache_n": 10, "prompt_n": 7, "prompt_ms": 1.0, "predicted_n": 3, "predicted_ms": 2.0}


class Fake(http.server.BaseHTTPRequestHandler):
    """Answers as it is told to and remembers what it was asked."""

    asked: list[dict[str, Any]]
    status: int
    messages: list[dict[str, Any]]

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/health" else 404)
        self.end_headers()

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        self.asked.append(json.loads(self.rfile.read(length)))
        self.send_response(self.status)
        self.end_headers()
        for message in self.messages:
            self.wfile.write(f"data: {json.dumps(message)}\n\n".encode())
        self.wfile.write(b"data: [DONE]\n\n")

    def log_message(self, *args: object) -> None: ...


@pytest.fixture
def fake() -> Iterator[tuple[type[Fake], InfillClient]]:
    kind = type("Kind", (Fake,), {"asked": [], "status": 200, "messages": [
        {"content": ""}, {"content": "a"}, {"content": "b"}, {"content": "", "timings": TIMINGS},
    ]})  # fmt: skip
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), kind) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield kind, InfillClient(server.server_address[1])
        finally:
            server.shutdown()
            thread.join()


def event(marked: str) -> Event:
    offset = marked.index("|")
    return Event(EventClass.TYPE, "file:///a", "python", marked.replace("|", "", 1), offset)


def sample(generated: int) -> Sample:
    return Sample(EventClass.TYPE, 1, 0, 1.0, 1.0, 1.0, 1.0, 10, generated, 5)


def test_an_answer_is_read(fake: tuple[type[Fake], InfillClient]) -> None:
    _, client = fake
    answer = client.infill({})
    assert (answer.prompt_n, answer.cached_n, answer.predicted_n) == (7, 10, 3)
    assert (answer.prompt_ms, answer.native_ms) == (1.0, 3.0)
    assert 0 < answer.first_token_ms <= answer.total_ms


def test_the_same_events_with_as_many_tokens(fake: tuple[type[Fake], InfillClient]) -> None:
    kind, client = fake
    played = [(event("a\nb|\nc"), sample(5)), (event("a\nbc|\nc"), sample(0))]
    samples = [one for _, one in play_peer(played, client, 100, 100)]
    assert [body["n_predict"] for body in kind.asked] == [5, 1]
    assert [one.fresh_tokens for one in samples] == [7, 7]
    assert [one.all_tokens for one in samples] == [9, 9]
    assert [one.prompt_tokens for one in samples] == [17, 17]


def test_errors_are_in_words(fake: tuple[type[Fake], InfillClient]) -> None:
    kind, client = fake
    kind.messages = [{"content": "a"}]
    with pytest.raises(EngineError, match="no timings"):
        client.infill({})
    kind.status = 501
    with pytest.raises(EngineError, match="answered 501"):
        client.infill({})


def test_nobody_there() -> None:
    client = InfillClient(1)
    assert not client.healthy()
    with pytest.raises(EngineError, match="did not answer"):
        client.infill({})


BODIES = {
    "inside a line": ("a\nb|c\nd\ne\n", "a\n", "b", "c\nd\ne\n"),
    "at the start": ("|a\nb", "", "", "a\nb\n"),
    "at the end": ("a\nb|", "a\n", "b", "\n\n"),
    "a blank line": ("a\n  |  \nb\n", "a\n", "", "\nb\n\n"),
    "so many lines": ("a\nb\nc\nd|\ne\nf\ng\nh\n", "b\nc\n", "d", "\ne\nf\n"),
}


@pytest.mark.parametrize("name", BODIES)
def test_windows_are_llama_vims(name: str) -> None:
    marked, prefix, prompt, suffix = BODIES[name]
    body = infill_body(event(marked), PeerWindows(2, 2), 8)
    assert (body["input_prefix"], body["prompt"], body["input_suffix"]) == (prefix, prompt, suffix)
    assert (body["id_slot"], body["cache_prompt"], body["top_k"], body["top_p"]) == (
        0,
        True,
        40,
        0.9,
    )


def test_windows_of_equal_size() -> None:
    assert PeerWindows.sized("1234567\n" * 100, 800, 80) == PeerWindows(101, 10)
    assert PeerWindows.sized("", 800, 80) == PeerWindows(800, 80)


@pytest.mark.parametrize(("prefix", "suffix", "batch"), [
    (518, 222, 1024), (700, 300, 2048), (11468, 4915, 20480),
])  # fmt: skip
def test_the_server_does_not_cut_them(prefix: int, suffix: int, batch: int) -> None:
    assert batch_tokens(prefix, suffix) == batch
    assert prefix <= batch * 3 / 4
    assert suffix <= batch / 4


def script(path: Path, body: str) -> Path:
    path.write_text(f"#!{sys.executable}\n{body}")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


SERVER = """
import http.server, os, pathlib, sys
pathlib.Path(sys.argv[0] + ".pid").write_text(str(os.getpid()))
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
    def log_message(self, *args): pass
port = int(sys.argv[sys.argv.index("--port") + 1])
http.server.HTTPServer((sys.argv[sys.argv.index("--host") + 1], port), Handler).serve_forever()
"""


@pytest.mark.skipif(os.name != "posix", reason="the stand-in is a script")
def test_the_server_is_ended_whatever_happens(tmp_path: Path) -> None:
    binary = script(tmp_path / "server", SERVER)
    model = tmp_path / "m.gguf"
    with (
        pytest.raises(RuntimeError),
        LlamaServer(binary, model, batch=1024, threads=1) as server,
    ):
        assert server.client.healthy()
        pid = int((tmp_path / "server.pid").read_text())
        raise RuntimeError
    assert not server.client.healthy()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert "-b 1024 -ub 1024 --cache-reuse 256" in " ".join(server.command)


@pytest.mark.skipif(os.name != "posix", reason="the stand-in is a script")
def test_a_server_that_ends_at_once_is_quoted(tmp_path: Path) -> None:
    binary = script(tmp_path / "server", "raise SystemExit('no such model')")
    with pytest.raises(EngineStartError, match="no such model"):
        LlamaServer(binary, tmp_path / "m.gguf", batch=1024, threads=1).__enter__()
    with pytest.raises(EngineStartError, match="cannot be run"):
        LlamaServer(tmp_path / "none", tmp_path / "m.gguf", batch=1024, threads=1).__enter__()
