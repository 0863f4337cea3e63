"""What a workspace's own `codellama.toml` can do: switch off, exclude, shorten, style.

The file came with the repository, so it can only make less of what the user's settings say.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import attrs

from codellama_lsp.config.options import Confidence, Options
from codellama_lsp.config.settings import Settings, user_file
from codellama_lsp.engine.wishes import Background, least

#: May be switched off there, never on.
_SWITCHES = ("enabled", "workspace", "speculate")

#: May be made smaller there, never larger; None means without a limit.
_LIMITS = ("max_tokens", "context_tokens", "workspace_tokens", "time_budget_ms")

_CONFIDENCE: tuple[str, ...] = get_args(Confidence)

#: What counts there; everything else is the user's alone.
NARROWING = (
    *_SWITCHES,
    "languages_off",
    "exclude",
    *_LIMITS,
    "multi_line",
    "confidence",
    "background",
)


def refused(options: Options, source: str) -> tuple[str, ...]:
    """A sentence for each key of a workspace's file that does not count there."""
    return tuple(
        f'{source}: "{key}" is ignored there: a workspace can only narrow what is done, by '
        f"{', '.join(NARROWING)}; put it into {user_file()} or the editor's own settings."
        for key, value in attrs.asdict(options).items()
        if value is not None and key not in NARROWING
    )


def narrowed(settings: Settings, options: Options, root: Path) -> Settings:
    """`settings` as they hold in the folder `root`, whose file says `options`."""
    changes: dict[str, Any] = {key: False for key in _SWITCHES if getattr(options, key) is False}
    for key in _LIMITS:
        here, usual = getattr(options, key), getattr(settings, key)
        if here is not None and (usual is None or here < usual):
            changes[key] = here
    if options.languages_off is not None:
        changes["languages_off"] = settings.languages_off | set(options.languages_off)
    if options.exclude is not None:
        changes["exclude"] = (*settings.exclude, *(_in(root, glob) for glob in options.exclude))
    if options.multi_line is not None:
        changes["multi_line"] = options.multi_line
    if options.confidence is not None:
        changes["confidence"] = max(options.confidence, settings.confidence, key=_CONFIDENCE.index)
    if options.background is not None:
        changes["background"] = least(Background(options.background), settings.background)
    return attrs.evolve(settings, **changes) if changes else settings


def _in(root: Path, glob: str) -> str:
    """A glob that is anchored at the folder, as one that is anchored at the top."""
    return f"{root.as_posix()}{glob}" if glob.startswith("/") else glob
