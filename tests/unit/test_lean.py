"""Memory that processes give back: nothing that is in use may go with it."""

from __future__ import annotations

import linecache
import subprocess
import sys

import attrs

from codellama_lsp import memory

_LEAN = """
import attrs
from lsprotocol import converters, types
from codellama_lsp.lsp import lean

def kept():
    classes = [c for c in vars(types).values() if isinstance(c, type) and attrs.has(c)]
    return sum(len(c.__init__.__globals__) for c in classes) / len(classes)

before = kept()
lean.forget_unused_names()
assert kept() < before / 5, (before, kept())
converter = converters.get_converter()
item = types.CompletionItem("a", kind=types.CompletionItemKind.Text)
assert item == types.CompletionItem("a", kind=types.CompletionItemKind.Text)
assert item != types.CompletionItem("b")
assert "label='a'" in repr(item)
assert converter.structure(converter.unstructure(item), types.CompletionItem) == item
place = types.Position(line=1, character=2)
assert place < types.Position(line=1, character=3)
try:
    types.Position(line=-1, character=0)
except ValueError:
    pass
else:
    raise AssertionError("the validator is gone")
for cls in [c for c in vars(types).values() if isinstance(c, type) and attrs.has(c)]:
    needed = [f for f in attrs.fields(cls) if f.init and f.default is attrs.NOTHING]
    made = cls(**{f.name: {str: "a", bool: True, float: 0.5}.get(f.type, 1) for f in needed})
    assert made == made and repr(made)
"""


def test_the_protocols_types_work_without_the_names_that_nothing_reads() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _LEAN], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


def test_generated_sources_are_forgotten_and_real_ones_are_not() -> None:
    @attrs.frozen
    class Made:
        value: int

    linecache.getlines(__file__)
    name = Made.__init__.__code__.co_filename
    assert name in linecache.cache
    memory.give_back()
    assert name not in linecache.cache
    assert __file__ in linecache.cache
    assert Made(1) == Made(1)
    assert repr(Made(1)).endswith("Made(value=1)")
