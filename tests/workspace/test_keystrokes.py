"""The folder around a typing trace: an index in a process of its own, told of what is typed."""

from __future__ import annotations

import asyncio
from pathlib import Path

from codellama_lsp.context.related import Asked
from codellama_lsp.context.windows import WindowBudget, WindowTracker
from codellama_lsp.evaluation.keystrokes.editor import EventClass
from codellama_lsp.evaluation.keystrokes.traces import Event
from codellama_lsp.evaluation.keystrokes.workspace import Workspace


async def test_code_of_other_files_is_chosen(tmp_path: Path) -> None:
    (tmp_path / "shapes.py").write_text("def scale_shape(shape, by):\n    return shape\n")
    (tmp_path / "main.py").write_text("")
    uri = (tmp_path / "main.py").as_uri()
    text = "from shapes import scale_shape\n\nx = "
    workspace = Workspace()
    try:
        assert await workspace.index(tmp_path) == "ready"
        workspace.saw(Event(EventClass.OPEN, uri, "python", text, len(text)))
        windows = WindowTracker(uri).windows(text, len(text), WindowBudget(400, 200))
        asked = Asked(uri, "python", text, len(text), windows, 500, 3.0, 100.0)
        async with asyncio.timeout(60):
            while not (segments := workspace.context.chosen(asked)):
                await workspace.context.prepare(asked)
                await asyncio.sleep(0.05)
        assert "def scale_shape(shape, by):" in "".join(segment.text for segment in segments)
    finally:
        await workspace.close()
