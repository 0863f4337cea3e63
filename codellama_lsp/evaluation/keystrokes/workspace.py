"""A workspace around a typing trace: what an editor tells a server of the files it has open.

The index runs in its own process, as it does behind a server.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from codellama_lsp.evaluation.keystrokes.editor import EventClass
from codellama_lsp.evaluation.keystrokes.traces import Event
from codellama_lsp.workspace.context import WorkspaceContext

_PATIENCE_S = 300.0
_WENT = (EventClass.OPEN, EventClass.SWITCH_FILE, EventClass.RETURN_TO_FILE)


class Workspace:
    """One folder, and the documents of a trace in it."""

    def __init__(self) -> None:
        self._changed = asyncio.Event()
        self._texts: dict[str, str] = {}
        self.context = WorkspaceContext(on_state=self._changed.set)

    async def index(self, root: Path) -> str:
        """Wait until a folder is indexed; says in which state that ended."""
        self.context.set_folders([root], watch=False)
        async with asyncio.timeout(_PATIENCE_S):
            while True:
                await self._changed.wait()
                self._changed.clear()
                states = [str(state.get("state")) for state in self.context.states.values()]
                if states and states[0] in ("ready", "reading", "off", "failed"):
                    return states[0]

    def saw(self, event: Event) -> None:
        """Tell what the user did, as an editor would."""
        known = event.uri in self._texts
        self._texts[event.uri] = event.text
        if not known:
            uri = event.uri
            self.context.opened(uri, event.language_id, lambda: self._texts[uri])
        elif event.kind in _WENT:
            self.context.focused(event.uri)
        else:
            self.context.changed(event.uri)

    async def close(self) -> None:
        """End the index process."""
        await self.context.close()
