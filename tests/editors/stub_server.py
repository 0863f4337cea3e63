"""A language server that says what its script says and writes down what it was told.

Run as a program: ``stub_server.py SCRIPT LOG``. The script is JSON:
``{"anchor": "x = ", "texts": ["one", "two"], "name": "stub", "diagnostic": "..."}``. On a line that
begins with the anchor, it offers the texts that go on from what follows the anchor: the first one,
or all of them when the user asked. With "asks", it asks for the client's settings. What it says of
itself is "status" when the client looks at another document, or the setting ``say_status``. With
``--version`` it says "version". The log has a JSON message a line. Uses nothing of the project.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

Message = dict[str, Any]


class Stub:
    """One connection on stdin and stdout."""

    def __init__(self, script: Path, log: Path) -> None:
        self.script, self.log = script, log
        self.texts: dict[str, str] = {}

    def run(self) -> None:
        """Answer until the client says exit or goes away."""
        while message := self._read():
            with self.log.open("a", encoding="utf-8") as log:
                log.write(json.dumps(message) + "\n")
            method = message.get("method")
            if method == "exit":
                return
            if method is not None:
                result = self._handle(method, message.get("params") or {})
                if "id" in message:
                    self._send({"id": message["id"], "result": result})

    def _handle(self, method: str, params: Message) -> object:
        script = json.loads(self.script.read_text(encoding="utf-8"))
        if method == "initialize":
            info = {"name": "stub", "version": version(script)}
            return {"capabilities": self._capabilities(script), "serverInfo": info}
        if method == "initialized" and "texts" in script:
            self._send(
                {
                    "method": "codellama/status",
                    "params": {"state": "ready", "model": "stub", "last_ms": 12.0},
                }
            )
        if method in ("initialized", "workspace/didChangeConfiguration") and script.get("asks"):
            items = [{"section": "codellama"}]
            ask = {
                "id": "settings",
                "method": "workspace/configuration",
                "params": {"items": items},
            }
            self._send(ask)
        if method == "textDocument/didFocus" and "status" in script:
            self._send({"method": "codellama/status", "params": script["status"]})
        if method == "workspace/didChangeConfiguration":
            settings = (params["settings"] or {}).get("codellama") or {}
            if "say_status" in settings:
                self._send({"method": "codellama/status", "params": settings["say_status"]})
        if method == "textDocument/didOpen":
            document = params["textDocument"]
            self.texts[document["uri"]] = document["text"]
            if "diagnostic" in script:
                self._diagnose(document["uri"], script["diagnostic"])
        if method == "textDocument/didChange":
            self.texts[params["textDocument"]["uri"]] = params["contentChanges"][-1]["text"]
        if method == "textDocument/inlineCompletion":
            return {"items": self._items(script, params)}
        if method == "textDocument/completion":
            return {"isIncomplete": False, "items": [{"label": script["completion"]}]}
        return None

    @staticmethod
    def _capabilities(script: Message) -> Message:
        capabilities: Message = {"textDocumentSync": 1}
        if "texts" in script:
            capabilities["inlineCompletionProvider"] = {}
            capabilities["executeCommandProvider"] = {"commands": ["codellama.accepted"]}
        if "completion" in script:
            capabilities["completionProvider"] = {"triggerCharacters": ["."]}
        return capabilities

    def _items(self, script: Message, params: Message) -> list[Message]:
        position = params["position"]
        line = self.texts[params["textDocument"]["uri"]].split("\n")[position["line"]]
        before = line[: position["character"]]
        anchor = script["anchor"]
        if not before.startswith(anchor):
            return []
        typed = before[len(anchor) :]
        found = [text[len(typed) :] for text in script["texts"] if text.startswith(typed)]
        # What an editor closed on its own goes with the suggestion that brings it.
        behind = len(line) - len(before) if script.get("replaces_rest") else 0
        end = {"line": position["line"], "character": position["character"] + behind}
        wanted = found if params["context"]["triggerKind"] == 1 else found[:1]
        return [
            {
                "insertText": text,
                "range": {"start": position, "end": end},
                "command": {"title": "", "command": "codellama.accepted", "arguments": [text]},
            }
            for text in wanted
            if text
        ]

    def _diagnose(self, uri: str, message: str) -> None:
        start = {"line": 0, "character": 0}
        diagnostic = {"range": {"start": start, "end": start}, "message": message}
        params = {"uri": uri, "diagnostics": [diagnostic]}
        self._send({"method": "textDocument/publishDiagnostics", "params": params})

    @staticmethod
    def _read() -> Message | None:
        length = 0
        while line := sys.stdin.buffer.readline().strip():
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        if not length:
            return None
        message: Message = json.loads(sys.stdin.buffer.read(length))
        return message

    @staticmethod
    def _send(message: Message) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        sys.stdout.buffer.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        sys.stdout.buffer.flush()


def version(script: Message) -> str:
    """By default newer than any client asks for."""
    return str(script.get("version", "99.0.0"))


if __name__ == "__main__":
    if "--version" in sys.argv:
        print("codellama-lsp", version(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))
    else:
        Stub(Path(sys.argv[1]), Path(sys.argv[2])).run()
