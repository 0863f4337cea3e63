"""The needle: one definition among thousands with names and bodies much like it.

A workspace is made up with a seed: every name in it is drawn, and nothing but the reference at the
cursor leads to the one that is needed. Then a choice is made at budgets from small to very large,
and looked at: is the definition there, and is the text within the budget in the model's tokens?
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs

from codellama_lsp.context.candidates import Query
from codellama_lsp.context.index.library import Library
from codellama_lsp.context.select import select

BUDGETS = (512, 4096, 16_384, 65_536)
_FILES = 100
_SYLLABLES = "ba de fi go lu ma ne pi ro su ta ve wi zo ka le mo nu ri sa".split()
_FUNCTION = """def {name}(request, state, limit={number}):
    \"\"\"Handle a request and return its state.\"\"\"
    result = compute(request, state, limit)
    return respond(result, {number})
"""
_CLASS = """class {name}:
    \"\"\"Handles requests and keeps their state.\"\"\"

    def {member}(self, request, limit={number}):
        result = compute(request, self.state, limit)
        return respond(result, {number})
"""


@attrs.frozen
class Needle:
    """A cursor whose code refers to one definition, and what shows that it is there."""

    kind: str
    path: str
    text: str
    offset: int
    where: str
    """The file that holds it."""
    wanted: str
    """How its definition begins."""


@attrs.frozen
class NeedleRow:
    """What was chosen at one cursor, at one budget."""

    kind: str
    budget_tokens: int
    found: bool
    tokens: int
    """In the model's own vocabulary."""

    @property
    def good(self) -> bool:
        """Whether it is there and nothing is too long."""
        return self.found and self.tokens <= self.budget_tokens


def make(root: Path, definitions: int, seed: int) -> list[Needle]:
    """Write a workspace of so many functions and classes; the needles in it, one of each kind."""
    rng = random.Random(seed)
    names = _names(rng)
    functions = [next(names) for _ in range(definitions // 2)]
    classes = [next(names).title().replace("_", "") for _ in range(definitions - len(functions))]
    members = {name: next(names) for name in classes}
    places: dict[str, str] = {}
    texts: dict[str, list[str]] = {}
    for number, name in enumerate([*functions, *classes]):
        path = f"pkg/{'calls' if name in members else 'parts'}_{number % _FILES}.py"
        places[name] = path
        form = _CLASS if name in members else _FUNCTION
        text = form.format(name=name, member=members.get(name), number=rng.randint(10, 99))
        texts.setdefault(path, []).append(text)
    needles = list(_needles(rng, functions, classes, members, places))
    passed_on = [needle.wanted[4:-1] for needle in needles if needle.kind == "passed on"]
    texts["pkg/__init__.py"] = [
        f"from {_module(places[name])} import {name}\n" for name in passed_on
    ]
    for path, inside in texts.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("\n\n".join(inside), encoding="utf-8")
    return needles


def look(
    library: Library, needle: Needle, chars_per_token: float, count: Callable[[str], int]
) -> Iterator[NeedleRow]:
    """What is chosen for it at every budget."""
    query = Query(needle.path, "python", needle.text, needle.offset)
    for budget in BUDGETS:
        chosen = select(library, query, budget_tokens=budget, chars_per_token=chars_per_token)
        found = chosen.counted([count(chunk.text) for chunk in chosen.chunks])
        shown = any(c.path == needle.where and needle.wanted in c.text for c in found.chunks)
        yield NeedleRow(needle.kind, budget, shown, found.tokens)


def _needles(
    rng: random.Random,
    functions: list[str],
    classes: list[str],
    members: dict[str, str],
    places: dict[str, str],
) -> Iterator[Needle]:
    work = "def dispatch(request, state):\n    result = compute(request, state)\n"
    one = rng.choice(functions)
    get = f"from {_module(places[one])} import {one}"
    yield _needle("imported", f"{get}\n\n\n{work}    return |", one, places)
    one = rng.choice(functions)
    get = f"from {_module(places[one])} import {one} as handle"
    yield _needle("imported as", f"{get}\n\n\n{work}    return handle(|", one, places)
    one = rng.choice(functions)
    yield _needle("passed on", f"from pkg import {one}\n\n\n{work}    return |", one, places)
    one = rng.choice(functions)
    yield _needle("called", f"{work}    return {one}(|", one, places)
    kind = rng.choice(classes)
    get = f"from {_module(places[kind])} import {kind}"
    text = f"{get}\n\n\ndef dispatch(it: {kind}, request):\n    return it.|"
    yield _needle("member", text, kind, places, f"def {members[kind]}(")
    kind = rng.choice(classes)
    get = f"from {_module(places[kind])} import {kind}"
    text = f"{get}\n\n\nclass Own({kind}):\n    def dispatch(self, request):\n        return self.|"
    yield _needle("base", text, kind, places, f"def {members[kind]}(")


def _needle(kind: str, marked: str, name: str, places: dict[str, str], wanted: str = "") -> Needle:
    text = marked.replace("|", "")
    return Needle(kind, "main.py", text, marked.index("|"), places[name], wanted or f"def {name}(")


def _module(path: str) -> str:
    return path.removesuffix(".py").replace("/", ".")


def _names(rng: random.Random) -> Iterator[str]:
    seen: set[str] = set()
    while True:
        words = ("".join(rng.choices(_SYLLABLES, k=2)) for _ in range(3))
        name = "_".join(words)
        if name not in seen:
            seen.add(name)
            yield name
