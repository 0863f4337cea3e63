"""An index process as its server sees it: started when needed, asked, started again if it dies."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from codellama_lsp.context.index.messages import MOST_LINE_BYTES, encode

log = logging.getLogger(__name__)

_MOST_STARTS = 3
#: A process that lived longer than this ended for a reason of its own.
_LONG_S = 60.0
_CLOSE_PATIENCE_S = 0.3


class IndexClient:
    """One folder's index process. Nothing here raises because of it: it may be absent."""

    def __init__(
        self, root: Path, *, watch: bool, on_state: Callable[[dict[str, Any]], None]
    ) -> None:
        self.root = root
        self._watch = watch
        self._on_state = on_state
        self._process: asyncio.subprocess.Process | None = None
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._starts = 0
        self._closed = False
        self._listening = False
        """Whether there is a process that answers."""
        self._off = False
        """Whether the process has said that there is nothing to be read."""
        self.on_start: Callable[[], None] = lambda: None
        """Called when a process has started, also a second one: it knows no buffers yet."""

    @property
    def pid(self) -> int | None:
        """Of the process, while there is one."""
        running = self._process is not None and self._process.returncode is None
        return self._process.pid if running and self._process is not None else None

    async def start(self) -> None:
        """Start the process; gives up for good after a few that died soon."""
        loop = asyncio.get_running_loop()
        while not self._closed and not self._off and self._starts < _MOST_STARTS:
            self._starts += 1
            born_s = loop.time()
            command = [sys.executable, "-m", "codellama_lsp.cli.index", "index"]
            command += ["--root", str(self.root), *(["--watch"] if self._watch else [])]
            try:
                self._process = await asyncio.create_subprocess_exec(
                    *command,
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=asyncio.subprocess.DEVNULL,
                    limit=MOST_LINE_BYTES,
                    start_new_session=os.name == "posix",
                )
            except OSError as error:
                self._on_state({"state": "failed", "message": f"no process: {error.strerror}"})
                return
            self._listening = True
            self.on_start()
            await self._read(self._process)
            if loop.time() - born_s > _LONG_S:
                self._starts = 0
            if not self._closed and not self._off:
                log.warning("the index process ended with status %s", self._process.returncode)
        if not self._closed and not self._off:
            self._on_state({"state": "failed", "message": "the process that reads it keeps ending"})

    def tell(self, method: str, params: dict[str, Any]) -> bool:
        """Send what needs no answer; False where nobody listens."""
        return self._send({"method": method, "params": params})

    async def ask(self, method: str, params: dict[str, Any]) -> Any:
        """The answer, or None where there is none."""
        number = next(self._numbers)
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        try:
            if not self._send({"id": number, "method": method, "params": params}):
                return None
            return await future
        finally:
            self._waiting.pop(number, None)

    async def close(self) -> None:
        """End the process."""
        self._closed = True
        process = self._process
        if process is None or process.returncode is not None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(_CLOSE_PATIENCE_S):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()

    def _send(self, message: dict[str, Any]) -> bool:
        process = self._process
        if not self._listening or process is None or process.stdin is None:
            return False
        if process.returncode is not None or process.stdin.is_closing():
            return False
        process.stdin.write(encode(message))
        return True

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        try:
            while line := await process.stdout.readline():
                self._take(json.loads(line))
        except (ValueError, OSError):
            log.warning("the index process sent something unreadable")
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        finally:
            self._listening = False
            for future in self._waiting.values():
                if not future.done():
                    future.set_result(None)
        await process.wait()

    def _take(self, message: dict[str, Any]) -> None:
        if message.get("method") == "state":
            self._off = message["params"].get("state") == "off"
            self._on_state(message["params"])
            return
        future = self._waiting.get(message.get("id", 0))
        if future is not None and not future.done():
            future.set_result(message.get("result"))
