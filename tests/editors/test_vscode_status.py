"""What VS Code's user sees of each state that a server can be in, and of errors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.editors.vscode_window import Stub, Window, until_said
from tests.editors.waiting import until


@pytest.fixture(scope="module")
def told(extension: Path) -> Iterator[tuple[Window, Stub]]:
    window = Window(extension)
    try:
        stub = window.stub({})
        window.start()
        yield window, stub
    finally:
        window.close()


@pytest.fixture(autouse=True)
def state_dir() -> None:
    """The window's own holds for a whole module."""


ROWS: list[tuple[dict[str, object], str, list[str]]] = [
    ({"state": "loading", "percent": 37, "model": "codellama-7b"}, "37%", ["codellama-7b"]),
    (
        {
            "state": "slow",
            "message": "Other programs use all of this machine's cores.",
            "remedy": "A smaller model answers sooner.",
            "last_ms": 4200,
        },
        "slow",
        ["all of this machine's cores", "A smaller model", "4200 ms"],
    ),
    ({"state": "off", "message": "Off on battery."}, "off", ["Off on battery."]),
    ({"state": "busy", "last_ms": 91}, "91 ms", ["busy"]),
    ({"state": "starting"}, "Code Llama", ["starting"]),
    ({"state": "ready", "model": "codellama-7b"}, "Code Llama", ["ready", "codellama-7b"]),
]


@pytest.mark.parametrize(
    ("status", "short", "details"), ROWS, ids=[row[0]["state"] for row in ROWS]
)
def test_a_state_is_shown(
    told: tuple[Window, Stub], status: dict[str, object], short: str, details: list[str]
) -> None:
    window, stub = told
    stub.plays({"status": status})
    name = f"{status['state']}.py"
    (window.code.folder / name).write_text("x = 1\n", encoding="utf-8")
    # The stub tells it when another file comes to the front.
    window.code.open(name)
    window.until_status(short)

    def shown() -> bool:
        text = window.code.status_details()
        return all(detail in text for detail in details)

    until_said(shown, f"{details} on the item", window.code.status_details)


def test_an_error_says_what_to_do(told: tuple[Window, Stub]) -> None:
    window, stub = told
    message, remedy = "codellama-7b.gguf is not there.", "Choose another model."
    stub.plays({"status": {"state": "error", "message": message, "remedy": remedy}})
    (window.code.folder / "error.py").write_text("x = 1\n", encoding="utf-8")
    window.code.open("error.py")
    window.until_status("error")
    until(lambda: f"{message} {remedy}" in window.code.notifications(), "the notification")
    (old,) = window.servers()
    stub.plays({})
    window.code.answer(message, "Restart")
    until(lambda: window.servers() not in ([], [old]), "another server")
    window.until_ready()


def test_a_server_that_ends_again_and_again_is_given_up(told: tuple[Window, Stub]) -> None:
    window, _ = told
    window.command = ["/bin/false"]
    window.set()
    # Five starts, each later than the one before: about a quarter of a minute.
    window.until_status("error")
    said = "The server ended again and again."
    until(lambda: said in window.code.notifications(), "the notification")
    window.code.answer(said, "Doctor")
    until(lambda: "Doctor" in window.code.page(), "the page")
