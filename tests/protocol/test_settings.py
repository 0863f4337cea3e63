"""Settings as a user writes them: three ways in, who wins, live changes, and workspaces."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from codellama_lsp.engine.scripted import split_tokens

from .client import PATIENCE_S, Client, started, write_script

#: Longer than any limit; how many of the script's tokens are offered shows the one that holds.
SAID = "+".join(f"{word}{n}" for n in range(20) for word in ("abc", "de", "f"))


async def limit(client: Client, uri: str) -> int:
    """How many tokens a suggestion may have in a document, as far as can be seen."""
    client.open("x = \n", uri)
    items = await client.inline(0, 4, uri=uri)
    client.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
    return len(split_tokens(items[0]["insertText"])) if items else 0


def problems(client: Client) -> list[str]:
    return [
        m["params"]["message"] for m in client.notifications if m["method"] == "window/showMessage"
    ]


async def until_problem(client: Client, word: str) -> str:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            for problem in problems(client):
                if word in problem:
                    return problem
            await client.command("codellama.why")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder


@pytest.fixture
def own(state_dir: Path) -> Path:
    """The user's own file."""
    path = state_dir / "config" / "codellama.toml"
    path.parent.mkdir(parents=True)
    return path


def server(tmp_path: Path, *arguments: str) -> Any:
    return started(write_script(tmp_path, *[SAID] * 50), *arguments)


async def begin(client: Client, root: Path, options: Any = None) -> str:
    """Initialize with a folder; a URI in it."""
    folders = [{"uri": root.as_uri(), "name": "w"}]
    options = {"speculate": False, "workspace": False, **(options or {})}
    await client.initialize(options=options, workspaceFolders=folders, rootUri=root.as_uri())
    return root.as_uri()


async def test_who_wins(tmp_path: Path, root: Path, own: Path) -> None:
    """The section over the initialization over the user's file; a workspace only shortens."""
    own.write_text("max_tokens = 10\n")
    async with server(tmp_path) as client:
        uri = await begin(client, root)
        assert await limit(client, f"{uri}/a.py") == 10
    async with server(tmp_path) as client:
        uri = await begin(client, root, {"maxTokens": 20})
        assert await limit(client, f"{uri}/a.py") == 20
    async with server(tmp_path) as client:
        client.settings = {"max_tokens": 30}
        uri = await begin(client, root, {"max-tokens": 20})
        assert await limit(client, f"{uri}/a.py") == 30
        # Gone from the section: what is below it shows again.
        client.notify("workspace/didChangeConfiguration", {"settings": {"codellama": {}}})
        assert await limit(client, f"{uri}/b.py") == 20
    (root / "codellama.toml").write_text("max_tokens = 5\n")
    async with server(tmp_path) as client:
        client.settings = {"max_tokens": 30}
        uri = await begin(client, root)
        assert await limit(client, f"{uri}/a.py") == 5
        assert await limit(client, "file:///elsewhere/a.py") == 30
        assert problems(client) == []
    (root / "codellama.toml").write_text("max_tokens = 90\n")
    async with server(tmp_path) as client:
        uri = await begin(client, root)
        assert await limit(client, f"{uri}/a.py") == 10


async def test_files_change_live(tmp_path: Path, root: Path, own: Path) -> None:
    async with server(tmp_path) as client:
        uri = await begin(client, root)
        assert await limit(client, f"{uri}/a.py") == 96
        file = root / "codellama.toml"
        file.write_text('exclude = ["/gen"]\nmax_tokens = 9\n')
        saved = {"textDocument": {"uri": file.as_uri()}}
        client.notify("textDocument/didSave", saved)
        assert await limit(client, f"{uri}/b.py") == 9
        assert await limit(client, f"{uri}/gen/b.py") == 0
        assert await client.why(f"{uri}/gen/b.py") == "excluded"
        assert await limit(client, "file:///elsewhere/gen/b.py") == 96
        file.write_text("enabled = false\n")
        changed = {"changes": [{"uri": file.as_uri(), "type": 2}]}
        client.notify("workspace/didChangeWatchedFiles", changed)
        assert await limit(client, f"{uri}/c.py") == 0
        assert await client.why(f"{uri}/c.py") == "disabled"
        client.notifications.clear()
        client.open("x = ", f"{uri}/d.py")
        assert "in this folder" in (await client.status("off"))["message"]
        assert await limit(client, "file:///elsewhere/c.py") == 96
        # Without a word from the client, it is noticed a little later; so is the user's own.
        file.unlink()
        own.write_text("max_tokens = 12\n")
        async with asyncio.timeout(PATIENCE_S):
            number = 0
            while await limit(client, f"{uri}/live{number}.py") != 12:
                number += 1
                await asyncio.sleep(0.2)
        assert problems(client) == []


async def test_a_workspace_that_tries_is_told_once(tmp_path: Path, root: Path) -> None:
    file = root / "codellama.toml"
    file.write_text('model = "/evil.gguf"\nengine_threads = 64\nmax_tokns = 3\nmax_tokens = "x"\n')
    async with server(tmp_path) as client:
        uri = await begin(client, root)
        told = await until_problem(client, '"model" is ignored')
        assert str(file) in told
        assert "max_tokens" in told  # what it may do
        assert 'did you mean "max_tokens"' in await until_problem(client, "max_tokns")
        assert "from 1 to 2048" in await until_problem(client, "'max_tokens'")
        await until_problem(client, '"engine_threads"')
        assert await limit(client, f"{uri}/a.py") == 96
        for _ in range(3):
            file.write_text(file.read_text() + "\n")
            client.notify("textDocument/didSave", {"textDocument": {"uri": file.as_uri()}})
        client.settings = {"model": "/evil.gguf", "max_tokns": 3}
        for _ in range(3):
            client.notify("workspace/didChangeConfiguration", {"settings": None})
        file.write_text("not = [toml")
        client.notify("textDocument/didSave", {"textDocument": {"uri": file.as_uri()}})
        await until_problem(client, "is not TOML")
        assert await limit(client, f"{uri}/b.py") == 96
        seen = problems(client)
        assert len(seen) == len(set(seen))
        assert sum(str(file) in problem for problem in seen) == 5
        stats = await client.command("codellama.stats")
        assert stats["model"] == "scripted"


async def test_a_user_who_switched_off_stays_off(tmp_path: Path, root: Path, own: Path) -> None:
    own.write_text("enabled = false\n")
    (root / "codellama.toml").write_text("enabled = true\n")
    async with server(tmp_path) as client:
        client.settings = {"enabled": True}
        uri = await begin(client, root)
        assert await limit(client, f"{uri}/a.py") == 0
        assert await client.why(f"{uri}/a.py") == "disabled"


async def test_another_model_while_it_runs(tmp_path: Path, root: Path, own: Path) -> None:
    """The engine is replaced when the user's file wants another one."""
    own.write_text("engine_nice = 5\n")
    async with server(tmp_path) as client:
        uri = await begin(client, root)
        await client.status("ready")
        before = (await client.command("codellama.stats"))["engine"]["pid"]
        own.write_text("engine_nice = 7\n")
        client.notify("textDocument/didSave", {"textDocument": {"uri": own.as_uri()}})
        assert await limit(client, f"{uri}/a.py") == 96
        after = (await client.command("codellama.stats"))["engine"]["pid"]
        assert after not in (None, before)
