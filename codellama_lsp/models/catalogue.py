"""Which model files there are and what a user's ``--model`` means.

The embedded model comes with the package; others lie in the user's own models directory or
anywhere, by path. Must stay light and must not load anything.
"""

from __future__ import annotations

import os
from pathlib import Path

import attrs

from codellama_lsp import dirs
from codellama_lsp.engine.protocol import EngineStartError

EMBEDDED = "embedded"
EMBEDDED_PATH = Path(__file__).parents[1] / "data" / "tiny.gguf"
#: Names a GGUF to use where no model is chosen, instead of the embedded one.
MODEL_VARIABLE = "CODELLAMA_LSP_MODEL"


@attrs.frozen
class ModelFile:
    """A model on this machine."""

    name: str
    path: Path
    source: str
    """"embedded", "installed" or "path"."""

    @property
    def present(self) -> bool:
        """Whether the file is there."""
        return self.path.is_file()


class NoSuchModelError(EngineStartError):
    """What the user named is no model here."""


def models_dir() -> Path:
    """Where the user's models lie; any ``*.gguf`` there is known by its stem."""
    return dirs.data_dir() / "models"


def known_models() -> list[ModelFile]:
    """The embedded model and those in the user's directory, by name."""
    try:
        found = sorted(models_dir().glob("*.gguf"))
    except OSError:
        found = []
    return [
        ModelFile(EMBEDDED, EMBEDDED_PATH, "embedded"),
        *(ModelFile(path.stem, path, "installed") for path in found),
    ]


def resolve_model(wanted: str | None) -> ModelFile:
    """The file for a name or a path; None: ``CODELLAMA_LSP_MODEL``, else the embedded one.

    Raises `NoSuchModelError` with the nearest names.
    """
    if wanted is None:
        wanted = os.environ.get(MODEL_VARIABLE) or EMBEDDED
    for model in known_models():
        if model.name == wanted:
            if not model.present:
                raise NoSuchModelError(
                    f"the embedded model is missing at {model.path}",
                    "Reinstall codellama-lsp, or pass --model PATH.",
                )
            return model
    path = Path(wanted).expanduser()
    if path.is_file():
        return ModelFile(path.stem, path.absolute(), "path")
    if path.is_dir():
        raise NoSuchModelError(f"{path} is a directory", _near_files(path / "x"))
    if os.sep in wanted or path.suffix.lower() == ".gguf":
        raise NoSuchModelError(f"there is no file {path}", _near_files(path))
    names = [model.name for model in known_models() if model.present]
    near = _near(wanted, names) or names
    raise NoSuchModelError(
        f"no model is called {wanted!r}",
        f"Known: {', '.join(near) or 'none'}; or pass the path of a GGUF file.",
    )


def _near_files(path: Path) -> str:
    try:
        names = sorted(p.name for p in path.parent.glob("*.gguf"))
    except OSError:
        names = []
    near = _near(path.name, names) or names[:3]
    if near:
        return f"In {path.parent} there is {', '.join(near)}."
    return f"There is no GGUF file in {path.parent}."


def _near(wanted: str, names: list[str]) -> list[str]:
    import difflib  # seldom needed, and every server would have it

    return difflib.get_close_matches(wanted, names, n=3, cutoff=0.4)
