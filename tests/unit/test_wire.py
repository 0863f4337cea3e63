"""Framing, deltas and converters: whatever goes in comes out, and garbage is refused in words."""

import contextlib
import json
import math

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codellama_lsp.engine import convert, segments, wire
from codellama_lsp.engine.protocol import (
    BadRequestError,
    Candidate,
    EngineError,
    EngineGoneError,
    EngineInfo,
    EngineStartError,
    Finish,
    GenerateRequest,
    GenerateResult,
    Layout,
    Priority,
    Progress,
    Segment,
    Timings,
    TokenCounts,
)
from codellama_lsp.engine.segments import SegmentSender, SegmentStore
from codellama_lsp.strings import common_prefix_chars

#: Lone surrogates too.
TEXT = st.text(st.characters(), max_size=300)


def a_segment(key):
    return st.builds(Segment, st.just(key), st.integers(), TEXT)


REQUEST = st.builds(
    GenerateRequest,
    document=TEXT,
    prefix=a_segment("p\ud800"),
    suffix=a_segment("s"),
    context=st.just(()) | st.tuples(a_segment("1"), a_segment("2")),
    far_before=st.none() | a_segment("b"),
    far_after=st.none() | a_segment("a"),
    layout=st.sampled_from(Layout),
    heal=st.booleans(),
    copy=st.none() | st.booleans(),
    stop_at_newline=st.booleans(),
    max_tokens=st.integers(0, 1000),
    time_budget_ms=st.none() | st.floats(0, 1e6),
    candidates=st.integers(1, convert.MAX_CANDIDATES),
    temperature=st.floats(0, 2),
    seed=st.integers(-(2**40), 2**40),
    priority=st.sampled_from(Priority),
)


SPM = Layout.SPM


def over_the_wire(value):
    return wire.decode(wire.encode(wire.response(1, value)))["result"]


@settings(max_examples=60, deadline=None)
@given(REQUEST)
def test_requests_survive(request):
    sent = over_the_wire(convert.request_to_json(request, SegmentSender()))
    assert convert.request_from_json(sent, SegmentStore()) == request


OTHER = GenerateRequest(
    document="d",
    prefix=Segment("p", 1, ""),
    suffix=Segment("s", 1, ""),
    context=(Segment("c", 1, ""),),
    context_in_prefix=True,
    most_context_tokens=0,
    most_window_tokens=0,
    far_before=Segment("f", 1, ""),
    far_after=Segment("g", 1, ""),
    typed_chars=1,
    layout=Layout.PSM,
    heal=False,
    copy=False,
    draft=False,
    stop_at_newline=True,
    max_tokens=0,
    time_budget_ms=0.0,
    candidates=2,
    least_probability=0.5,
    temperature=0.5,
    seed=1,
    measure=True,
    priority=Priority.WARM,
)


def test_every_field_of_a_request_travels():
    # All of them other than usual, which does not travel.
    for field in attrs.fields(GenerateRequest):
        assert getattr(OTHER, field.name) != field.default, field.name
    sent = convert.request_to_json(OTHER, SegmentSender())
    assert set(sent) == {field.name for field in attrs.fields(GenerateRequest)}
    assert convert.request_from_json(over_the_wire(sent), SegmentStore()) == OTHER


@pytest.mark.parametrize(
    "result",
    [
        GenerateResult(
            (Candidate("\ud800é\n", Finish.TIME, (0.5, 1.0)), Candidate("", Finish.EOT)),
            TokenCounts(1, 2, 3, 4, 5, 6, 7),
            Timings(1.5, 2.5, 3.5, 4.5),
            Layout.LEFT_TO_RIGHT,
        )
    ],
)
def test_results_survive(result):
    assert convert.result_from_json(over_the_wire(convert.result_to_json(result))) == result


def test_progress_survives():
    progress = Progress(1, 2, 3, 4, 5.5, 6.5)
    assert convert.progress_from_json(over_the_wire(convert.progress_to_json(progress))) == progress


PROGRESS = [1, 2, 3, 4, 5.5, 6.5]


@pytest.mark.parametrize(
    "raw",
    [
        None,
        {},
        PROGRESS[:-1],
        [*PROGRESS, 1],
        [True, *PROGRESS[1:]],
        [1.0, *PROGRESS[1:]],
        [*PROGRESS[:-1], None],
        [*PROGRESS[:-1], "1"],
    ],
)
def test_what_is_no_progress_is_refused(raw):
    with pytest.raises(wire.WireError):
        convert.progress_from_json(raw)


@pytest.mark.parametrize(("name", "value"), [("tokens", 1.5), ("tokens", True), ("ms", None)])
def test_what_is_no_result_is_refused(name, value):
    sent = over_the_wire(convert.result_to_json(GenerateResult((), TokenCounts(), Timings(), SPM)))
    sent[name][0] = value
    with pytest.raises(wire.WireError):
        convert.result_from_json(sent)


