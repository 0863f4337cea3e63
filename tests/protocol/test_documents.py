"""Documents that are no plain source files, and several cursors: the sensible thing each."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from .client import PATIENCE_S, Client, Message, accept, started, write_script

AUTOMATIC, INVOKED = 2, 1
MESSAGE = "Add a\n\n# Please enter the commit message for your changes.\n# On branch main\n"
NOTEBOOK = "file:///work/n.ipynb"


COMMENT = "skipped: a comment that does not become part of the message"
READ_ONLY = "skipped: a document that cannot be edited"

# name: (URI, language, document, what the model says, trigger, what comes of it)
DOCUMENTS: dict[str, tuple[str, str, str, str, int, str]] = {
    "unsaved": ("untitled:Untitled-1", "python", "x = |\n", "1", AUTOMATIC, "x = 1\n"),
    "unsaved, several lines": (
        "untitled:Untitled-1",
        "python",
        "def f():\n    |\n",
        "a()\n    b()",
        AUTOMATIC,
        "def f():\n    a()\n    b()\n",
    ),
    "commit message": (
        "file:///work/.git/COMMIT_EDITMSG",
        "git-commit",
        MESSAGE.replace("Add a", "Add a|"),
        " test\n\nAnd more\n",
        AUTOMATIC,
        MESSAGE.replace("Add a", "Add a test"),
    ),
    "commit message in Neovim": (
        "file:///work/.git/COMMIT_EDITMSG",
        "gitcommit",
        MESSAGE.replace("Add a", "Add a|"),
        " test\n\nAnd more\n",
        AUTOMATIC,
        MESSAGE.replace("Add a", "Add a test"),
    ),
    "merge message of no language": (
        "file:///work/.git/MERGE_MSG",
        "plaintext",
        "Merge |\n",
        "branch 'x'\nThis\nthat\n",
        AUTOMATIC,
        "Merge branch 'x'\n",
    ),
    "box of the source control view": (
        "vscode-scm:git/scm0/input?rootUri",
        "scminput",
        "Fix |",
        "it\n\nand more",
        AUTOMATIC,
        "Fix it",
    ),
    "comment of a commit message": (
        "file:///work/.git/COMMIT_EDITMSG",
        "git-commit",
        "Add a\n\n# On branch |\n",
        "main",
        AUTOMATIC,
        COMMENT,
    ),
    "comment of a commit message, asked for": (
        "file:///work/.git/COMMIT_EDITMSG",
        "git-commit",
        "Add a\n\n# On branch |\n",
        "main",
        INVOKED,
        "Add a\n\n# On branch main\n",
    ),
    "a Markdown heading is no such comment": (
        "file:///work/a.md",
        "markdown",
        "# A |\n",
        "title",
        AUTOMATIC,
        "# A title\n",
    ),
    "revision": ("git:/work/a.py?ref=HEAD", "python", "x = |\n", "1", AUTOMATIC, READ_ONLY),
    "revision, asked for": (
        "git:/work/a.py?ref=HEAD",
        "python",
        "x = |\n",
        "1",
        INVOKED,
        "x = 1\n",
    ),
    "decompiled": ("jdt://contents/rt.jar/A.class", "java", "x = |;\n", "1", AUTOMATIC, READ_ONLY),
    "cell alone": (
        "vscode-notebook-cell:/work/n.ipynb#W0sZmlsZQ%3D%3D",
        "python",
        "x = |\n",
        "1",
        AUTOMATIC,
        "x = 1\n",
    ),
}


async def test_documents(tmp_path: Path) -> None:
    said: list[str] = []
    for *_, text, trigger, expected in DOCUMENTS.values():
        if not expected.startswith("skipped"):
            said += [text] * (3 if trigger == INVOKED else 1)
    async with started(write_script(tmp_path, *said)) as client:
        await client.initialize(options={"speculate": False})
        for name, (uri, language, marked, _, trigger, expected) in DOCUMENTS.items():
            before, after = marked.split("|")
            client.open(before + after, uri, language)
            line, character = before.count("\n"), len(before.rpartition("\n")[2])
            items = await client.inline(line, character, uri=uri, trigger=trigger)
            told = (await client.command("codellama.why", uri))[0]
            found = f"{told['outcome']}: {told['detail']}"
            if items:
                found = accept(before + after, items[0])
            assert found == expected, name
            client.notify("textDocument/didClose", {"textDocument": {"uri": uri}})


async def test_a_protected_file(tmp_path: Path) -> None:
    """Nothing until it is asked for, or until somebody types in it all the same."""
    path = tmp_path / "a.py"
    path.write_text("x = \n")
    path.chmod(0o444)
    uri = path.as_uri()
    async with started(write_script(tmp_path, *"1234")) as client:
        await client.initialize()
        client.open("x = \n", uri)
        assert await client.inline(0, 4, uri=uri) == []
        assert (await client.command("codellama.why", uri))[0]["outcome"] == "skipped"
        assert await client.inline(0, 4, uri=uri, trigger=INVOKED)
        client.change({"text": "yy = \n"}, uri=uri)
        assert await client.inline(0, 5, uri=uri)


async def test_several_cursors(tmp_path: Path) -> None:
    """One request a cursor: the last one counts, and each is answered. Typing is one change."""
    script = write_script(tmp_path, "compute(1)", "wrong", "wrong")
    async with started(script) as client, asyncio.timeout(PATIENCE_S):
        await client.initialize(options={"debounceMs": 50, "speculate": False})
        far = "\n" * 900
        client.open(f"a = \n{far}b = \n{far}c = \n")
        lines = (0, 901, 1802)
        asked = [client.ask_inline(line, 4) for line in lines]
        answers = [(await answer)["items"] for _, answer in asked]
        assert [len(items) for items in answers] == [0, 0, 1]
        assert [client.answers_seen[number] for number, _ in asked] == [1, 1, 1]
        told = [ended["outcome"] for ended in await client.command("codellama.why")]
        assert sorted(told) == ["offered", "superseded", "superseded"]
        # A character at each of them: what was offered at the last one goes on.
        at = [{"line": line, "character": 4} for line in reversed(lines)]
        client.change(*[{"range": {"start": p, "end": p}, "text": "c"} for p in at])
        (item,) = await client.inline(lines[-1], 5)
        assert item["insertText"] == "ompute(1)"


@pytest.mark.parametrize("typed", ["comp", "x"])
async def test_several_cursors_close_together(typed: str, tmp_path: Path) -> None:
    """What the other cursors type changes what is around this one, and not what is offered."""
    script = write_script(tmp_path, "compute(1)\n", "other()")
    async with started(script) as client:
        await client.initialize(options={"speculate": False})
        client.open("a = \nb = \nc = \n")
        (item,) = await client.inline(1, 4)
        assert item["insertText"] == "compute(1)"
        for number, char in enumerate(typed):
            at = [{"line": line, "character": 4 + number} for line in (2, 1, 0)]
            changes = [{"range": {"start": p, "end": p}, "text": char} for p in at]
            client.change(*changes, version=number + 2)
            (item,) = await client.inline(1, 5 + number)
            rest = "compute(1)"[number + 1 :] if typed != "x" else "other()"
            assert item["insertText"] == rest
        asked = (await client.command("codellama.stats"))["asked"]["visible"]
        assert asked == (1 if typed != "x" else 2)


def cell(number: int, kind: int = 2) -> Message:
    return {"kind": kind, "document": f"vscode-notebook-cell:/work/n.ipynb#W{number}"}


def item_of(number: int, text: str, language: str = "python") -> Message:
    uri = cell(number)["document"]
    return {"uri": uri, "languageId": language, "version": 1, "text": text}


class Notebook:
    """A notebook in a client that synchronizes them."""

    def __init__(self, client: Client, *cells: tuple[str, str]) -> None:
        self.client = client
        items = [item_of(number, text, kind) for number, (kind, text) in enumerate(cells)]
        made = [cell(n, 2 if kind != "markdown" else 1) for n, (kind, _) in enumerate(cells)]
        client.notify(
            "notebookDocument/didOpen",
            {
                "notebookDocument": {
                    "uri": NOTEBOOK,
                    "notebookType": "jupyter-notebook",
                    "version": 1,
                    "cells": made,
                },
                "cellTextDocuments": items,
            },
        )

    def change(self, **cells: Any) -> None:
        document = {"uri": NOTEBOOK, "version": 2}
        change = {"notebookDocument": document, "change": {"cells": cells}}
        self.client.notify("notebookDocument/didChange", change)

    async def offered(self, number: int, line: int, character: int) -> str:
        uri = cell(number)["document"]
        items = await self.client.inline(line, character, uri=uri)
        return items[0]["insertText"] if items else ""

    async def prompt_tokens(self) -> int:
        told = (await self.client.command("codellama.why"))[0]
        return int(told["tokens"]["prompt"])


CAPABILITIES = {
    "textDocument": {"inlineCompletion": {}},
    "notebookDocument": {"synchronization": {}},
}


async def test_cells_of_a_notebook(tmp_path: Path) -> None:
    """The code of the cells around is read with a cell's own, and only the cell is edited."""
    script = write_script(tmp_path, "first(1)", "second(2)", "third(3)", "fourth(4)")
    async with started(script) as client:
        result = await client.initialize(capabilities=CAPABILITIES)
        assert result["capabilities"]["notebookDocumentSync"]["notebookSelector"]
        book = Notebook(
            client,
            ("python", "import os\n" * 20),
            ("markdown", "Prose that is no code. " * 100),
            ("python", "é = "),
            ("python", "print(é)\n"),
        )
        line = {"line": 0, "character": 4}
        uri = cell(2)["document"]
        (item,) = await client.inline(0, 4, uri=uri)
        # The range is one of the cell's own.
        assert item["range"] == {"start": line, "end": line}
        assert item["insertText"] == "first(1)"
        with_all = await book.prompt_tokens()
        assert 60 < with_all < 100
        # Typing along in the cell.
        book.change(
            textContent=[
                {
                    "document": {"uri": uri, "version": 2},
                    "changes": [{"range": {"start": line, "end": line}, "text": "fir"}],
                }
            ]
        )
        assert await book.offered(2, 0, 7) == "st(1)"
        # The first cell is deleted, another one comes at the end.
        book.change(
            structure={
                "array": {"start": 0, "deleteCount": 1, "cells": []},
                "didClose": [{"uri": cell(0)["document"]}],
            }
        )
        book.change(
            structure={
                "array": {"start": 3, "deleteCount": 0, "cells": [cell(7)]},
                "didOpen": [item_of(7, "y = ")],
            }
        )
        assert await book.offered(7, 0, 4) == "second(2)"
        assert await book.prompt_tokens() < with_all
        assert await book.offered(0, 0, 0) == ""
        assert (await client.command("codellama.why"))[0]["outcome"] == "invalid"
        client.notify(
            "notebookDocument/didClose",
            {
                "notebookDocument": {"uri": NOTEBOOK},
                "cellTextDocuments": [{"uri": cell(n)["document"]} for n in (1, 2, 3, 7)],
            },
        )
        assert await book.offered(7, 0, 4) == ""
        # Of a notebook that is not there, or no longer.
        book.change(textContent=[{"document": {"uri": uri, "version": 9}, "changes": []}])
        book.change(structure={"array": {"start": 9, "deleteCount": 9}})
        client.notify("notebookDocument/didChange", {"nonsense": True})
        client.open("z = ", "file:///plain.py")
        assert len(await client.inline(0, 4, uri="file:///plain.py")) == 1
        stats = await client.command("codellama.stats")
        assert stats["outcomes"]["failed"] == 0
        assert await client.shutdown() == 0
