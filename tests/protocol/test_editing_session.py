"""A long random editing session in several documents, as fast as the messages can be written.

One answer for each request, each with an outcome, and at the end the same text on both sides.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections import Counter
from pathlib import Path
from typing import Any

import attrs
import pytest

from codellama_lsp.completion.outcome import Outcome

from .client import (
    PATIENCE_S,
    Client,
    Message,
    RpcError,
    accept,
    split_lines,
    started,
    write_script,
)

EVENTS = 2000
PIECES = ["a", "b_1", "(", ")", "{", "}", '"', "\n", "\r\n", "\t", "é", "漢", "😀", "\x0c", "    "]
PASTED = "def f(x):\r\n    return '😀' + x\r\n\r\n"
ANSWERS: list[object] = ["zz", "", ")", "y😀\n    more()", {"text": "slow()", "delay_ms": 20}]

#: What a broken model may say, and a script that means harm.
HOSTILE: list[object] = [
    "a\0b",
    "x\ud800y",
    "\udc00",
    "\x1b[31mred\x07\x08",
    "z" * 10_000,
    "word " * 2_000,
    "sure, " * 60,
    "Okay. " * 60 + "\n```",
    "(" * 3_000,
    "})]" * 1_000,
    "'\"`" * 1_000,
    "\r" * 50 + "x",
    "a\rb\r\nc\n\rd",
    "\n" * 500,
    "\t \t" * 500 + "y",
    "\ufeff\u202ex\u2066",
    "<PRE> <SUF> <MID> <EOT> </s> <|endoftext|>",
    "/**" * 400,
    "a/" * 900 + "b.py\n",
    "good(1)",
    {"text": "\ud83d" + "x" * 50, "delay_ms": 20},
]


@attrs.define
class Editor:
    """An editor's own idea of a document, kept the slow and plain way."""

    uri: str
    text: str = ""
    cursor: int = 0
    version: int = 1
    is_open: bool = False
    history: list[tuple[str, int]] = attrs.field(factory=list)

    def position(self, offset: int) -> dict[str, int]:
        lines = split_lines(self.text[:offset])
        assert not self.splits_break(offset), "no cursor goes there"
        return {"line": len(lines) - 1, "character": len(lines[-1].encode("utf-16-le")) // 2}

    def splits_break(self, offset: int) -> bool:
        return offset > 0 and self.text[offset - 1 : offset + 1] == "\r\n"

    def at(self, offset: int) -> int:
        """The nearest place that a cursor can have."""
        offset = min(max(offset, 0), len(self.text))
        return offset + self.splits_break(offset)

    def replace(self, start: int, end: int, new: str) -> Message:
        """Edit; the change as it is sent."""
        change = {"range": {"start": self.position(start), "end": self.position(end)}, "text": new}
        self.history.append((self.text, self.cursor))
        self.text = self.text[:start] + new + self.text[end:]
        # The new text and what surrounds it may have become one line break.
        self.cursor = self.at(start + len(new))
        return change

    def undo(self) -> Message:
        """Back to the text before; the smallest change that leads there."""
        before, cursor = self.history.pop()
        start = 0
        while start < min(len(before), len(self.text)) and before[start] == self.text[start]:
            start += 1
        while self.splits_break(start) or before[start - 1 : start + 1] == "\r\n":
            start -= 1
        same = 0
        most = min(len(before), len(self.text)) - start
        while same < most and before[-1 - same] == self.text[-1 - same]:
            same += 1
        while same and self.splits_break(len(self.text) - same):
            same -= 1
        end = len(self.text) - same
        change = self.replace(start, end, before[start : len(before) - same])
        self.history.pop()
        assert self.text == before
        self.cursor = cursor
        return change


@attrs.define
class Asked:
    """A request and the document as it was then."""

    number: int
    answer: asyncio.Future[Any]
    editor: Editor
    version: int


class Session:
    """What a user does, at random."""

    def __init__(self, client: Client, seed: int) -> None:
        self.client = client
        self.rng = random.Random(seed)
        self.editors = [Editor(f"file:///work/{name}") for name in ("a.py", "b.go", "ü c.ts")]
        self.now = self.editors[0]
        self.asked: list[Asked] = []
        self.done: Counter[str] = Counter()
        for editor in self.editors:
            self.open(editor)

    def open(self, editor: Editor) -> None:
        language = {"py": "python", "go": "go", "ts": "typescript"}[editor.uri[-2:]]
        editor.is_open, editor.version = True, 1
        self.client.open(editor.text, editor.uri, language)

    def send(self, *changes: Message) -> None:
        self.now.version += 1
        self.client.change(*changes, uri=self.now.uri, version=self.now.version)

    async def pause(self) -> None:
        """Wait for an answer, and perhaps take it."""
        self.ask()
        await asyncio.wait({self.asked[-1].answer}, timeout=PATIENCE_S)
        self.done["accept"] += self.accept()

    def step(self) -> None:
        kind = self.rng.choice(
            ["type"] * 8
            + ["ask"] * 6
            + ["delete", "delete", "undo", "undo", "jump", "cancel", "cancel", "accept", "switch"]
            + ["paste", "several", "select", "whole", "close"]
        )
        if kind in ("whole", "close") and self.rng.random() < 0.7:
            kind = "type"
        if getattr(self, kind)() is not False:
            self.done[kind] += 1

    def type(self) -> None:
        editor = self.now
        self.send(editor.replace(editor.cursor, editor.cursor, self.rng.choice(PIECES)))
        if self.rng.random() < 0.5:
            self.ask()

    def delete(self) -> None:
        editor = self.now
        start = editor.at(editor.cursor - self.rng.choice([1, 1, 3, 40]))
        self.send(editor.replace(min(start, editor.cursor), editor.cursor, ""))

    def undo(self) -> bool:
        if not self.now.history:
            return False
        self.send(self.now.undo())
        return True

    def jump(self) -> None:
        self.now.cursor = self.now.at(self.rng.randint(0, len(self.now.text)))

    def switch(self) -> None:
        self.now = self.rng.choice(self.editors)

    def paste(self) -> None:
        editor = self.now
        end = editor.at(editor.cursor + self.rng.choice([0, 0, 20, 500]))
        self.send(editor.replace(editor.cursor, end, self.rng.choice([PASTED, PASTED[:20]])))

    def several(self) -> None:
        """Several changes in one notification, as several cursors make them."""
        editor, changes = self.now, []
        for _ in range(3):
            at = editor.at(self.rng.randint(0, len(editor.text)))
            changes.append(editor.replace(at, at, "x"))
        self.send(*changes)

    def whole(self) -> None:
        editor = self.now
        editor.history.append((editor.text, editor.cursor))
        editor.text = editor.text[: len(editor.text) // 2].rstrip("\r")
        editor.cursor = editor.at(editor.cursor)
        self.send({"text": editor.text})

    def close(self) -> None:
        """And open it again; a request in between is about no document."""
        editor = self.now
        self.client.notify("textDocument/didClose", {"textDocument": {"uri": editor.uri}})
        editor.is_open = False
        self.ask()
        self.open(editor)

    def ask(self, **context: Any) -> None:
        editor = self.now
        at = editor.position(editor.cursor)
        number, answer = self.client.ask_inline(
            at["line"], at["character"], editor.uri, self.rng.choice([1, 2, 2, 2]), **context
        )
        self.asked.append(Asked(number, answer, editor, editor.version if editor.is_open else 0))

    def select(self) -> None:
        """With an entry of the menu selected."""
        at = self.now.position(self.now.cursor)
        self.ask(selectedCompletionInfo={"range": {"start": at, "end": at}, "text": "chosen"})

    def cancel(self) -> bool:
        if not self.asked:
            return False
        number = self.rng.choice(self.asked[-3:]).number
        self.client.notify("$/cancelRequest", {"id": number})
        return True

    def accept(self) -> bool:
        """What was answered last, if it still is about the text that there is."""
        for asked in reversed(self.asked[-6:]):
            editor, answer = asked.editor, asked.answer
            if asked.version == editor.version and answer.done() and not answer.exception():
                for item in answer.result()["items"][:1]:
                    text = accept(editor.text, item)
                    at = split_offset(editor, item["range"]["start"])
                    end = split_offset(editor, item["range"]["end"])
                    self.now = editor
                    self.send(editor.replace(at, end, item["insertText"]))
                    assert editor.text == text
                    command = item["command"]
                    self.client.ask(
                        "workspace/executeCommand",
                        {"command": command["command"], "arguments": command["arguments"]},
                    )
                    return True
        return False


def split_offset(editor: Editor, position: dict[str, int]) -> int:
    """Offset of a position that the server named."""
    lines = split_lines(editor.text)
    line = lines[position["line"]].encode("utf-16-le")[: 2 * position["character"]]
    return len("".join(lines[: position["line"]])) + len(line.decode("utf-16-le"))


async def check(client: Client, seed: int) -> None:
    session = Session(client, seed)
    for number in range(EVENTS):
        session.step()
        if number % 10 == 9:
            await asyncio.sleep(0)  # Let answers come in.
        if number % 25 == 24:
            await session.pause()
    await asyncio.wait({asked.answer for asked in session.asked}, timeout=PATIENCE_S)
    stats = await client.command("codellama.stats")
    outcomes = stats["outcomes"]
    assert sum(session.done.values()) > 0.9 * EVENTS
    assert min(session.done.values()) > 5, session.done
    # One answer each, with an outcome; only what was cancelled is an error.
    for asked in session.asked:
        assert asked.answer.done()
        assert client.answers_seen[asked.number] == 1
        if error := asked.answer.exception():
            assert isinstance(error, RpcError)
            assert error.code == -32800
    assert (stats["requests"], stats["open"]) == (len(session.asked), 0)
    assert sum(outcomes.values()) == len(session.asked)
    assert outcomes["invalid"] == sum(asked.version == 0 for asked in session.asked)
    assert outcomes["failed"] == outcomes["engine_down"] == 0
    assert {Outcome.OFFERED, Outcome.CACHED, Outcome.SUPERSEDED, Outcome.CANCELLED} <= {
        Outcome(name) for name, count in outcomes.items() if count
    }
    for editor in session.editors:
        sha256 = hashlib.sha256(editor.text.encode()).hexdigest()
        told = await client.command("codellama.textHash", editor.uri)
        assert told == {"sha256": sha256, "version": editor.version}


@pytest.mark.parametrize("seed", [1, 2])
async def test_random_editing(seed: int, tmp_path: Path) -> None:
    async with started(write_script(tmp_path, *ANSWERS * 1000)) as client:
        await client.initialize()
        await check(client, seed)
        assert await client.shutdown() == 0


async def test_hostile_engine(tmp_path: Path) -> None:
    script = write_script(tmp_path, *HOSTILE * 150)
    async with started(script) as client:
        await client.initialize()
        await check(client, 3)
        assert await client.shutdown() == 0
