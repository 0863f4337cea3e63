"""The peer: llama-server's ``/infill``, asked as llama.vim asks it.

Starts the server, keeps it on loopback, always ends it; HTTP by the standard library alone.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import attrs

from codellama_lsp.engine.protocol import EngineError, EngineStartError
from codellama_lsp.evaluation.keystrokes.samples import Sample
from codellama_lsp.evaluation.keystrokes.traces import Event

#: Of a prompt of ``-b`` tokens, what llama-server gives to the prefix and to the suffix.
BATCH_TOKENS = 1024
_READY_S = 600.0
_ANSWER_S = 600.0
_GRACE_S = 5.0


@attrs.frozen
class PeerWindows:
    """Lines of a document before and after the cursor's, as llama.vim counts them."""

    prefix_lines: int
    suffix_lines: int

    @classmethod
    def sized(cls, text: str, prefix_chars: int, suffix_chars: int) -> PeerWindows:
        """As many lines of `text` as hold so many characters."""
        mean_chars = max(len(text) / (text.count("\n") + 1), 1.0)
        return cls(
            max(1, round(prefix_chars / mean_chars)), max(1, round(suffix_chars / mean_chars))
        )


@attrs.frozen
class PeerAnswer:
    """What the server said of one request."""

    prompt_n: int
    """Prompt tokens that it evaluated."""
    cached_n: int
    predicted_n: int
    first_token_ms: float
    total_ms: float
    prompt_ms: float
    native_ms: float
    """Evaluation of prompt and text, by the server's own count."""


