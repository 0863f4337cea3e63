"""Which part may import which: the arrows of the architecture, held by reading every import."""

from __future__ import annotations

import ast
import graphlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import codellama_lsp

ROOT = Path(codellama_lsp.__file__).parent

# part: what no file in it may import. A part is a folder or a file; the longest one that fits
# counts, and rules of the folders above it hold too.
FORBIDDEN = {
    "": {"llama_cpp"},
    "completion": {"pygls", "lsprotocol", "codellama_lsp.lsp", "codellama_lsp.cli", "socket"},
    "config": {"pygls", "lsprotocol", "asyncio", "codellama_lsp.lsp", "codellama_lsp.completion"},
    "context": {
        "pygls",
        "lsprotocol",
        "asyncio",
        "codellama_lsp.lsp",
        "codellama_lsp.cli",
        "codellama_lsp.completion",
    },
    "engine": {
        "pygls",
        "lsprotocol",
        "codellama_lsp.lsp",
        "codellama_lsp.cli",
        "codellama_lsp.completion",
        "codellama_lsp.context",
    },
    "engine/protocol.py": {"asyncio", "socket", "os", "codellama_lsp.prompt"},
    "evaluation": {"pygls", "lsprotocol", "codellama_lsp.lsp"},
    "models": {"pygls", "lsprotocol", "codellama_lsp.lsp", "codellama_lsp.completion"},
    "prompt": {
        "asyncio",
        "socket",
        "os",
        "io",
        "pathlib",
        "subprocess",
        "threading",
        "pygls",
        "lsprotocol",
        "codellama_lsp.lsp",
        "codellama_lsp.completion",
        "codellama_lsp.context",
        "codellama_lsp.cli",
    },
    "telemetry": {"pygls", "lsprotocol", "codellama_lsp.lsp", "codellama_lsp.cli"},
    "workspace": {
        "pygls",
        "lsprotocol",
        "codellama_lsp.lsp",
        "codellama_lsp.cli",
        "codellama_lsp.completion",
    },
    "cli": {"pygls", "lsprotocol"},
    "lsp/positions.py": {"pygls", "lsprotocol"},
    "lsp/session.py": {"pygls", "lsprotocol"},
}

# The only places where something may be imported although a rule above says no.
ALLOWED = {
    "llama_cpp": ("engine/worker",),
    # What only people run, to look at what is installed.
    "pygls": ("lsp",),
    "lsprotocol": ("lsp",),
}


def imports(source: str, package: str = "codellama_lsp") -> Iterator[str]:
    """Every module that `source` imports, wherever in the file; strings of `__import__` too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - max(node.level - 1, 0)]
            base = ".".join([*parents, node.module or ""] if node.level else [node.module or ""])
            base = base.rstrip(".")
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name in ("__import__", "import_module"):
                yield str(node.args[0].value)


def violations(path: str, source: str) -> list[str]:
    """What the file at `path` (under the package) imports and should not."""
    package = ".".join(["codellama_lsp", *path.split("/")[:-1]])
    forbidden = {
        module
        for part, modules in FORBIDDEN.items()
        if not part or path == part or path.startswith(part + "/")
        for module in modules
        if not any(path.startswith(place + "/") for place in ALLOWED.get(module, ()))
        or path in FORBIDDEN
    }
    return sorted(
        {
            f"{path} imports {module}"
            for module in imports(source, package)
            for bad in forbidden
            if module == bad or module.startswith(bad + ".")
        }
    )


@pytest.mark.parametrize(
    "path", sorted(str(path.relative_to(ROOT).as_posix()) for path in ROOT.rglob("*.py"))
)
def test_arrows(path: str) -> None:
    assert violations(path, (ROOT / path).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("completion/x.py", "import lsprotocol.types"),
        ("completion/x.py", "from codellama_lsp.lsp import positions"),
        ("completion/x.py", "from ..lsp import positions"),
        ("completion/x.py", "def f():\n    from codellama_lsp import lsp"),
        ("context/x.py", "from codellama_lsp.completion.types import Trigger"),
        ("prompt/x.py", "import asyncio"),
        ("prompt/deep/x.py", "import os.path"),
        ("engine/x.py", "import llama_cpp"),
        ("engine/x.py", "from codellama_lsp.completion import types"),
        ("lsp/x.py", "import llama_cpp"),
        ("lsp/positions.py", "from lsprotocol import types"),
        ("cli/x.py", "import importlib\nimportlib.import_module('llama_cpp')"),
        ("cli/x.py", "__import__('pygls')"),
    ],
)
def test_the_check_finds(path: str, source: str) -> None:
    assert violations(path, source)


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("lsp/x.py", "import pygls\nfrom lsprotocol import types\nimport codellama_lsp.completion"),
        ("engine/worker/x.py", "import llama_cpp\nfrom codellama_lsp.prompt import fim"),
        ("completion/x.py", "import asyncio\nfrom codellama_lsp.context import windows"),
        ("prompt/x.py", "import re\nimport ospray"),
    ],
)
def test_the_check_lets_through(path: str, source: str) -> None:
    assert violations(path, source) == []


def first_circle(sources: Mapping[str, str]) -> list[str]:
    """Modules that import each other in a circle, imports for types alone included; [] for none.

    `sources` by module; a package goes by its own name.
    """
    graph = {}
    for module, source in sources.items():
        own = (
            module
            if (ROOT.parent / module.replace(".", "/")).is_dir()
            else module.rpartition(".")[0]
        )
        graph[module] = {name for name in imports(source, own) if name in sources} - {module}
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return list(error.args[1])
    return []


def test_no_circles() -> None:
    paths = {path: path.relative_to(ROOT.parent).with_suffix("") for path in ROOT.rglob("*.py")}
    sources = {
        ".".join(name.parts).removesuffix(".__init__"): path.read_text(encoding="utf-8")
        for path, name in paths.items()
    }
    assert first_circle(sources) == []


def test_a_circle_is_found() -> None:
    circle = {
        "codellama_lsp.a": "from codellama_lsp import b",
        "codellama_lsp.b": "if TYPE_CHECKING:\n    from .c import X",
        "codellama_lsp.c": "import codellama_lsp.a",
    }
    assert set(first_circle(circle)) == set(circle)
    assert first_circle({**circle, "codellama_lsp.c": "import ast"}) == []
