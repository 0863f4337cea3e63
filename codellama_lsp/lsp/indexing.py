"""What the user hears of the index: a bar while folders are read, one sentence where that fails.

Also its part of `codellama/status`: ``{"state", "percent"?, "message"?}``, all folders together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from pygls.lsp.server import LanguageServer

from codellama_lsp.lsp.progress import ProgressBar, Shown
from codellama_lsp.workspace.context import WorkspaceContext
from codellama_lsp.workspace.folders import State

#: Of several folders, the first of these that any of them is in counts.
_ORDER = ("failed", "building", "stopped", "ready", "reading", "off")


def index_status(states: Iterable[State]) -> dict[str, Any] | None:
    """The payload; None where no folder is open."""
    by_rank = sorted(states, key=lambda state: _ORDER.index(state["state"]))
    if not by_rank:
        return None
    name = by_rank[0]["state"]
    first = [state for state in by_rank if state["state"] == name]
    told: dict[str, Any] = {"state": "ready" if name == "reading" else name}
    if name == "building" and (percent := _percent(first)) is not None:
        told["percent"] = percent
    if message := next((state["message"] for state in first if state.get("message")), ""):
        told["message"] = message
    return told


class IndexingReporter:
    """Shows what the folders' states say."""

    def __init__(
        self,
        server: LanguageServer,
        workspace: WorkspaceContext,
        on_problem: Callable[[str], None],
    ) -> None:
        self._workspace = workspace
        self._on_problem = on_problem
        self._bar = ProgressBar(server, on_cancel=workspace.stop_reading)
        self._told: set[tuple[str, str]] = set()

    def show(self) -> None:
        """The states may have changed."""
        states = self._workspace.states
        building = [state for state in states.values() if state["state"] == "building"]
        if building:
            done, total = _sum(building, "done"), _sum(building, "total")
            message = f"{done} of {total} files" if total else ""
            self._bar.show(Shown("Reading the workspace", _percent(building), message))
        else:
            stopped = [s for s in states.values() if s["state"] == "stopped"]
            self._bar.end(stopped[0].get("message", "") if stopped else "")
        for root, state in states.items():
            if state["state"] == "failed":
                self._tell(root.name, str(state.get("message", "")))

    def _tell(self, folder: str, message: str) -> None:
        if (folder, message) not in self._told:
            self._told.add((folder, message))
            self._on_problem(
                f"code of other files in {folder} may be missing from suggestions: {message}"
            )


def _sum(states: Iterable[State], key: str) -> int:
    return sum(int(state.get(key) or 0) for state in states)


def _percent(states: list[State]) -> int | None:
    total = _sum(states, "total")
    return _sum(states, "done") * 100 // total if total else None
