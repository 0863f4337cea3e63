"""Between the protocol's values and JSON objects; by hand, for it runs on every keystroke.

Trusts nothing that it reads: a wrong type raises `WireError`, which never quotes what was sent.
"""

from __future__ import annotations

import enum
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import attrs

from codellama_lsp.engine.protocol import (
    Candidate,
    EngineInfo,
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
from codellama_lsp.engine.wire import INVALID_PARAMS, WireError

T = TypeVar("T")
_Getter = Callable[[object], tuple[Any, ...]]
E = TypeVar("E", bound=enum.Enum)

MAX_CANDIDATES = 16
MAX_TOKENS = 100_000
MAX_TYPED_CHARS = 1_000_000
MAX_LIMIT_TOKENS = 1 << 24
MAX_CONTEXT_SEGMENTS = 400


def request_to_json(request: GenerateRequest, sender: SegmentSender) -> dict[str, Any]:
    """What travels for `request`; `sender` leaves out what the engine has already."""
    body: dict[str, Any] = {
        "document": request.document,
        "context": [sender.pack(segment) for segment in request.context],
        "suffix": sender.pack(request.suffix),
        "prefix": sender.pack(request.prefix),
        "far_before": request.far_before and sender.pack(request.far_before),
        "far_after": request.far_after and sender.pack(request.far_after),
    }
    for name, value, usual in zip(_READERS, _option_values(request), _USUAL_VALUES, strict=True):
        if value != usual:
            body[name] = value
    return body


def request_from_json(raw: object, store: SegmentStore) -> GenerateRequest:
    """The request; raises `UnknownSegmentError` when `store` lacks the base of a delta."""
    body = _object(raw)
    context = body.get("context")
    if not isinstance(context, list) or len(context) > MAX_CONTEXT_SEGMENTS:
        raise WireError(INVALID_PARAMS, "context is not a short list")
    options = {name: _READERS[name](body, name) for name in body if name in _READERS}
    return GenerateRequest(
        document=_get(body, "document", str),
        context=tuple(store.unpack(segment) for segment in context),
        suffix=store.unpack(body.get("suffix")),
        prefix=store.unpack(body.get("prefix")),
        far_before=_optional_segment(body, "far_before", store),
        far_after=_optional_segment(body, "far_after", store),
        **options,
    )


def result_to_json(result: GenerateResult) -> dict[str, Any]:
    """What travels for `result`."""
    return {
        "candidates": [
            {"text": c.text, "finish": c.finish.value, "probabilities": c.probabilities}
            for c in result.candidates
        ],
        "tokens": _token_values(result.tokens),
        "ms": _timing_values(result.ms),
        "layout": result.layout.value,
        "segment_tokens": result.segment_tokens,
    }


def result_from_json(raw: object) -> GenerateResult:
    """The result of a generation."""
    body = _object(raw)
    return GenerateResult(
        candidates=tuple(
            Candidate(
                _get(candidate, "text", str),
                _enum(candidate, "finish", Finish),
                tuple(_floats(candidate.get("probabilities"))),
            )
            for candidate in map(_object, _get(body, "candidates", list))
        ),
        tokens=TokenCounts(*_values(body.get("tokens"), len(_TOKEN_FIELDS), _COUNTS)),
        ms=Timings(*_values(body.get("ms"), len(_TIMING_FIELDS), _NUMBERS)),
        layout=_enum(body, "layout", Layout),
        segment_tokens=_counts(body.get("segment_tokens")),
    )


def progress_to_json(progress: Progress) -> tuple[Any, ...]:
    """What travels with every piece of text: the values, in order."""
    return _progress_values(progress)


def progress_from_json(raw: object) -> Progress:
    """How far a generation has come."""
    values = _values(raw, len(_PROGRESS_FIELDS), _NUMBERS)
    _values(values[:_PROGRESS_COUNTS], _PROGRESS_COUNTS, _COUNTS)
    return Progress(*values)


def info_to_json(info: EngineInfo) -> dict[str, Any]:
    """What travels for `info`."""
    return {**_slots(info, _INFO_TYPES), "details": dict(info.details)}


def info_from_json(raw: object) -> EngineInfo:
    """The engine's facts about itself."""
    body = _object(raw)
    values: dict[str, Any] = {
        name: _float(body, name) if kind is float else _get(body, name, kind)
        for name, kind in _INFO_TYPES.items()
    }
    details = {str(k): str(v) for k, v in _object(body.get("details")).items()}
    return EngineInfo(**values, details=details)


_TOKEN_FIELDS = tuple(field.name for field in TokenCounts.__attrs_attrs__)
_TIMING_FIELDS = tuple(field.name for field in Timings.__attrs_attrs__)
_PROGRESS_FIELDS = tuple(field.name for field in Progress.__attrs_attrs__)
_PROGRESS_COUNTS = _PROGRESS_FIELDS.index("decode")
_token_values: _Getter = operator.attrgetter(*_TOKEN_FIELDS)
_timing_values: _Getter = operator.attrgetter(*_TIMING_FIELDS)
_progress_values: _Getter = operator.attrgetter(*_PROGRESS_FIELDS)
_COUNTS = frozenset((int,))
_NUMBERS = frozenset((int, float))
_NUMBERS_OR_NONE = frozenset((int, float, type(None)))
_INFO_TYPES: Mapping[str, type[Any]] = {
    "protocol": int,
    "model_name": str,
    "model_path": str,
    "context_tokens": int,
    "can_infill": bool,
    "infill_reason": str,
    "chars_per_token": float,
    "prefill_tokens_per_s": float,
    "pid": int,
    "suffix_first": bool,
}


def _slots(value: object, names: Mapping[str, object] | tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(value, name) for name in names}


def _values(raw: object, count: int, kinds: frozenset[type[Any]]) -> list[Any]:
    """Values in the order of their fields; exactly of `kinds`, so that no flag is a number."""
    if not isinstance(raw, list) or len(raw) != count or not kinds.issuperset(map(type, raw)):
        raise WireError(INVALID_PARAMS, f"not {count} numbers")
    return raw


def _object(raw: object) -> dict[str, Any]:
    if not isinstance(raw, dict):
        raise WireError(INVALID_PARAMS, "not an object")
    return raw


def _get(body: dict[str, Any], name: str, kind: type[T]) -> T:
    value = body.get(name)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is int):
        raise WireError(INVALID_PARAMS, f"{name} is not a {kind.__name__}")
    return value


