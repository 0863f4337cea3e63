"""The index process: questions and changes come in on stdin, answers and progress go out on stdout.

Runs at the lowest priority and ends with its pipe. A question waits for one step of a build at
most. Must not know LSP or engines.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import queue
import sys
import threading
import time
from pathlib import Path
from typing import IO, Any

import attrs

from codellama_lsp.context.index.messages import (
    MOST_LINE_BYTES,
    assembly_to_json,
    encode,
    query_from_json,
)
from codellama_lsp.context.index.workspace_index import WorkspaceIndex
from codellama_lsp.context.watch import Watcher
from codellama_lsp.memory import give_back

log = logging.getLogger(__name__)

_PROGRESS_EVERY_S = 0.25
_IDLE_S = 1.0
#: Between steps of a build it sleeps as long as the step took: half a core is enough.
_MOST_REST_S = 0.02
#: What was asked comes first, but a flood of questions must not keep changes out for good.
_MOST_BETWEEN_STEPS = 50

_Message = dict[str, Any]


def serve(root: Path, source: IO[bytes], sink: IO[bytes], *, watch: bool) -> None:
    """Serve one folder until `source` ends."""
    with contextlib.suppress(OSError, AttributeError):
        os.nice(10)
    worker = _Worker(root, sink)
    inbox: queue.Queue[_Message | None] = queue.Queue()
    threading.Thread(target=_read, args=(source, inbox), daemon=True).start()
    watcher = None
    if watch and worker.index.state.state != "off":
        watcher = Watcher(worker.index.root, lambda paths: inbox.put(_changed(paths)))
        threading.Thread(target=_watch, args=(watcher, inbox), daemon=True).start()
    try:
        worker.run(inbox)
    finally:
        if watcher is not None:
            watcher.stop()
        worker.index.close()


def _watch(watcher: Watcher, inbox: queue.Queue[_Message | None]) -> None:
    # What was written before the watching began is found by a scan.
    inbox.put({"method": "rescan" if watcher.start() else "unwatched"})


def _changed(paths: list[str]) -> _Message:
    return {"method": "changed", "params": {"paths": paths}}


def _read(source: IO[bytes], inbox: queue.Queue[_Message | None]) -> None:
    while line := source.readline(MOST_LINE_BYTES):
        try:
            message = json.loads(line)
        except ValueError:
            log.warning("a message was no JSON")
            continue
        if isinstance(message, dict):
            inbox.put(message)
    inbox.put(None)


class _Worker:
    def __init__(self, root: Path, sink: IO[bytes]) -> None:
        self.index = WorkspaceIndex(root)
        self._sink = sink
        self._told: object = None
        self._told_at = 0.0

    def run(self, inbox: queue.Queue[_Message | None]) -> None:
        """Until the inbox says None, or at once where there is nothing to be done."""
        self._tell()
        if self.index.state.state == "off":
            return
        busy = worked = True
        while True:
            for number in range(_MOST_BETWEEN_STEPS):
                try:
                    message = inbox.get(block=not busy and number == 0, timeout=_IDLE_S)
                except queue.Empty:
                    if worked and not busy:
                        worked = False
                        give_back()
                    break
                worked = True
                if message is None:
                    return
                self._handle(message)
            started = time.monotonic()
            busy = self.index.step() or not inbox.empty()
            worked = worked or busy
            self._tell()
            if busy and inbox.empty():
                time.sleep(min(time.monotonic() - started, _MOST_REST_S))

    def _handle(self, message: _Message) -> None:
        number = message.get("id")
        try:
            result = self._answer(str(message.get("method")), message.get("params") or {})
        except Exception as error:
            log.exception("a question failed")
            if number is not None:
                self._send({"id": number, "error": type(error).__name__})
            return
        if number is not None:
            self._send({"id": number, "result": result})

    def _answer(self, method: str, params: _Message) -> object:
        library = self.index.library
        if method == "open":
            self.index.open(params["path"], params["text"], params["language"])
        elif method == "close":
            self.index.close_buffer(params["path"])
        elif method == "changed":
            self.index.changed([str(path) for path in params["paths"]])
        elif method == "select":
            opened = library.opened(params["path"])
            if opened is None:
                return None
            query = query_from_json(params, opened)
            started, cpu_s = time.perf_counter(), time.thread_time()
            assembly = self.index.select(query, params["budget_tokens"], params["chars_per_token"])
            took_ms = (time.perf_counter() - started) * 1000
            cpu_ms = (time.thread_time() - cpu_s) * 1000
            return {
                **assembly_to_json(assembly),
                "ms": round(took_ms, 2),
                "cpu_ms": round(cpu_ms, 2),
            }
        elif method == "folders":
            self.index.set_neighbours([(Path(f["root"]), f["prefix"]) for f in params["folders"]])
        elif method == "stop":
            self.index.stop_building()
        elif method == "build":
            self.index.build()
        elif method == "rescan":
            self.index.rescan()
        elif method == "unwatched":
            self.index.unwatched()
        else:
            raise ValueError(method)
        return None

    def _tell(self) -> None:
        state, now = self.index.state, time.monotonic()
        finished = state.state != "building"
        if state == self._told or (not finished and now - self._told_at < _PROGRESS_EVERY_S):
            return
        self._told, self._told_at = state, now
        told = {**attrs.asdict(state), "root": str(self.index.root)}
        self._send({"method": "state", "params": told})

    def _send(self, message: _Message) -> None:
        try:
            self._sink.write(encode(message))
            self._sink.flush()
        except (OSError, ValueError):
            # Whoever asked has gone; the end of the other pipe is about to say so.
            sys.exit(0)
