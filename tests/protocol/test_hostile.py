"""Documents that nobody would write: an answer or a clear outcome each time, and no harm done."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path
from typing import Any

import pytest

from .client import URI, Client, accept, split_lines, started, write_script

SENTINELS = "<PRE> <SUF> <MID> <EOT> ▁<PRE> ▁<MID> <s> </s> <unk> <0x0A>"
LONG_LINE = "x = [" + "1, " * 1_700_000 + "]"

# name: (text, outcome at its end, outcome at its start)
DOCUMENTS = {
    "binary": ("\x7fELF\0\0\x01", "excluded"),
    "empty": ("", "offered"),
    "5 MB on one line": (LONG_LINE, "excluded"),
    "1 MB on one line": (LONG_LINE[:1_000_000], "offered"),
    "1 MB on one line, astral": ("😀" * 250_000, "offered"),
    "lone surrogates": ("x = '\ud800'\ny = '\udc00", "offered"),
    "sentinels": (SENTINELS, "offered"),
    "crlf": ("a = 1\r\nb = 2\r\n", "offered"),
    "cr": ("a = 1\rb = 2\r", "offered"),
    "tabs": ("\tif a:\n\t\t", "offered"),
    "no final newline": ("x = ", "offered"),
    "right to left": ("שלום = 'مرحبا' \u202e", "offered"),
    "odd breaks": ("a\x0b\x0c\x1c\x85\u2028\u2029b", "offered"),
    "only blank lines": ("\n" * 10_000, "offered"),
    "deep": ("(" * 20_000, "offered"),
}


@pytest.mark.parametrize("name", DOCUMENTS)
async def test_documents(name: str, tmp_path: Path) -> None:
    text, outcome = DOCUMENTS[name]
    async with started(write_script(tmp_path, "zz", "zz")) as client:
        await client.initialize()
        client.open(text)
        lines = split_lines(text)
        end = len(lines[-1].encode("utf-16-le", "surrogatepass")) // 2
        items = await client.inline(len(lines) - 1, end)
        assert await client.why() == outcome
        if items:
            # The characters cannot be compared where they are no characters.
            assert accept(text, items[0]) == text + "zz"
        await client.inline(0, 0)
        # Where the start is the end too, the answer is known already.
        assert await client.why() == (outcome if text else "cached")
        assert await client.shutdown() == 0


async def test_a_file_deleted_while_open(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text("x = ")
    async with started(write_script(tmp_path, "1", "2")) as client:
        await client.initialize()
        client.open("x = ", path.as_uri())
        path.unlink()
        assert len(await client.inline(0, 4, uri=path.as_uri())) == 1
        client.change({"text": "yy = "}, uri=path.as_uri())
        assert len(await client.inline(0, 5, uri=path.as_uri())) == 1


CANARY = "kanarienvogel"


async def test_no_text_of_the_user_reaches_a_log(tmp_path: Path, state_dir: Path) -> None:
    script = write_script(tmp_path, f"{CANARY}_said", f"{CANARY}_said", f"{CANARY}_said")
    async with started(script) as client:
        await client.initialize(options={"logLevel": "debug", CANARY[::-1]: 1})
        client.open(f"{CANARY} = ")
        for _ in range(3):
            await client.inline(0, 16)
        broken: list[Any] = [
            ("textDocument/inlineCompletion", {"position": CANARY}),
            ("textDocument/inlineCompletion", {"textDocument": {"uri": URI}, "position": CANARY}),
            ("workspace/executeCommand", {"command": CANARY, "arguments": [CANARY]}),
            (f"{CANARY}/method", {"a": CANARY}),
        ]
        for method, params in broken:
            _, answer = client.ask(method, params)
            await client.patient(answer)
            client.notify(method, params)
        client.notify("textDocument/didChange", {"textDocument": CANARY, "contentChanges": CANARY})
        client.change({"text": CANARY}, uri=f"file:///{CANARY}")
        client.change({"range": CANARY, "text": CANARY})
        client.send({"id": CANARY, "result": CANARY})
        client.send({"id": CANARY, "error": {"code": 1, "message": CANARY}})
        assert client.process.stdin is not None
        client.process.stdin.write(b"Content-Length: 15\r\n\r\n{" + CANARY.encode() + b"}")
        client.open(f"{CANARY} = \ud800")
        await client.inline(0, 16)
        assert await client.shutdown() == 0
        await client.close()
        assert CANARY.encode() not in client.stderr.lower()
        shown = [m for m in client.notifications if m["method"] != "codellama/status"]
        assert CANARY not in str(shown)
    for path in state_dir.rglob("*"):
        if path.is_file():
            assert CANARY not in str(path)
            assert CANARY.encode() not in path.read_bytes()


ALPHABET = ["a", "b", "(", ")", "{", "}", '"', "\n", "\r\n", "\t", "é", "漢", "😀", "\x0c", "    "]


class Editor:
    """An editor's own idea of the text, kept as UTF-16 units, the slow and plain way."""

    def __init__(self, text: str) -> None:
        self.text = text

    def position(self, offset: int) -> dict[str, int]:
        lines = split_lines(self.text[:offset])
        if self.text[offset - 1 : offset] == "\r" and self.text[offset : offset + 1] == "\n":
            raise AssertionError("no cursor goes there")
        return {"line": len(lines) - 1, "character": len(lines[-1].encode("utf-16-le")) // 2}

    def somewhere(self, rng: random.Random) -> int:
        offset = rng.randint(0, len(self.text))
        between = self.text[offset - 1 : offset + 1] == "\r\n" if offset else False
        return offset + between

    def edit(self, rng: random.Random) -> dict[str, Any]:
        start = self.somewhere(rng)
        end = min(len(self.text), start + rng.choice([0, 0, 0, 1, 3, 20]))
        end += self.text[end - 1 : end + 1] == "\r\n" if end else False
        new = "".join(rng.choices(ALPHABET, k=rng.choice([0, 1, 1, 2, 8])))
        change = {"range": {"start": self.position(start), "end": self.position(end)}, "text": new}
        self.text = self.text[:start] + new + self.text[end:]
        return change


async def session(client: Client, seed: int, events: int) -> None:
    rng = random.Random(seed)
    editor = Editor("")
    version = 1
    client.open("")
    answers = []
    for _ in range(events):
        kind = rng.choice(["edit", "edit", "edit", "ask", "ask", "cancel", "full", "pause"])
        if kind == "edit":
            version += 1
            changes = [editor.edit(rng) for _ in range(rng.choice([1, 1, 3]))]
            client.change(*changes, version=version)
        elif kind == "ask":
            position = editor.position(editor.somewhere(rng))
            answers.append(client.ask_inline(position["line"], position["character"]))
        elif kind == "cancel" and answers:
            client.notify("$/cancelRequest", {"id": rng.choice(answers)[0]})
        elif kind == "full" and rng.random() < 0.1:
            version += 1
            editor.text = editor.text[: len(editor.text) // 2].rstrip("\r")
            client.change({"text": editor.text}, version=version)
        elif kind == "pause" and answers:
            await client.patient(answers[-1][1])
    for number, answer in answers:
        await client.patient(answer)
        assert answer.done()
        assert client.answers_seen[number] == 1
    stats = await client.command("codellama.stats")
    assert (stats["requests"], stats["open"]) == (len(answers), 0)
    assert stats["outcomes"]["failed"] == 0
    assert stats["outcomes"]["invalid"] == 0
    # What the server thinks the text is shows in where and what it would insert at the end.
    end = editor.position(len(editor.text))
    before = editor.text
    (item,) = await client.inline(end["line"], end["character"])
    assert accept(before, item) == before + "zz"
    sha256 = hashlib.sha256(before.encode()).hexdigest()
    told = await client.command("codellama.textHash", URI)
    assert told == {"sha256": sha256, "version": version}


@pytest.mark.parametrize("seed", [1, 2])
async def test_random_editing(seed: int, tmp_path: Path) -> None:
    async with started(write_script(tmp_path, *["zz"] * 1000)) as client:
        await client.initialize()
        await session(client, seed, 400)
