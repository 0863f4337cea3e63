"""Documents that nobody would write: an answer or a clear outcome each time, and no harm done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .client import URI, accept, split_lines, started, write_script

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
