"""`textDocument/completion`: the suggestion as one item, as clients without the better way ask."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import pytest

from .client import URI, Client, Message, split_lines, started, write_script

AUTOMATIC, BY_CHARACTER, AGAIN = 1, 2, 3


@attrs.frozen
class Editor:
    """What a client says of itself, and how it asks while somebody types."""

    capabilities: Message
    context: Message | None


def capabilities(**item: Any) -> Message:
    return {"textDocument": {"completion": {"contextSupport": True, "completionItem": item}}}


#: What concerns items of what these clients announce.
EDITORS = {
    "helix": Editor(
        capabilities(
            snippetSupport=True,
            insertReplaceSupport=True,
            deprecatedSupport=True,
            tagSupport={"valueSet": [1]},
            resolveSupport={"properties": ["documentation", "detail", "additionalTextEdits"]},
        ),
        {"triggerKind": AUTOMATIC},
    ),
    "zed": Editor(
        capabilities(
            snippetSupport=True,
            insertReplaceSupport=True,
            labelDetailsSupport=True,
            insertTextModeSupport={"valueSet": [1, 2]},
            documentationFormat=["markdown", "plaintext"],
        ),
        {"triggerKind": BY_CHARACTER, "triggerCharacter": " "},
    ),
    "sublime": Editor(
        capabilities(
            snippetSupport=True,
            insertReplaceSupport=True,
            labelDetailsSupport=True,
            insertTextModeSupport={"valueSet": [2]},
            documentationFormat=["markdown", "plaintext"],
        ),
        {"triggerKind": AUTOMATIC},
    ),
    "eglot": Editor(
        capabilities(snippetSupport=False, documentationFormat=["plaintext"]),
        {"triggerKind": AUTOMATIC},
    ),
    "one from before completion contexts": Editor({"textDocument": {}}, None),
}

# name: (document with its cursor, what the model says, label, filter text, document afterwards)
ITEMS = {
    "rest of a word": ("x = comp|\n", "ute(1)", "compute(1)", "compute(1)", "x = compute(1)\n"),
    "no word": ("x = |\n", "compute(1)", "compute(1)", "compute(1)", "x = compute(1)\n"),
    "after a dot": ("x = os.|\n", "path", "path", "path", "x = os.path\n"),
    "astral": ("s = '😀' + na|\n", "me", "name", "name", "s = '😀' + name\n"),
    "closers": ("y = f(|)\n", "x) + 1", "x) + 1", "x) + 1", "y = f(x) + 1\n"),
    "several lines": (
        "def f():\n    ret|\n",
        "urn 1\n\n\ndef g():\n    pass",
        "return 1",
        "return 1",
        "def f():\n    return 1\n",
    ),
    "a block": (
        "def f(x):\n    |\n",
        "if x:\n        return 1\n    return 2",
        "if x:",
        "if x:",
        "def f(x):\n    if x:\n        return 1\n    return 2\n",
    ),
    "a new line": (
        "def f(x):|\n",
        "\n    return x",
        "return x",
        "return x",
        "def f(x):\n    return x\n",
    ),
    "long": (
        "x = |\n",
        "call(" + ", ".join(f"argument_{n}" for n in range(20)) + ")",
        "call(argument_0, argument_1, argument_2…",
        "call(argument_0, argument_1, argument_2,",
        "x = call(" + ", ".join(f"argument_{n}" for n in range(20)) + ")\n",
    ),
    "dollars": ("x = |\n", "'$1 ${2:a}'", "'$1 ${2:a}'", "'$1 ${2:a}'", "x = '$1 ${2:a}'\n"),
    "tabs": ("if x:\n\t|\n", "a\t=\t1", "a = 1", "a = 1", "if x:\n\ta\t=\t1\n"),
}


async def ask(
    client: Client, editor: Editor, line: int, character: int, uri: str = URI
) -> list[Message]:
    params = {
        "textDocument": {"uri": uri},
        "position": {"line": line, "character": character},
        **({"context": editor.context} if editor.context else {}),
    }
    answer = await client.request("textDocument/completion", params)
    assert answer["isIncomplete"] is True
    items: list[Message] = answer["items"]
    return items


def applied(text: str, edit: Message) -> str:
    """`text` after the edit, in UTF-16."""
    start, end = edit["range"]["start"], edit["range"]["end"]
    assert start["line"] == end["line"]
    lines = split_lines(text)
    raw = lines[start["line"]].encode("utf-16-le")
    new = raw[: 2 * start["character"]] + edit["newText"].encode("utf-16-le")
    lines[start["line"]] = (new + raw[2 * end["character"] :]).decode("utf-16-le")
    return "".join(lines)


@pytest.mark.parametrize("name", EDITORS)
async def test_items(name: str, tmp_path: Path) -> None:
    editor = EDITORS[name]
    said = [row[1] for row in ITEMS.values()]
    async with started(write_script(tmp_path, *said)) as client:
        result = await client.initialize(
            capabilities=editor.capabilities, options={"speculate": False, "maxTokens": 300}
        )
        provider = result["capabilities"]["completionProvider"]
        assert {".", "(", "="} <= set(provider["triggerCharacters"])
        for number, (marked, _, label, filter_text, after) in enumerate(ITEMS.values()):
            before, rest = marked.split("|")
            uri = f"file:///{number}.py"
            client.open(before + rest, uri)
            line = before.count("\n")
            character = len(before.rpartition("\n")[2].encode("utf-16-le")) // 2
            items = await ask(client, editor, line, character, uri)
            assert len(items) == 1, marked
            check(items[0], editor, before + rest, line, character)
            assert (items[0]["label"], items[0]["filterText"]) == (label, filter_text)
            assert applied(before + rest, items[0]["textEdit"]) == after


def check(item: Message, editor: Editor, text: str, line: int, character: int) -> None:
    """What clients rely on."""
    assert 0 < len(item["label"]) <= 40
    assert item["label"].isprintable()
    edit = item["textEdit"]
    start, end = edit["range"]["start"], edit["range"]["end"]
    # On one line, around the cursor, beginning with what the client filters by.
    assert start["line"] == end["line"] == line
    assert start["character"] <= character <= end["character"]
    row = split_lines(text)[line].encode("utf-16-le")
    typed = row[2 * start["character"] : 2 * character].decode("utf-16-le")
    assert item["filterText"].startswith(typed)
    assert edit["newText"].startswith(typed)
    # Never read as a snippet: Helix goes by the kind alone.
    assert (item["kind"], item["insertTextFormat"]) == (1, 1)
    known = editor.capabilities["textDocument"].get("completion", {}).get("completionItem", {})
    assert ("labelDetails" in item) == bool(known.get("labelDetailsSupport"))
    assert ("insertTextMode" in item) == bool(known.get("insertTextModeSupport"))
    if "\n" in edit["newText"]:
        kind = "markdown" if "markdown" in known.get("documentationFormat", ()) else "plaintext"
        assert item["documentation"]["kind"] == kind
        assert edit["newText"].strip("\n") in item["documentation"]["value"]


async def test_typing_on_asks_the_model_once(tmp_path: Path) -> None:
    """The list is never complete: clients ask at each key, and what is known answers."""
    async with started(write_script(tmp_path, "compute(1)", "wrong")) as client:
        await client.initialize(capabilities={"textDocument": {}}, options={"speculate": False})
        client.open("x = \n")
        for typed in range(6):
            client.change({"text": f"x = {'compute'[:typed]}\n"}, version=typed + 2)
            again = Editor({}, {"triggerKind": AGAIN})
            (item,) = await ask(client, again, 0, 4 + typed)
            assert item["textEdit"]["newText"] == "compute(1)"
        assert (await client.command("codellama.stats"))["asked"]["visible"] == 1


@pytest.mark.parametrize(
    ("wanted", "inline", "offered"),
    [
        ("auto", True, False),
        ("auto", False, True),
        ("never", False, False),
        ("always", True, True),
    ],
)
async def test_who_gets_it(wanted: str, inline: bool, offered: bool, tmp_path: Path) -> None:
    document = {"inlineCompletion": {}} if inline else {}
    async with started(write_script(tmp_path)) as client:
        result = await client.initialize(
            capabilities={"textDocument": document}, options={"completionItem": wanted}
        )
        assert ("completionProvider" in result["capabilities"]) is offered