def batch_tokens(prefix_tokens: float, suffix_tokens: float) -> int:
    """llama.vim's ``-b``, or the next multiple that lets windows of this size pass uncut."""
    wanted = max(prefix_tokens * 4 / 3, (suffix_tokens + 32) * 4)
    return BATCH_TOKENS * max(1, -(-int(wanted) // BATCH_TOKENS))


def infill_body(event: Event, windows: PeerWindows, n_predict: int) -> dict[str, Any]:
    """The request that llama.vim would send; `n_predict` tokens are generated in any case."""
    before, after = event.text[: event.offset], event.text[event.offset :]
    above = before.split("\n")
    here = above.pop()
    rest, _, below = after.partition("\n")
    if not (here + rest).strip():
        here, rest = "", ""  # a blank line is completed from its start on
    prefix = "".join(line + "\n" for line in above[-windows.prefix_lines :])
    suffix = rest + "\n" + "\n".join(below.split("\n")[: windows.suffix_lines]) + "\n"
    return {
        "input_prefix": prefix,
        "input_suffix": suffix,
        "input_extra": [],
        "prompt": here,
        "n_predict": n_predict,
        "n_indent": 0,
        "ignore_eos": True,
        "top_k": 40,
        "top_p": 0.90,
        # llama.vim's third one, "infill", ends a text where no token is likely: after one token
        # with random weights, so that the two sides would not generate as much.
        "samplers": ["top_k", "top_p"],
        "id_slot": 0,
        "cache_prompt": True,
        "stream": True,
    }


class InfillClient:
    """Asks a llama-server on this machine."""

    def __init__(self, port: int) -> None:
        self._port = port

    def healthy(self) -> bool:
        """Whether its model is loaded."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=5)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == http.HTTPStatus.OK
        except OSError:
            return False
        finally:
            connection.close()

    def infill(self, body: dict[str, Any]) -> PeerAnswer:
        """Ask and read the stream to its end. Raises `EngineError`."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_ANSWER_S)
        started_s = time.perf_counter()
        first_s: float | None = None
        timings: dict[str, Any] = {}
        try:
            headers = {"Content-Type": "application/json"}
            connection.request("POST", "/infill", json.dumps(body), headers)
            response = connection.getresponse()
            if response.status != http.HTTPStatus.OK:
                said = response.read(400).decode("utf-8", "replace")
                raise EngineError(f"llama-server answered {response.status}: {said}")
            for message in _messages(response):
                if first_s is None and message.get("content"):
                    first_s = time.perf_counter()
                timings = message.get("timings") or timings
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise EngineError(f"llama-server did not answer ({type(error).__name__})") from error
        finally:
            connection.close()
        ended_s = time.perf_counter()
        if "prompt_n" not in timings:
            raise EngineError("llama-server's answer has no timings")
        prompt_ms = float(timings.get("prompt_ms", 0))
        return PeerAnswer(
            prompt_n=int(timings["prompt_n"]),
            cached_n=int(timings.get("cache_n", 0)),
            predicted_n=int(timings.get("predicted_n", 0)),
            first_token_ms=((first_s or ended_s) - started_s) * 1000,
            total_ms=(ended_s - started_s) * 1000,
            prompt_ms=prompt_ms,
            native_ms=prompt_ms + float(timings.get("predicted_ms", 0)),
        )


class LlamaServer:
    """A running llama-server; a context manager that always ends it."""

    def __init__(self, binary: Path, model: Path, *, batch: int, threads: int) -> None:
        self._port = _free_port()
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (closed in close)
        self.command = [
            *(str(binary), "-m", str(model), "--host", "127.0.0.1", "--port", str(self._port)),
            *("-b", str(batch), "-ub", str(batch), "--cache-reuse", "256"),
            *("-c", str(max(4096, 2 * batch)), "-t", str(threads)),
        ]
        self._process: subprocess.Popen[bytes] | None = None
        self.client = InfillClient(self._port)

    def __enter__(self) -> LlamaServer:
        """Start it and wait until its model is loaded. Raises `EngineStartError`."""
        try:
            self._process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log
            )
        except OSError as error:
            raise EngineStartError(
                f"{self.command[0]} cannot be run ({error.strerror})",
                "Pass the path of llama.cpp's llama-server.",
            ) from error
        try:
            self._wait_ready()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End it."""
        self.close()

    def close(self) -> None:
        """End it, by force if it takes its time."""
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_GRACE_S)
            process.kill()
            process.wait()
        self._log.close()

    def _wait_ready(self) -> None:
        assert self._process is not None
        deadline_s = time.monotonic() + _READY_S
        while not self.client.healthy():
            if self._process.poll() is not None:
                self._log.seek(0)
                said = self._log.read().decode("utf-8", "replace").strip().splitlines()
                raise EngineStartError(
                    f"llama-server ended at once (status {self._process.returncode}): "
                    + (said[-1] if said else "it said nothing")
                )
            if time.monotonic() > deadline_s:
                raise EngineStartError("llama-server did not get ready")
            time.sleep(0.05)


def play_peer(
    events: Sequence[tuple[Event, Sample]],
    client: InfillClient,
    prefix_chars: int,
    suffix_chars: int,
) -> Iterator[tuple[Event, Sample]]:
    """The same events at the peer; each gets as many tokens generated as ours did."""
    windows: dict[str, PeerWindows] = {}
    for event, ours in events:
        if event.uri not in windows:
            windows[event.uri] = PeerWindows.sized(event.text, prefix_chars, suffix_chars)
        body = infill_body(event, windows[event.uri], max(1, ours.generated_tokens))
        answer = client.infill(body)
        yield (
            event,
            Sample(
                kind=event.kind,
                fresh_tokens=answer.prompt_n,
                ahead_tokens=0,
                first_token_ms=answer.first_token_ms,
                overhead_ms=answer.total_ms - answer.native_ms,
                first_overhead_ms=max(answer.first_token_ms - answer.prompt_ms, 0.0),
                total_ms=answer.total_ms,
                prompt_tokens=answer.prompt_n + answer.cached_n,
                generated_tokens=answer.predicted_n,
                # The last generated token is never evaluated.
                all_tokens=answer.prompt_n + max(answer.predicted_n - 1, 0),
            ),
        )


def _messages(response: http.client.HTTPResponse) -> Iterator[dict[str, Any]]:
    """The JSON of a stream of server-sent events."""
    for raw in response:
        line = raw.decode("utf-8", "replace").strip()
        if line.startswith("data:") and line != "data: [DONE]":
            yield json.loads(line.removeprefix("data:"))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
