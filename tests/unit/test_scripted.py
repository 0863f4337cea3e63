"""The scripted backend: what a script may say, and what it counts."""

import json

import pytest

from codellama_lsp.engine.backend import CancelFlag
from codellama_lsp.engine.local import LocalEngine
from codellama_lsp.engine.protocol import (
    EngineStartError,
    Finish,
    GenerateRequest,
    Layout,
    Priority,
    Segment,
)
from codellama_lsp.engine.scripted import ScriptedBackend, split_tokens


def request(prefix="def f(", suffix="\nend", **more):
    return GenerateRequest(
        document="a.py", prefix=Segment("p", 1, prefix), suffix=Segment("s", 1, suffix), **more
    )


@pytest.fixture
async def engine_of(tmp_path):
    engines = []

    def make(script):
        path = tmp_path / "script.json"
        path.write_text(script if isinstance(script, str) else json.dumps(script))
        engines.append(LocalEngine(ScriptedBackend(path)))
        return engines[-1]

    yield make
    for engine in engines:
        await engine.close()


async def test_streams_an_item_per_visible_candidate_in_order(engine_of):
    engine = engine_of(["x, y):", "one", "two", "three"])
    generation = engine.generate(request())
    assert [piece async for piece in generation] == ["x", ",", " ", "y", ")", ":"]
    first = await generation.result()
    assert (first.candidates[0].text, first.candidates[0].finish) == ("x, y):", Finish.EOT)
    assert first.tokens.generated == 6
    second = await engine.generate(request(candidates=2, priority=Priority.ASSIST)).result()
    assert [c.text for c in second.candidates] == ["one", "two"]
    third = await engine.generate(request()).result()
    assert third.candidates[0].text == "three"
    past_the_end = await engine.generate(request()).result()
    assert (past_the_end.candidates[0].text, past_the_end.tokens.generated) == ("", 0)


@pytest.mark.parametrize("priority", [Priority.SPECULATIVE, Priority.WARM])
async def test_work_that_nobody_sees_takes_no_item(engine_of, priority):
    engine = engine_of(["seen"])
    unseen = await engine.generate(request(priority=priority)).result()
    assert unseen.candidates[0].text == ""
    assert (await engine.generate(request()).result()).candidates[0].text == "seen"


@pytest.mark.parametrize(
    ("item", "options", "text", "finish"),
    [
        ("a\nb", {"stop_at_newline": True}, "a", Finish.STOP),
        ("\n  a\nb", {"stop_at_newline": True}, "\n  a", Finish.STOP),
        ("a\nb", {}, "a\nb", Finish.EOT),
        ("a b c", {"max_tokens": 3}, "a b", Finish.LENGTH),
        ("a b", {"max_tokens": 3}, "a b", Finish.EOT),
        ("a", {"max_tokens": 0}, "", Finish.LENGTH),
        ("\ud800 x", {}, "\ud800 x", Finish.EOT),
    ],
)
async def test_stop_rules(engine_of, item, options, text, finish):
    result = await engine_of([item]).generate(request(**options)).result()
    assert (result.candidates[0].text, result.candidates[0].finish) == (text, finish)


async def test_probabilities_go_with_the_tokens(engine_of):
    engine = engine_of([{"text": "a b", "probs": [0.9, 0.2]}, {"text": "a b", "probs": [0.5] * 9}])
    assert (await engine.generate(request()).result()).candidates[0].probabilities == (0.9, 0.2, 1)
    cut = await engine.generate(request(max_tokens=2)).result()
    assert cut.candidates[0].probabilities == (0.5, 0.5)


async def test_typing_reuses_the_prompt(engine_of):
    engine = engine_of(["", "", ""])
    first = (await engine.generate(request("import os\nx = ")).result()).tokens
    assert (first.reused, first.fresh) == (0, first.prompt)
    typed = (await engine.generate(request("import os\nx = y")).result()).tokens
    assert (typed.fresh, typed.reused) == (1, typed.prompt - 1)
    again = (await engine.generate(request("import os\nx = y")).result()).tokens
    assert again.fresh == 1
    other_suffix = (await engine.generate(request("import os\nx = y", "!")).result()).tokens
    assert other_suffix.reused == 0
    psm = request("import os\nx = y", "!", layout=Layout.PSM)
    assert (await engine.generate(psm).result()).tokens.prompt == other_suffix.prompt


def test_a_cancelled_delay_ends_and_the_item_is_gone(tmp_path):
    path = tmp_path / "script.json"
    path.write_text(json.dumps([{"text": "late", "delay_ms": 3_600_000}, "next"]))
    backend = ScriptedBackend(path)
    backend.load(lambda share: None)
    cancel = CancelFlag()
    cancel.set()
    candidate = backend.generate(request(), lambda *_: None, cancel).candidates[0]
    assert (candidate.text, candidate.finish) == ("", Finish.CANCELLED)
    following = backend.generate(request(), lambda *_: None, CancelFlag())
    assert following.candidates[0].text == "next"


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("{", "not JSON"),
        ('{"a": 1}', "not a list"),
        ("[1]", "item 1: neither"),
        ('["a", {"txt": "b"}]', "item 2: unknown key 'txt'"),
        ('[{"probs": []}]', '"text" is not a string'),
        ('[{"text": "a", "probs": [2]}]', "0 to 1"),
        ('[{"text": "a", "delay_ms": "1"}]', "milliseconds"),
        ('[{"text": "a", "delay_ms": -1}]', "milliseconds"),
        ("[" * 100_000, "not JSON"),
    ],
)
async def test_a_bad_script_says_what_is_wrong(engine_of, script, words):
    engine = engine_of(script)
    pending = engine.generate(request())
    with pytest.raises(EngineStartError, match=words):
        await engine.info()
    with pytest.raises(EngineStartError, match=words):
        await pending.result()
    with pytest.raises(EngineStartError, match=words):
        await engine.generate(request()).result()


async def test_a_missing_script(tmp_path):
    engine = LocalEngine(ScriptedBackend(tmp_path / "none.json"))
    with pytest.raises(EngineStartError, match="cannot read"):
        await engine.info()


def test_tokens_join_to_the_text():
    text = "def f(x):\n\treturn 'é\u3000漢字🎉' + \r\n  _abcdefghijklmnop\x00\ud800"
    assert "".join(split_tokens(text)) == text
