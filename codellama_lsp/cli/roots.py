"""Which folder is the workspace of a file that a command names. Light: every start imports it."""

from __future__ import annotations

import argparse
from pathlib import Path

#: What shows that a folder is a project.
MARKS = (
    ".git", ".hg", "pyproject.toml", "setup.py", "package.json", "Cargo.toml", "go.mod", "pom.xml",
    "build.gradle", "composer.json", "CMakeLists.txt", ".codellamaignore",
)  # fmt: skip


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of commands that read the workspace."""
    parser.add_argument(
        "--root",
        type=Path,
        metavar="FOLDER",
        help="the project that the file belongs to (default: the nearest folder above it that "
        "looks like one, by .git, pyproject.toml, package.json and the like)",
    )


def project_of(path: Path, wanted: Path | None = None) -> Path | None:
    """The project that a file (absolute) belongs to; None where nothing looks like one.

    Raises `UserError` where it is not in the folder that is `wanted`.
    """
    from codellama_lsp.cli.main import UserError

    if wanted is not None:
        root = wanted.resolve()
        if not path.is_relative_to(root):
            raise UserError(f"{path} is not in {root}; --root names a folder above the file")
        return root
    return next(
        (folder for folder in path.parents if any((folder / mark).exists() for mark in MARKS)), None
    )