def _optional_segment(body: dict[str, Any], name: str, store: SegmentStore) -> Segment | None:
    return None if body.get(name) is None else store.unpack(body[name])


def _float(body: dict[str, Any], name: str) -> float:
    value = body.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise WireError(INVALID_PARAMS, f"{name} is not a number")
    return float(value)


def _floats(raw: object) -> list[float]:
    if not isinstance(raw, list) or not all(type(value) in _NUMBERS_OR_NONE for value in raw):
        raise WireError(INVALID_PARAMS, "not a list of numbers")
    # JSON has no word for what a broken model may compute.
    return [math.nan if value is None else value for value in raw]


def _counts(raw: object) -> tuple[int, ...]:
    if not isinstance(raw, list) or not all(type(value) is int for value in raw):
        raise WireError(INVALID_PARAMS, "not a list of counts")
    return tuple(raw)


def _enum(body: dict[str, Any], name: str, kind: type[E]) -> E:
    try:
        return kind(body.get(name))
    except ValueError as error:
        raise WireError(INVALID_PARAMS, f"{name} is none of the known values") from error


def _flag(body: dict[str, Any], name: str) -> bool:
    return _get(body, name, bool)


def _whole(body: dict[str, Any], name: str) -> int:
    return _get(body, name, int)


def _between(low: int, high: int) -> Callable[[dict[str, Any], str], int]:
    def get(body: dict[str, Any], name: str) -> int:
        value = _get(body, name, int)
        if not low <= value <= high:
            raise WireError(INVALID_PARAMS, f"{name} is not between {low} and {high}")
        return value

    return get


def _one_of(kind: type[E]) -> Callable[[dict[str, Any], str], E]:
    return lambda body, name: _enum(body, name, kind)


_READERS: Mapping[str, Callable[[dict[str, Any], str], Any]] = {
    "context_in_prefix": _flag,
    "most_context_tokens": _between(0, MAX_LIMIT_TOKENS),
    "most_window_tokens": _between(0, MAX_LIMIT_TOKENS),
    "typed_chars": _between(0, MAX_TYPED_CHARS),
    "layout": _one_of(Layout),
    "heal": _flag,
    "copy": _flag,
    "draft": _flag,
    "stop_at_newline": _flag,
    "max_tokens": _between(0, MAX_TOKENS),
    "time_budget_ms": _float,
    "candidates": _between(1, MAX_CANDIDATES),
    "least_probability": _float,
    "temperature": _float,
    "seed": _whole,
    "measure": _flag,
    "priority": _one_of(Priority),
}
"""A request's options, and how each is read."""
_option_values = operator.attrgetter(*_READERS)
_FIELDS = attrs.fields_dict(GenerateRequest)
_USUAL_VALUES = tuple(_FIELDS[name].default for name in _READERS)
"""What they are where nothing travels."""
