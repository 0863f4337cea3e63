"""Options as someone wrote them: every key optional, each value checked, nothing resolved.

One class, read from JSON or TOML alike. A wrong key or value never stops anything: it is named in
a problem for the user to read, and the default holds.
"""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Mapping
from typing import Any, Literal

import attrs
import cattrs

LayoutName = Literal["spm", "psm"]
CompletionItem = Literal["auto", "never", "always"]
MultiLine = Literal["auto", "never", "always"]
Placement = Literal["before", "prefix"]
BackgroundName = Literal["full", "light", "off"]
Confidence = Literal["off", "low", "high"]
KvType = Literal["f16", "q8_0", "q5_1", "q4_0"]
FlashAttention = Literal["auto", "on", "off"]
LogLevel = Literal["error", "warning", "info", "debug"]


@attrs.frozen
class Options:
    """The keys, the same in `initializationOptions`, `workspace/configuration` and TOML.

    `camelCase` and `kebab-case` spellings are read as these.
    """

    enabled: bool | None = None
    languages_off: tuple[str, ...] | None = None
    """Language ids without suggestions."""
    exclude: tuple[str, ...] | None = None
    """Globs of files that never reach a model, besides the built-in ones."""
    model: str | None = None
    """Path of a GGUF file, or a name in the catalogue."""
    layout: LayoutName | None = None
    heal: bool | None = None
    copy: bool | None = None
    max_tokens: int | None = attrs.field(default=None, metadata={"range": (1, 2048)})
    context_tokens: int | None = attrs.field(default=None, metadata={"range": (128, 131072)})
    """Of both windows together, at most; in the model's tokens."""
    time_budget_ms: int | None = attrs.field(default=None, metadata={"range": (10, 600_000)})
    """From the first generated token on."""
    debounce_ms: int | None = attrs.field(default=None, metadata={"range": (0, 10_000)})
    """How long an automatic request waits for a newer one; 0: not at all; unset: as the typing
    rhythm and the model's speed suggest."""
    slow_ms: int | None = attrs.field(default=None, metadata={"range": (0, 600_000)})
    """From when on the status says that suggestions are slow, and why; 0: never."""
    speculate: bool | None = None
    """Prepare what follows a suggestion before it is accepted."""
    multi_line: MultiLine | None = None
    completion_item: CompletionItem | None = None
    """Also offer the suggestion in the editor's completion menu; auto: where there is no other way.
    """
    workspace: bool | None = None
    """Whether the workspace is read for code that belongs into prompts."""
    trusted: bool | None = None
    """Whether the user trusts the workspace; one that is not trusted is not read. For editors."""
    workspace_tokens: int | None = attrs.field(default=None, metadata={"range": (0, 131072)})
    """Room for such code in a prompt, besides the windows."""
    workspace_placement: Placement | None = None
    """Where it stands: before the infilling prompt, or at the start of its prefix."""
    confidence: Confidence | None = None
    """How sure the model has to be to go on with a suggestion."""
    background: BackgroundName | None = None
    """How much may be done that nobody asked for."""
    engine_threads: int | None = attrs.field(default=None, metadata={"range": (0, 512)})
    """0: as many as the machine has cores, one for tiny models."""
    engine_nice: int | None = attrs.field(default=None, metadata={"range": (0, 19)})
    """Niceness of work that nobody waits for."""
    engine_context_tokens: int | None = attrs.field(default=None, metadata={"range": (0, 1048576)})
    """Cells of the KV cache, shared by all documents; 0: chosen by model and free memory."""
    engine_gpu_layers: int | None = attrs.field(default=None, metadata={"range": (-1, 1000)})
    """-1: as many as the build can take."""
    engine_kv_type: KvType | None = None
    """How the KV cache keeps its numbers; q8_0 takes half the memory of f16."""
    engine_flash_attention: FlashAttention | None = None
    """auto: where the backend has it. Without it only f16 works."""
    engine_batch_tokens: int | None = attrs.field(default=None, metadata={"range": (16, 8192)})
    """Prompt tokens evaluated at once, at most."""
    engine_linger_s: int | None = attrs.field(default=None, metadata={"range": (0, 86_400)})
    """How long an engine stays after its last client."""
    engine_idle_free_s: int | None = attrs.field(default=None, metadata={"range": (0, 86_400)})
    """After how long without a request its model is freed; 0: never."""
    warm_cache_mb: int | None = attrs.field(default=None, metadata={"range": (0, 1_048_576)})
    """Disk for evaluated prompts, so that a restart does not evaluate them again; 0: none."""
    log_level: LogLevel | None = None


#: Keys that decide what runs, how, and where text goes: only the user's own settings may hold
#: them.
PERSONAL = frozenset(
    {
        "model",
        "trusted",
        "engine_threads",
        "engine_nice",
        "engine_context_tokens",
        "engine_gpu_layers",
        "engine_kv_type",
        "engine_flash_attention",
        "engine_batch_tokens",
        "engine_linger_s",
        "engine_idle_free_s",
        "warm_cache_mb",
    }
)

_CONVERTER = cattrs.Converter()
_EXPECTED = {
    bool: "true or false",
    int: "a whole number",
    str: "a string",
    tuple: "a list of strings",
}


def read_options(raw: object, source: str) -> tuple[Options, tuple[str, ...]]:
    """The options in `raw` (parsed JSON or TOML) and what is wrong with it, a sentence each.

    `source` names where it came from, for the sentences.
    """
    if raw is None:
        return Options(), ()
    if not isinstance(raw, Mapping):
        return Options(), (f"{source}: expected an object with settings.",)
    fields = attrs.fields_dict(Options)
    hints = typing.get_type_hints(Options)
    values: dict[str, Any] = {}
    problems: list[str] = []
    for written, value in raw.items():
        key = _snake(str(written))
        if key not in fields:
            problems.append(_unknown(str(written), source, fields))
        elif value is not None:
            try:
                values[key] = _structure(value, hints[key], fields[key].metadata.get("range"))
            except ValueError as error:
                problems.append(f"{source}: {written!r} must be {error}; the default is used.")
    return Options(**values), tuple(problems)


def _structure(value: object, hint: Any, limits: tuple[int, int] | None) -> object:
    """`value` as `hint` (some type or None) wants it; a `ValueError` says what is accepted."""
    wanted = next(arg for arg in typing.get_args(hint) if arg is not types.NoneType)
    kind = typing.get_origin(wanted) or wanted
    if kind is Literal:
        allowed = typing.get_args(wanted)
        if value not in allowed:
            raise ValueError("one of " + ", ".join(f'"{name}"' for name in allowed))
    elif kind is tuple:
        if not isinstance(value, list | tuple) or not all(isinstance(v, str) for v in value):
            raise ValueError(_EXPECTED[kind])
    elif type(value) is not kind:
        raise ValueError(_EXPECTED[kind] + (f" from {limits[0]} to {limits[1]}" if limits else ""))
    if limits and not (isinstance(value, int) and limits[0] <= value <= limits[1]):
        raise ValueError(f"a whole number from {limits[0]} to {limits[1]}")
    return _CONVERTER.structure(value, wanted)


def _unknown(written: str, source: str, fields: Mapping[str, object]) -> str:
    import difflib  # seldom needed, and every server would have it

    near = difflib.get_close_matches(_snake(written), fields, n=1)
    hint = f'did you mean "{near[0]}"?' if near else f"known are: {', '.join(fields)}."
    return f"{source}: unknown setting {written[:60]!r}; {hint}"


def _snake(key: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key).replace("-", "_").lower()
