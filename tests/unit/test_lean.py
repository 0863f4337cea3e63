"""Memory that processes give back: nothing that is in use may go with it."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import linecache
import subprocess
import sys

import attrs

from codellama_lsp import memory

_LEAN = """
import attrs
from codellama_lsp.lsp import lean

define = attrs.define
lean.import_types()
assert attrs.define is define
from lsprotocol import converters, types

classes = [c for c in vars(types).values() if isinstance(c, type) and attrs.has(c)]
assert len(classes) > 500
assert sum(len(c.__init__.__globals__) for c in classes) / len(classes) < 30
made = [c for c in classes if "__repr__" in vars(c)]
assert len({c.__repr__ for c in made}) < 20 < 500 < len(made)
converter = converters.get_converter()
fields = attrs.fields(types.CompletionItem)
assert fields.label.name == "label" and len(fields) > 10 and not hasattr(fields, "nothing")
item = types.CompletionItem("a", kind=types.CompletionItemKind.Text)
assert item == types.CompletionItem("a", kind=types.CompletionItemKind.Text)
assert item != types.CompletionItem("b")
assert "label='a'" in repr(item)
assert converter.structure(converter.unstructure(item), types.CompletionItem) == item
place = types.Position(line=1, character=2)
assert place == types.Position(line=1, character=2) != types.Position(line=1, character=0)
assert types.Range(place, place) == types.Range(place, place)
assert types.Range(place, place) != types.Range(place, types.Position(5, 5))
try:
    hash(item)
except TypeError:
    pass
else:
    raise AssertionError("what can be changed has a hash")
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


def test_the_protocols_types_work_with_what_they_share() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _LEAN], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


async def test_a_pause_begins_when_nothing_postpones_it() -> None:
    begun = asyncio.Event()
    times: list[int] = []

    def what() -> None:
        times.append(1)
        begun.set()

    pause = memory.Pause(what, after_s=0.01)
    for _ in range(3):
        pause.postpone()
    await begun.wait()
    begun.clear()
    pause.postpone()
    await begun.wait()
    assert len(times) == 2


def test_a_module_that_is_not_wanted_is_found_again_afterwards() -> None:
    code = (
        "import sys; from codellama_lsp.memory import without\n"
        "with without('ssl'): import asyncio\n"
        "assert 'ssl' not in sys.modules; asyncio.run(asyncio.sleep(0))\n"
        "import ssl; assert ssl.create_default_context()"
    )
    subprocess.run([sys.executable, "-c", code], timeout=60, check=True)


def test_hashes_are_the_same_without_openssl() -> None:
    code = (
        "import sys; from codellama_lsp.memory import import_hashes; import_hashes()\n"
        "import hashlib, hmac; assert '_hashlib' not in sys.modules\n"
        "print(hashlib.sha256(b'a').hexdigest(), hashlib.md5(b'a').hexdigest(),"
        " hashlib.blake2b(b'a').hexdigest(), hmac.new(b'k', b'a', 'sha256').hexdigest(),"
        " hmac.compare_digest('a', 'a'))"
    )
    command = [sys.executable, "-c", code]
    found = subprocess.run(command, timeout=60, check=True, capture_output=True, text=True)
    assert found.stdout.split() == [
        hashlib.sha256(b"a").hexdigest(),
        hashlib.md5(b"a").hexdigest(),
        hashlib.blake2b(b"a").hexdigest(),
        hmac.new(b"k", b"a", "sha256").hexdigest(),
        "True",
    ]


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
