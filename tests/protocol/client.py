"""The smallest language client: raw messages to a real server process, nothing in between.

Unlike a client library it can send what no library would, and fails on answers it did not expect.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

#: For things that must happen; how long they take is not what these tests are about.
PATIENCE_S = 180.0

URI = "file:///work/a.py"

Message = dict[str, Any]


class RpcError(Exception):
    """The server answered with an error."""

    def __init__(self, error: Message) -> None:
        super().__init__(f"{error['code']}: {error['message']}")
        self.code = error["code"]


class Client:
    """One connection to one server process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.notifications: list[Message] = []
        self.requests: list[Message] = []
        """What the server asked of this client; all of it is answered at once."""
        self.answers_seen: dict[int | str, int] = {}
        self.settings: Any = None
        """What `workspace/configuration` answers with."""
        self._number = 0
        self._waiting: dict[int | str, asyncio.Future[Any]] = {}
        self._news = asyncio.Event()
        self._reading = asyncio.create_task(self._read())
        self.stderr = b""
        self._stderr = asyncio.create_task(self._read_stderr())

    def send(self, message: Message) -> None:
        """Any message, without the envelope."""
        assert self.process.stdin is not None
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))

    def notify(self, method: str, params: Any = None) -> None:
        self.send({"method": method, "params": params})

    def ask(self, method: str, params: Any = None) -> tuple[int, asyncio.Future[Any]]:
        """Send a request; its id and its answer to be awaited."""
        self._number += 1
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        answer.add_done_callback(lambda answer: answer.cancelled() or answer.exception())
        self._waiting[self._number] = answer
        self.send({"id": self._number, "method": method, "params": params})
        return self._number, answer

    async def request(self, method: str, params: Any = None) -> Any:
        async with asyncio.timeout(PATIENCE_S):
            return await self.ask(method, params)[1]

    async def initialize(
        self, encodings: list[str] | None = None, options: Any = None, **rest: Any
    ) -> Message:
        capabilities = {
            "general": {"positionEncodings": encodings or ["utf-16"]},
            "textDocument": {"inlineCompletion": {}},
            "workspace": {"configuration": self.settings is not None},
        }
        params = {
            "processId": None,
            "rootUri": None,
            "capabilities": capabilities,
            "initializationOptions": options,
            **rest,
        }
        result: Message = await self.request("initialize", params)
        self.notify("initialized", {})
        return result

    def open(self, text: str, uri: str = URI, language: str = "python") -> None:
        document = {"uri": uri, "languageId": language, "version": 1, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": document})

    def change(self, *changes: Message, uri: str = URI, version: int = 2) -> None:
        document = {"uri": uri, "version": version}
        params = {"textDocument": document, "contentChanges": changes}
        self.notify("textDocument/didChange", params)

    def ask_inline(
        self, line: int, character: int, uri: str = URI, trigger: int = 2, **context: Any
    ) -> tuple[int, asyncio.Future[Any]]:
        return self.ask(
            "textDocument/inlineCompletion",
            {
                "textDocument": {"uri": uri},
                "position": {"line": line, "character": character},
                "context": {"triggerKind": trigger, **context},
            },
        )

    async def inline(self, line: int, character: int, **rest: Any) -> list[Message]:
        async with asyncio.timeout(PATIENCE_S):
            items: list[Message] = (await self.ask_inline(line, character, **rest)[1])["items"]
        return items

    async def patient(self, answer: asyncio.Future[Any]) -> bool:
        """Whether `answer` comes within a while; for what is right whether it does or not."""
        return bool((await asyncio.wait({answer}, timeout=0.5))[0])

    async def command(self, name: str, *arguments: Any) -> Any:
        return await self.request(
            "workspace/executeCommand", {"command": name, "arguments": list(arguments)}
        )

    async def why(self, uri: str | None = URI) -> str:
        """How the last request ended."""
        told = await self.command("codellama.why", *([uri] if uri else []))
        return str(told[0]["outcome"])

    async def status(self, state: str) -> Message:
        """Wait until the server has said that it is in `state`."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                for message in self.notifications:
                    params = message["params"]
                    if message["method"] == "codellama/status" and params["state"] == state:
                        return params  # type: ignore[no-any-return]
                self._news.clear()
                await self._news.wait()

    async def told(self, wanted: Callable[[Message], bool]) -> Message:
        """Wait until the server has sent a notification or a request like that; the first one."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                for message in (*self.notifications, *self.requests):
                    if wanted(message):
                        return message
                self._news.clear()
                await self._news.wait()

    async def shutdown(self) -> int:
        await self.request("shutdown")
        self.notify("exit")
        return await self.wait()

    async def wait(self) -> int:
        """Wait for the server's end; its exit status."""
        async with asyncio.timeout(PATIENCE_S):
            return await self.process.wait()

    async def close(self) -> None:
        if self.process.returncode is None:
            self.process.kill()
            await self.process.wait()
        await asyncio.gather(self._reading, self._stderr, return_exceptions=True)

    async def _read(self) -> None:
        stdout = self.process.stdout
        assert stdout is not None
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                header = await stdout.readuntil(b"\r\n\r\n")
                length = next(
                    int(line.split(b":")[1])
                    for line in header.split(b"\r\n")
                    if line.lower().startswith(b"content-length")
                )
                self._take(json.loads(await stdout.readexactly(length)))
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(ConnectionError("the server ended"))
                answer.exception()

    def _take(self, message: Message) -> None:
        if "method" not in message:
            number = message["id"]
            self.answers_seen[number] = self.answers_seen.get(number, 0) + 1
            answer = self._waiting.pop(number)
            if answer.done():
                return
            if "error" in message:
                answer.set_exception(RpcError(message["error"]))
            else:
                answer.set_result(message["result"])
        elif "id" in message:
            self.requests.append(message)
            self._news.set()
            result = None
            if message["method"] == "workspace/configuration":
                result = [self.settings]
            self.send({"id": message["id"], "result": result})
        else:
            self.notifications.append(message)
            self._news.set()

    async def _read_stderr(self) -> None:
        assert self.process.stderr is not None
        while chunk := await self.process.stderr.read(4096):
            self.stderr += chunk


@contextlib.asynccontextmanager
async def started(script: Path | None, *arguments: str) -> AsyncIterator[Client]:
    """A running server, not initialized; with a scripted engine or with the real one."""
    engine = ["--engine", f"scripted:{script}"] if script else []
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "codellama_lsp",
        *engine,
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=dict(os.environ),
    )
    client = Client(process)
    try:
        yield client
    finally:
        await client.close()


def write_script(folder: Path, *items: object) -> Path:
    path = folder / "script.json"
    path.write_text(json.dumps(items), encoding="utf-8")
    return path


def accept(text: str, item: Message, encoding: str = "utf-16") -> str:
    """`text` after an editor put `item` where it belongs; by the slowest and plainest way."""
    size = {"utf-8": 1, "utf-16": 2, "utf-32": 4}[encoding]
    codec = {"utf-8": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}[encoding]
    start, end = item["range"]["start"], item["range"]["end"]
    assert start["line"] == end["line"]
    lines = split_lines(text)
    raw = lines[start["line"]].encode(codec, "surrogatepass")
    first, last = start["character"] * size, end["character"] * size
    new = raw[:first] + item["insertText"].encode(codec, "surrogatepass") + raw[last:]
    lines[start["line"]] = new.decode(codec, "surrogatepass")
    return "".join(lines)


def split_lines(text: str) -> list[str]:
    """Lines with their breaks, as the protocol defines them."""
    lines, line = [], ""
    for index, char in enumerate(text):
        line += char
        if char == "\n" or (char == "\r" and text[index + 1 : index + 2] != "\n"):
            lines.append(line)
            line = ""
    return [*lines, line]