def test_a_probability_that_is_no_number_breaks_nothing():
    result = GenerateResult(
        (Candidate("x", Finish.EOT, (math.nan, 0.5)),), TokenCounts(), Timings(), SPM
    )
    found = convert.result_from_json(over_the_wire(convert.result_to_json(result)))
    first, second = found.candidates[0].probabilities
    assert math.isnan(first) and second == 0.5


def test_infos_survive():
    info = EngineInfo(1, "n", "/p", 10, True, "", 3.5, 7.0, 99, {"a": "b"})
    assert convert.info_from_json(over_the_wire(convert.info_to_json(info))) == info
    assert set(convert.info_to_json(info)) == {f.name for f in attrs.fields(EngineInfo)}


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("ab"), TEXT), max_size=12))
def test_deltas_rebuild_every_version(edits):
    sender, store, texts = SegmentSender(), SegmentStore(), {"a": "x" * 200, "b": ""}
    for version, (key, edit) in enumerate(edits):
        texts[key] = texts[key][: len(edit) % 190 + 70] + edit
        segment = Segment(key, version, texts[key])
        assert store.unpack(over_the_wire(sender.pack(segment))) == segment
        assert store.unpack(over_the_wire(sender.pack(segment))) == segment


def test_deltas_are_small():
    sender, text = SegmentSender(), "x = 1\n" * 10_000
    assert sender.pack(Segment("k", 1, text))["text"] == text
    typed = sender.pack(Segment("k", 2, text + "y"))
    assert typed == {"key": "k", "version": 2, "base": 1, "keep": len(text), "tail": "y"}
    assert sender.pack(Segment("k", 2, text + "y")) == {"key": "k", "version": 2}
    assert sender.pack(Segment("k", 3, text[:-3]))["tail"] == ""
    sender.forget()
    assert "text" in sender.pack(Segment("k", 3, text[:-3]))


@pytest.mark.parametrize("limit", ["MAX_SEGMENTS", "MAX_HELD_CHARS"])
def test_what_was_forgotten_is_asked_for(monkeypatch, limit):
    monkeypatch.setattr(segments, limit, 3)
    store = SegmentStore()
    for key in "abcd":
        store.unpack({"key": key, "version": 1, "text": "x"})
    assert store.unpack({"key": "d", "version": 1}).text == "x"
    for lost in (
        {"key": "a", "version": 1},
        {"key": "d", "version": 2},
        {"key": "a", "version": 2, "base": 1, "keep": 1, "tail": ""},
    ):
        with pytest.raises(wire.UnknownSegmentError):
            store.unpack(lost)


@pytest.mark.parametrize(
    "packed",
    [
        None,
        [],
        {},
        {"key": 1, "version": 1, "text": ""},
        {"key": "a", "version": "1"},
        {"key": "a", "version": 1, "text": 5},
        {"key": "k", "version": 2, "base": 1},
        {"key": "k", "version": 2, "base": 1, "keep": -1, "tail": ""},
        {"key": "k", "version": 2, "base": 1, "keep": 99, "tail": ""},
    ],
)
def test_bad_segments_are_refused(packed):
    store = SegmentStore()
    store.unpack({"key": "k", "version": 1, "text": "secret"})
    with pytest.raises(wire.WireError) as caught:
        store.unpack(packed)
    assert "secret" not in str(caught.value)


@given(TEXT, TEXT)
def test_common_prefix(a, b):
    length = common_prefix_chars(a, b)
    assert a[:length] == b[:length]
    assert length == min(len(a), len(b)) or a[length] != b[length]


@pytest.mark.parametrize(
    "error",
    [
        EngineError("a"),
        EngineError("a", "b"),
        EngineGoneError("g"),
        EngineStartError("s", "r"),
        BadRequestError("b"),
        wire.RefusedError("x", "y"),
    ],
)
def test_errors_keep_kind_message_and_remedy(error):
    body = wire.decode(wire.encode(wire.failure(1, error)))["error"]
    found = wire.to_exception(body)
    assert (type(found), found.message, found.remedy) == (type(error), error.message, error.remedy)


def test_other_errors_give_away_their_name_only():
    body = wire.failure(1, ValueError("secret"))["error"]
    assert "ValueError" in body["message"] and "secret" not in json.dumps(body)


@pytest.mark.parametrize("body", [None, [], {}, {"code": "x", "message": 1, "data": 5}])
def test_malformed_errors_are_errors(body):
    assert isinstance(wire.to_exception(body), EngineError)


@given(st.binary(max_size=60))
def test_garbage_is_no_message(line):
    with contextlib.suppress(wire.WireError):
        assert isinstance(wire.decode(line), dict)
