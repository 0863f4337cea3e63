"""``codellama-lsp demo``: a real server, a real project, typing, and what each suggestion cost."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from codellama_lsp.engine.spec import SCRIPTED

if TYPE_CHECKING:
    from codellama_lsp.cli.ghost import Screen
    from codellama_lsp.lsp.client import Document, Editor, Offer

PROJECT = Path(__file__).parents[1] / "data" / "demo"
_FAILURES = ("engine_down", "failed", "timed_out", "invalid")


@attrs.frozen
class Scene:
    """A line of a file is taken away from `keep` on, and `typed` is typed there."""

    about: str
    file: str
    line: str
    """Some text that stands in one line of the file only."""
    keep: str
    """What stays of the line, its start."""
    typed: str
    closes: bool = False
    """Whether the editor puts a ``)`` after each ``(``."""


SCENES = (
    Scene(
        "the rest of a line",
        "library/lending.py",
        "        return [loan for loan in self.loans if loan.member is member]",
        "        return ",
        "[loan for",
    ),
    Scene(
        "inside a word",
        "library/books.py",
        "        return sorted(found, key=lambda book: book.author)",
        "        return ",
        "sorted(found, key=lam",
    ),
    Scene(
        "after a bracket that the editor closed",
        "library/report.py",
        '    parser.add_argument("--author", help="only the books of this author")',
        "    parser.add_argu",
        "ment(",
        closes=True,
    ),
    Scene(
        "an attribute, back in a file that was open before",
        "library/lending.py",
        '        logger.info("got %s back from %s", loan.book.isbn, loan.member.name)',
        '        logger.info("got %s back from %s", ',
        "loan.b",
    ),
    Scene(
        "a condition",
        "library/books.py",
        "        if isbn not in self.books:",
        "        if ",
        "isbn not",
    ),
)


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    from codellama_lsp.cli.engines import add_options

    parser = subparsers.add_parser("demo", help="see what this is: a server, a project, typing")
    add_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Play all scenes; 1 when a request failed or the model suggested nothing at all."""
    from codellama_lsp.cli.ghost import Screen

    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    return asyncio.run(_play(args, Screen.of(sys.stdout)))


async def _play(args: argparse.Namespace, screen: Screen) -> int:
    from codellama_lsp.lsp.client import Editor

    # -P: nothing is imported from the project that is opened.
    command = [sys.executable, "-P", "-m", "codellama_lsp", "serve"]
    for option in ("model", "engine"):
        if value := getattr(args, option):
            command += [f"--{option}", _from_here(option, value)]
    screen.say(f"Starting a language server on {PROJECT}\n")
    tally = Tally()
    async with Editor(command, PROJECT) as editor:
        await editor.ready()
        screen.say(f"The model {editor.status.get('model', '')} is ready; typing.\n")
        documents: dict[str, Document] = {}
        for number, scene in enumerate(SCENES, 1):
            screen.title(f"{number}/{len(SCENES)}  {scene.file}: {scene.about}")
            await _scene(editor, scene, documents, screen, tally)
    screen.say(tally.summary())
    if tally.failed:
        print(f"codellama-lsp: {tally.failed} requests failed", file=sys.stderr)
        return 1
    if not tally.by_model:
        print("codellama-lsp: the model suggested nothing", file=sys.stderr)
        return 1
    return 0


@attrs.define
class Tally:
    """How the requests ended."""

    requests: int = 0
    by_model: int = 0
    known: int = 0
    failed: int = 0
    fresh: list[int] = attrs.field(factory=list)
    prompts: list[int] = attrs.field(factory=list)

    def add(self, offer: Offer) -> None:
        """Count one."""
        outcome, tokens = offer.cost.get("outcome", ""), offer.cost.get("tokens", {})
        self.requests += 1
        self.failed += outcome in _FAILURES
        self.known += outcome == "cached"
        self.by_model += bool(offer.text and tokens.get("generated"))
        if tokens.get("prompt"):
            self.fresh.append(tokens["fresh"])
            self.prompts.append(tokens["prompt"])

    def summary(self) -> str:
        """One sentence or two."""
        text = (
            f"{self.requests} requests: {self.by_model} suggestions by the model, "
            f"{self.known} from what was known already."
        )
        if self.fresh:
            most = max(self.prompts)
            text += (
                f" Prompts of up to {most} tokens cost {sum(self.fresh) / self.requests:.0f} "
                "evaluated tokens a keystroke (mean), opening files included."
            )
        return text


async def _scene(
    editor: Editor, scene: Scene, documents: dict[str, Document], screen: Screen, tally: Tally
) -> None:
    path = PROJECT / scene.file
    document = documents.get(scene.file)
    if document is None:
        document = documents[scene.file] = editor.open(path, _read(path))
    rest = scene.line.removeprefix(scene.keep)
    at = document.text.index(scene.line) + len(scene.keep)
    editor.replace(document, at, at + len(rest), "")
    screen.header()
    offer = None
    for char in scene.typed:
        editor.type(document, char, ")" if scene.closes and char == "(" else "")
        offer = await editor.complete(document)
        tally.add(offer)
        screen.row(char, offer)
    if offer is not None:
        screen.ghost(document.text, document.cursor, offer)
        screen.say(f"      in the file there stood: {rest.removeprefix(scene.typed)}\n")
    # Put the line back, for the scenes that follow.
    start = at - len(scene.keep)
    end = document.text.find("\n", start)
    editor.replace(document, start, end, scene.line)


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _from_here(option: str, value: str) -> str:
    """The server runs in another directory: make a file's path absolute."""
    prefix = SCRIPTED if option == "engine" else ""
    path = Path(value.removeprefix(prefix))
    return f"{prefix}{path.absolute()}" if path.is_file() else value
