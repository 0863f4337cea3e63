"""Settings as the rest of the program sees them: every value decided, by layers of options.

Layers from weakest to strongest: defaults, the user's file, `initializationOptions`,
`workspace/configuration`, the command line. An editor may fill `workspace/configuration` from a
file that came with a repository, so that layer cannot say which model runs nor
switch on what the user switched off; and what any layer excludes adds to the others. On top of all
layers, a workspace's own file narrows what holds in its folder (`narrow.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import attrs

from codellama_lsp import dirs
from codellama_lsp.config.options import (
    PERSONAL,
    CompletionItem,
    Confidence,
    FlashAttention,
    KvType,
    LogLevel,
    MultiLine,
    Options,
    Placement,
)
from codellama_lsp.engine.protocol import Layout
from codellama_lsp.engine.wishes import Background, Wishes, least

#: What `confidence` means.
LEAST_PROBABILITY: dict[Confidence, float] = {"off": 0.0, "low": 0.1, "high": 0.3}

#: What `engine_flash_attention` means to an engine; None: it decides.
FLASH_ATTENTION: dict[FlashAttention, bool | None] = {"auto": None, "on": True, "off": False}

FILE_NAME = "codellama.toml"

#: What a repository cannot switch on where the user has switched it off.
_SWITCHES = frozenset({"enabled", "workspace", "speculate"})


@attrs.frozen
class Settings:
    """What holds now."""

    enabled: bool = True
    languages_off: frozenset[str] = frozenset()
    exclude: tuple[str, ...] = ()
    model: str | None = None
    """None: the embedded one."""
    layout: Layout = Layout.SPM
    heal: bool = True
    copy: bool | None = None
    """None: as the model's own settings say."""
    max_tokens: int = 96
    context_tokens: int | None = None
    """Prompt size; None: chosen from the model's context."""
    time_budget_ms: float | None = None
    debounce_ms: float | None = None
    """None: by the typing rhythm."""
    slow_ms: float = 2000.0
    """When most suggestions take longer, the status says so; 0: never."""
    speculate: bool = True
    multi_line: MultiLine = "auto"
    completion_item: CompletionItem = "auto"
    workspace: bool = True
    trusted: bool = True
    """Of the workspace: unless an editor says otherwise."""
    workspace_tokens: int | None = None
    """Room for code of the workspace; None: chosen from the model and its speed."""
    workspace_placement: Placement = "before"
    confidence: Confidence = "off"
    background: Background = Background.FULL
    engine_threads: int = 0
    engine_nice: int = 10
    engine_context_tokens: int = 0
    engine_gpu_layers: int = -1
    engine_kv_type: KvType = "f16"
    engine_flash_attention: FlashAttention = "auto"
    engine_batch_tokens: int = 512
    engine_linger_s: int = 30
    engine_idle_free_s: int = 900
    warm_cache_mb: int = 0
    log_level: LogLevel = "warning"

    @property
    def least_probability(self) -> float:
        """Of a token that may still be suggested."""
        return LEAST_PROBABILITY[self.confidence]

    @property
    def engine_load(self) -> dict[str, int | str | bool | None]:
        """Load-time settings of an engine that differ from its defaults, by its own names."""
        written: dict[str, tuple[int | str | bool | None, int | str | None]] = {
            "threads": (self.engine_threads, 0),
            "context_tokens": (self.engine_context_tokens, 0),
            "gpu_layers": (self.engine_gpu_layers, -1),
            "kv_type": (self.engine_kv_type, "f16"),
            "flash_attention": (FLASH_ATTENTION[self.engine_flash_attention], None),
            "batch_tokens": (self.engine_batch_tokens, 512),
            "warm_cache_mb": (self.warm_cache_mb, 0),
        }
        return {name: value for name, (value, usual) in written.items() if value != usual}

    @property
    def wishes(self) -> Wishes:
        """What is wanted of an engine while it is used."""
        return Wishes(
            linger_s=self.engine_linger_s,
            idle_free_s=self.engine_idle_free_s,
            background=self.background,
        )


@attrs.frozen
class Layer:
    """Options from one place."""

    options: Options
    personal: bool = True
    """Whether only the user can have written them."""
    source: str = ""


def resolve(layers: Iterable[Layer]) -> tuple[Settings, tuple[str, ...]]:
    """Settings from layers, weakest first, and a sentence for each key that may not count."""
    settings = Settings()
    problems: list[str] = []
    off_by_user: dict[str, bool] = {}
    for layer in layers:
        written = attrs.asdict(layer.options, filter=lambda _, value: value is not None)
        for key in sorted(PERSONAL & written.keys()) if not layer.personal else ():
            del written[key]
            problems.append(
                f'{layer.source}: "{key}" is ignored there, since a repository could have set it; '
                f"put it into {user_file()} or the editor's initialization options."
            )
        for key in _SWITCHES & written.keys():
            if layer.personal:
                off_by_user[key] = not written[key]
            elif off_by_user.get(key):
                del written[key]
        if "languages_off" in written:
            written["languages_off"] = settings.languages_off | set(written["languages_off"])
        if "exclude" in written:
            written["exclude"] = (*settings.exclude, *written["exclude"])
        if "layout" in written:
            written["layout"] = Layout(written["layout"])
        if "background" in written:
            background = Background(written["background"])
            # A repository may ask for less, never for more.
            narrow = background if layer.personal else least(background, settings.background)
            written["background"] = narrow
        settings = attrs.evolve(settings, **written)
    return settings, tuple(problems)


def user_file() -> Path:
    """Where the user's settings file is, whether it exists or not."""
    return dirs.config_dir() / FILE_NAME
