"""Between the protocol's values and JSON objects; by hand, for it runs on every keystroke.

Trusts nothing that it reads: a wrong type raises `WireError`, which never quotes what was sent.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any, TypeVar

from codellama_lsp.engine.protocol import (
    Candidate,
    EngineInfo,
    Finish,
    GenerateRequest,
    GenerateResult,
    Layout,
    Priority,
    Segment,
    Timings,
    TokenCounts,
)
from codellama_lsp.engine.segments import SegmentSender, SegmentStore
from codellama_lsp.engine.wire import INVALID_PARAMS, WireError

T = TypeVar("T")
E = TypeVar("E", bound=enum.Enum)

MAX_CANDIDATES = 16
MAX_TOKENS = 100_000
MAX_TYPED_CHARS = 1_000_000
MAX_LIMIT_TOKENS = 1 << 24
MAX_CONTEXT_SEGMENTS = 400


def request_to_json(request: GenerateRequest, sender: SegmentSender) -> dict[str, Any]:
    """What travels for `request`; `sender` leaves out what the engine has already."""
    return {
        "document": request.document,
        "context": [sender.pack(segment) for segment in request.context],
        "context_in_prefix": request.context_in_prefix,
        "most_context_tokens": request.most_context_tokens,
        "most_window_tokens": request.most_window_tokens,
        "suffix": sender.pack(request.suffix),
        "prefix": sender.pack(request.prefix),
        "far_before": request.far_before and sender.pack(request.far_before),
        "far_after": request.far_after and sender.pack(request.far_after),
        "typed_chars": request.typed_chars,
        "layout": request.layout.value,
        "heal": request.heal,
        "copy": request.copy,
        "draft": request.draft,
        "stop_at_newline": request.stop_at_newline,
        "max_tokens": request.max_tokens,
        "time_budget_ms": request.time_budget_ms,
        "candidates": request.candidates,
        "least_probability": request.least_probability,
        "temperature": request.temperature,
        "seed": request.seed,
        "measure": request.measure,
        "priority": request.priority.value,
    }


def request_from_json(raw: object, store: SegmentStore) -> GenerateRequest:
    """The request; raises `UnknownSegmentError` when `store` lacks the base of a delta."""
    body = _object(raw)
    context = body.get("context")
    if not isinstance(context, list) or len(context) > MAX_CONTEXT_SEGMENTS:
        raise WireError(INVALID_PARAMS, "context is not a short list")
    budget_ms = body.get("time_budget_ms")
    return GenerateRequest(
        document=_get(body, "document", str),
        context=tuple(store.unpack(segment) for segment in context),
        context_in_prefix=_get(body, "context_in_prefix", bool),
        most_context_tokens=_optional_limit(body, "most_context_tokens"),
        most_window_tokens=_optional_limit(body, "most_window_tokens"),
        suffix=store.unpack(body.get("suffix")),
        prefix=store.unpack(body.get("prefix")),
        far_before=_optional_segment(body, "far_before", store),
        far_after=_optional_segment(body, "far_after", store),
        typed_chars=_bounded(body, "typed_chars", 0, MAX_TYPED_CHARS),
        layout=_enum(body, "layout", Layout),
        heal=_get(body, "heal", bool),
        copy=None if body.get("copy") is None else _get(body, "copy", bool),
        draft=None if body.get("draft") is None else _get(body, "draft", bool),
        stop_at_newline=_get(body, "stop_at_newline", bool),
        max_tokens=_bounded(body, "max_tokens", 0, MAX_TOKENS),
        time_budget_ms=None if budget_ms is None else _float(body, "time_budget_ms"),
        candidates=_bounded(body, "candidates", 1, MAX_CANDIDATES),
        least_probability=_float(body, "least_probability"),
        temperature=_float(body, "temperature"),
        seed=_get(body, "seed", int),
        measure=_get(body, "measure", bool),
        priority=_enum(body, "priority", Priority),
    )


def result_to_json(result: GenerateResult) -> dict[str, Any]:
    """What travels for `result`."""
    return {
        "candidates": [
            {"text": c.text, "finish": c.finish.value, "probabilities": c.probabilities}
            for c in result.candidates
        ],
        "tokens": _slots(result.tokens, _TOKEN_FIELDS),
        "ms": _slots(result.ms, _TIMING_FIELDS),
        "layout": result.layout.value,
        "segment_tokens": result.segment_tokens,
    }


def result_from_json(raw: object) -> GenerateResult:
    """The result of a generation."""
    body = _object(raw)
    tokens, ms = _object(body.get("tokens")), _object(body.get("ms"))
    return GenerateResult(
        candidates=tuple(
            Candidate(
                _get(candidate, "text", str),
                _enum(candidate, "finish", Finish),
                tuple(_floats(candidate.get("probabilities"))),
            )
            for candidate in map(_object, _get(body, "candidates", list))
        ),
        tokens=TokenCounts(**{name: _get(tokens, name, int) for name in _TOKEN_FIELDS}),
        ms=Timings(**{name: _float(ms, name) for name in _TIMING_FIELDS}),
        layout=_enum(body, "layout", Layout),
        segment_tokens=_counts(body.get("segment_tokens")),
    )


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


def _bounded(body: dict[str, Any], name: str, low: int, high: int) -> int:
    value = _get(body, name, int)
    if not low <= value <= high:
        raise WireError(INVALID_PARAMS, f"{name} is not between {low} and {high}")
    return value


def _optional_limit(body: dict[str, Any], name: str) -> int | None:
    return None if body.get(name) is None else _bounded(body, name, 0, MAX_LIMIT_TOKENS)


def _float(body: dict[str, Any], name: str) -> float:
    value = body.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise WireError(INVALID_PARAMS, f"{name} is not a number")
    return float(value)


def _floats(raw: object) -> list[float]:
    if not isinstance(raw, list) or not all(isinstance(value, int | float) for value in raw):
        raise WireError(INVALID_PARAMS, "not a list of numbers")
    return raw


def _counts(raw: object) -> tuple[int, ...]:
    if not isinstance(raw, list) or not all(type(value) is int for value in raw):
        raise WireError(INVALID_PARAMS, "not a list of counts")
    return tuple(raw)


def _enum(body: dict[str, Any], name: str, kind: type[E]) -> E:
    try:
        return kind(body.get(name))
    except ValueError as error:
        raise WireError(INVALID_PARAMS, f"{name} is none of the known values") from error
