"""What reaches an engine: nothing that is secret, ignored or outside of the workspace."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from codellama_lsp.completion.outcome import Outcome
from codellama_lsp.completion.pipeline import Completer
from codellama_lsp.completion.types import CompletionRequest, DocumentSnapshot
from codellama_lsp.config.options import Placement
from codellama_lsp.config.settings import Settings
from codellama_lsp.context.secrets import placeholder
from codellama_lsp.engine.local import LocalEngine
from codellama_lsp.engine.protocol import GenerateRequest, Priority, Segment
from codellama_lsp.engine.scripted import ScriptedBackend
from codellama_lsp.evaluation.related import Contender, ours
from tests.context.conftest import Folder
from tests.context.test_secrets import SECRETS
from tests.unit.conftest import OneEngine


class Recording(LocalEngine):
    """Remembers what it was asked."""

    def __init__(self, script: Path) -> None:
        super().__init__(ScriptedBackend(script))
        self.asked: list[GenerateRequest] = []

    def generate(self, request: GenerateRequest):  # type: ignore[no-untyped-def]
        self.asked.append(request)
        return super().generate(request)

    def texts(self) -> str:
        """All text of all requests."""
        return "\n".join(
            segment.text
            for request in self.asked
            for segment in (
                *request.context, request.prefix, request.suffix, request.far_before,
                request.far_after,
            )
            if segment is not None
        )  # fmt: skip


@pytest.fixture
def engine(tmp_path: Path) -> Recording:
    script = tmp_path / "script.json"
    script.write_text('["x"]')
    return Recording(script)


async def _complete(
    engine: Recording, folder: Folder, marked: str, path: str = "main.py", **settings: object
) -> Outcome:
    library = folder.index()
    source = Contender(ours, library, itertools.count(1))
    source.path = path
    chosen = Settings(**settings)  # type: ignore[arg-type]
    completer = Completer(OneEngine(engine), lambda uri: chosen, related=source)
    offset = marked.index("|")
    text = marked.replace("|", "", 1)
    document = DocumentSnapshot((folder.root / path).as_uri(), "python", 1, text)
    return (await completer.complete(CompletionRequest(document, offset))).outcome


@pytest.mark.parametrize("placement", ["before", "prefix"])
async def test_the_workspace_reaches_it(engine: Recording, folder: Folder, placement: str) -> None:
    folder.write({"shapes.py": "def scale_shape(shape): ...\n"})
    text = "from shapes import scale_shape\nx = |"
    assert await _complete(engine, folder, text, workspace_placement=placement) is Outcome.OFFERED
    (request,) = engine.asked
    assert "def scale_shape(shape)" in engine.texts()
    assert request.context and request.prefix.text == "from shapes import scale_shape\nx = "
    assert request.context_in_prefix == (placement == "prefix")


async def test_the_engine_is_told_the_budgets(engine: Recording, folder: Folder) -> None:
    folder.write({"shapes.py": "def scale_shape(shape): ...\n"})
    text = "from shapes import scale_shape\nx = |"
    await _complete(engine, folder, text, workspace_tokens=300, context_tokens=200)
    (request,) = engine.asked
    assert (request.most_context_tokens, request.most_window_tokens) == (300, 200)


@pytest.mark.parametrize(("kind", "secret", "text"), SECRETS)
async def test_secrets_do_not(
    engine: Recording, folder: Folder, kind: str, secret: str, text: str
) -> None:
    inside = "\n".join(f"    {line}" for line in text.split("\n"))
    folder.write({"shapes.py": f"def scale_shape(shape):\n{inside}\n    return scale_shape\n"})
    await _complete(
        engine, folder, f"from shapes import scale_shape\n{text}\nx = scale_shape(|\n{text}\n"
    )
    assert "def scale_shape" in engine.texts()
    assert placeholder(kind) in engine.texts()
    assert secret not in engine.texts()


async def test_one_that_is_being_typed_does_not(engine: Recording, folder: Folder) -> None:
    secret = "ghp" + "_" + "16C7e42F292c6912E7710c838347Ae178B4a"
    for typed in range(8, len(secret)):
        await _complete(engine, folder, f'a = 1\ntoken = "{secret[:typed]}|"\n')
    assert len(engine.asked) >= len(secret) - 8
    assert secret[:8] not in engine.texts()
    assert len({request.prefix.text for request in engine.asked}) == 1


async def test_ignored_files_and_links_out_do_not(
    engine: Recording, folder: Folder, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "far.py").write_text("def canary_outside(): ...\n")
    folder.write(
        {
            ".gitignore": "private.py\nlocal/\n",
            ".codellamaignore": "hidden.py\n",
            "private.py": "def canary_private(): ...\n",
            "local/deep.py": "def canary_deep(): ...\n",
            "hidden.py": "def canary_hidden(): ...\n",
            ".env": "CANARY_ENV=canary_env\n",
            "node_modules/m.py": "def canary_vendored(): ...\n",
            "m_pb2.py": "def canary_generated(): ...\n",
            "fine.py": "def canary_fine(): ...\n",
        }
    )
    (folder.root / "link.py").symlink_to(outside / "far.py")
    (folder.root / "linked").symlink_to(outside)
    text = (
        "import private, hidden, link, fine\nfrom local import deep\nfrom linked import far\n"
        "from node_modules import m\nimport m_pb2\n\nx = canary_|"
    )
    await _complete(engine, folder, text)
    sent = engine.texts().replace("x = canary_", "")
    assert "canary_fine" in sent
    assert sent.replace("canary_fine", "").count("canary_") == 0


async def test_a_suggestion_that_spells_a_placeholder_is_dropped(
    tmp_path: Path, folder: Folder
) -> None:
    script = tmp_path / "script.json"
    script.write_text(f'["{placeholder("JWT")}"]')
    assert await _complete(Recording(script), folder, "x = |\n") is Outcome.FILTERED


@pytest.mark.parametrize("placement", ["before", "prefix"])
async def test_what_was_chosen_is_read_with_the_latest_windows(
    engine: Recording, placement: Placement
) -> None:
    settings = Settings(workspace_placement=placement)
    completer = Completer(OneEngine(engine), lambda uri: settings)
    await completer.complete(
        CompletionRequest(DocumentSnapshot("file:///w/a.py", "python", 1, "x = \ny = 2\n"), 4)
    )
    (asked,) = (r for r in engine.asked if r.priority is Priority.VISIBLE)
    context = (Segment("c", 1, "# b.py\ndef f(): ...\n"),)
    await completer.prompts.read_ahead("file:///w/a.py", context)
    (read,) = (r for r in engine.asked if r.priority is Priority.WARM)
    assert read.max_tokens == 0
    assert read.suffix == asked.suffix
    shown = "".join(segment.text for segment in read.context) + read.prefix.text
    assert shown == "# b.py\ndef f(): ...\nx = "
    assert read.context_in_prefix == (placement == "prefix")


@pytest.mark.parametrize(("uri", "background"), [("file:///w/a.py", "off"), ("file:///b", "full")])
async def test_what_nobody_may_do_unasked_is_not_read(
    engine: Recording, uri: str, background: str
) -> None:
    settings = Settings(background=background)  # type: ignore[arg-type]
    completer = Completer(OneEngine(engine), lambda uri: settings)
    await completer.complete(
        CompletionRequest(DocumentSnapshot("file:///w/a.py", "python", 1, "x = "), 4)
    )
    await completer.settled()
    known = len(engine.asked)
    await completer.prompts.read_ahead(uri, (Segment("c", 1, "# b.py\n"),))
    assert len(engine.asked) == known
