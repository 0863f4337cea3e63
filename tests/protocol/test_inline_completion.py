"""`textDocument/inlineCompletion` through a real server process."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from .client import PATIENCE_S, URI, Client, RpcError, accept, split_lines, started, write_script

FOREVER_MS = 3_600_000


def place(marked: str, encoding: str = "utf-16") -> tuple[str, int, int]:
    """Text, line and character of a text with its cursor marked."""
    codec, size = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}[
        encoding
    ]
    before, after = marked.split("|")
    lines = split_lines(before)
    character = len(lines[-1].encode(codec, "surrogatepass")) // size
    return before + after, len(lines) - 1, character


async def test_capabilities(tmp_path: Path) -> None:
    async with started(write_script(tmp_path)) as client:
        result = await client.initialize()
        capabilities = result["capabilities"]
        assert capabilities["inlineCompletionProvider"] == {}
        assert capabilities["positionEncoding"] == "utf-16"
        assert capabilities["textDocumentSync"]["change"] == 2
        assert capabilities["textDocumentSync"]["openClose"] is True
        assert "codellama.why" in capabilities["executeCommandProvider"]["commands"]
        assert result["serverInfo"]["name"] == "codellama-lsp"
        assert await client.shutdown() == 0


ENCODED = [
    "x = |\n",
    "s = '😀'; x = |\n",
    "漢字 = |\n",
    "\tif a:\n\t\tx = |\n",
    "a = 1\r\nb = |\r\nc = 3\r\n",
    "a\x0cb = 1\nx = |\x0c\n",
    "a = '\u2028'\x1c\nb = |",
    "é = '👩‍👩‍👧' + f(|)",
]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
async def test_encodings(encoding: str, tmp_path: Path) -> None:
    script = write_script(tmp_path, *["été_😀"] * len(ENCODED))
    async with started(script) as client:
        result = await client.initialize([encoding, "utf-16"])
        assert result["capabilities"]["positionEncoding"] == encoding
        for number, marked in enumerate(ENCODED):
            uri = f"file:///{number}.py"
            text, line, character = place(marked, encoding)
            client.open(text, uri)
            (item,) = await client.inline(line, character, uri=uri)
            assert accept(text, item, encoding) == marked.replace("|", "été_😀")


async def test_edits_are_seen(tmp_path: Path) -> None:
    async with started(write_script(tmp_path, "(1)")) as client:
        await client.initialize()
        client.open("x = '😀'\x0c\r\n\r\n")
        client.change(
            {
                "range": {
                    "start": {"line": 1, "character": 0},
                    "end": {"line": 1, "character": 0},
                },
                "text": "y = call",
            },
            {
                "range": {
                    "start": {"line": 0, "character": 5},
                    "end": {"line": 0, "character": 7},
                },
                "text": "e",
            },
        )
        (item,) = await client.inline(1, 8)
        assert accept("x = 'e'\x0c\r\ny = call\r\n", item).endswith("y = call(1)\r\n")


async def test_a_range_takes_the_closer_along(tmp_path: Path) -> None:
    async with started(write_script(tmp_path, "x) + 1")) as client:
        await client.initialize()
        client.open("y = f()\n")
        (item,) = await client.inline(0, 6)
        assert item["range"] == {
            "start": {"line": 0, "character": 6},
            "end": {"line": 0, "character": 7},
        }
        assert item["command"]["command"] == "codellama.accepted"


async def test_selected_entry_of_the_menu(tmp_path: Path) -> None:
    async with started(write_script(tmp_path, "(1)")) as client:
        await client.initialize()
        client.open("é = comp\n")
        span = {"start": {"line": 0, "character": 4}, "end": {"line": 0, "character": 8}}
        chosen = {"range": span, "text": "compute"}
        (item,) = await client.inline(0, 8, selectedCompletionInfo=chosen)
        assert (item["insertText"], item["range"]) == ("compute(1)", span)


@pytest.mark.parametrize("trigger", [0, 1, 2])
async def test_triggers(trigger: int, tmp_path: Path) -> None:
    async with started(write_script(tmp_path, "1")) as client:
        await client.initialize()
        client.open("x = ")
        assert len(await client.inline(0, 4, trigger=trigger)) == 1


async def test_who_asks_gets_several(tmp_path: Path) -> None:
    """Up to three different ones to cycle through, the same when asked again; else one."""
    script = write_script(tmp_path, "a + b", "b + a", "a + b", "one")
    async with started(script) as client:
        await client.initialize(options={"speculate": False})
        client.open("x = \ny = \n")
        for _ in range(2):
            items = await client.inline(0, 4, trigger=1)
            assert [item["insertText"] for item in items] == ["a + b", "b + a"]
        assert len({str(item["command"]["arguments"]) for item in items}) == 2
        assert len(await client.inline(0, 4, trigger=2)) == 1
        assert [item["insertText"] for item in await client.inline(1, 4)] == ["one"]
        assert (await client.command("codellama.stats"))["asked"]["visible"] == 2


@pytest.mark.parametrize(
    "uri",
    [
        "untitled:Untitled-1",
        "vscode-notebook-cell:/work/n.ipynb#W0sZmlsZQ%3D%3D",
        "file:///c%3A/Users/x/a%20b.py",
        "file://[broken",
        "weird",
    ],
)
async def test_documents_of_all_kinds(uri: str, tmp_path: Path) -> None:
    async with started(write_script(tmp_path, "1")) as client:
        await client.initialize()
        client.open("x = \n", uri)
        (item,) = await client.inline(0, 4, uri=uri)
        assert item["insertText"] == "1"
        assert await client.why(uri) == "offered"


async def test_a_document_never_opened(tmp_path: Path) -> None:
    real = tmp_path / "there.py"
    real.write_text("x = ")
    async with started(write_script(tmp_path, "1")) as client:
        await client.initialize()
        assert await client.inline(0, 4, uri=real.as_uri()) == []
        assert await client.why(real.as_uri()) == "invalid"


async def test_gates(tmp_path: Path) -> None:
    async with started(write_script(tmp_path, "1", "2")) as client:
        await client.initialize(options={"languagesOff": ["markdown"], "exclude": ["gen/**"]})
        for uri, language, outcome in [
            ("file:///work/.env", "dotenv", "excluded"),
            ("file:///work/gen/a.py", "python", "excluded"),
            ("file:///work/a.md", "markdown", "disabled"),
            (URI, "python", "offered"),
        ]:
            client.open("x = ", uri, language)
            items = await client.inline(0, 4, uri=uri)
            assert (len(items), await client.why(uri)) == (int(outcome == "offered"), outcome)
        assert (await client.command("codellama.toggle")) == {"enabled": False}
        assert await client.inline(0, 4) == []
        assert await client.why() == "disabled"
        assert await client.status("off")
        assert (await client.command("codellama.toggle")) == {"enabled": True}
        assert len(await client.inline(0, 4)) == 1


async def test_cancelling_stops_the_model(tmp_path: Path) -> None:
    """One answer would take an hour; another one comes, so the model was stopped.

    A request that is cancelled before it reaches the model leaves the hour to the next one,
    therefore a loop; the hour can be taken only once.
    """
    script = write_script(tmp_path, {"text": "a", "delay_ms": FOREVER_MS}, "b")
    async with started(script) as client, asyncio.timeout(PATIENCE_S):
        await client.initialize()
        client.open("x = ")
        while True:
            number, answer = client.ask_inline(0, 4)
            if await client.patient(answer):
                break
            client.notify("$/cancelRequest", {"id": number})
            with pytest.raises(RpcError) as error:
                await answer
            assert error.value.code == -32800
            assert await client.why() == "cancelled"
        assert answer.result()["items"][0]["insertText"] == "b"


async def test_the_latest_request_wins(tmp_path: Path) -> None:
    script = write_script(tmp_path, {"text": "a", "delay_ms": FOREVER_MS}, "b")
    async with started(script) as client, asyncio.timeout(PATIENCE_S):
        await client.initialize()
        client.open("x = ")
        answers = [client.ask_inline(0, 4)[1]]
        while not await client.patient(answers[-1]):
            answers.append(client.ask_inline(0, 4)[1])
            assert (await answers[-2])["items"] == []
        assert answers[-1].result()["items"][0]["insertText"] == "b"
        told = [entry["outcome"] for entry in await client.command("codellama.why", URI)]
        assert told == ["offered"] + ["superseded"] * (len(answers) - 1)
        assert len(answers) > 1


async def test_requests_for_two_documents_do_not_supersede(tmp_path: Path) -> None:
    async with started(write_script(tmp_path, "a", "b")) as client:
        await client.initialize()
        client.open("x = ", "file:///one.py")
        client.open("x = ", "file:///two.py")
        asked = [client.ask_inline(0, 4, uri=f"file:///{name}.py")[1] for name in ("one", "two")]
        texts = {(await answer)["items"][0]["insertText"] for answer in asked}
        assert texts == {"a", "b"}


async def check_error(client: Client, method: str, params: object, code: int) -> None:
    with pytest.raises(RpcError) as error:
        await client.request(method, params)
    assert error.value.code == code


async def test_errors_are_answers_too(tmp_path: Path) -> None:
    async with started(write_script(tmp_path, "1")) as client:
        await check_error(client, "workspace/executeCommand", {"command": "x"}, -32002)
        await client.initialize()
        await check_error(client, "textDocument/inlineCompletion", {"a": 1}, -32602)
        await check_error(client, "no/such", None, -32601)
        await check_error(client, "workspace/executeCommand", {"command": "x"}, -32602)
        client.notify("textDocument/didChange", {"nonsense": True})
        client.notify("no/such", {})
        client.open("x = ")
        assert len(await client.inline(0, 4)) == 1
        assert len(await client.inline(99, 99)) == 1  # Past the end is the end, and known.
        await client.request("shutdown")
        await check_error(client, "codellama/late", None, -32600)
        assert set(client.answers_seen.values()) == {1}
