"""Which folder is the workspace of a file that a command names. Light: every start imports it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from codellama_lsp.config.settings import Settings

#: What shows that a folder is a project: a repository, or else what builds something.
REPOSITORIES = (".git", ".hg", ".jj")
MARKS = (
    "pyproject.toml", "setup.py", "package.json", "Cargo.toml", "go.mod", "pom.xml",
    "build.gradle", "composer.json", "CMakeLists.txt", ".codellamaignore",
)  # fmt: skip


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of commands that read the workspace."""
    parser.add_argument(
        "--root",
        type=Path,
        metavar="FOLDER",
        help="the project that the file belongs to (default: the repository around it, else the "
        "nearest folder with pyproject.toml, package.json or the like)",
    )


def project_of(path: Path, wanted: Path | None = None) -> Path | None:
    """The project that a file (absolute) belongs to; None where nothing looks like one.

    Raises `UserError` where it is not in the folder that is `wanted`.
    """
    from codellama_lsp.cli.main import UserError
    from codellama_lsp.context.ignore import reason_not_to_index

    if wanted is not None:
        root = wanted.resolve()
        if not path.is_relative_to(root):
            raise UserError(f"{path} is not in {root}; --root names a folder above the file")
        return root
    for marks in (REPOSITORIES, MARKS):
        for folder in path.parents:
            if any((folder / mark).exists() for mark in marks):
                if marks is REPOSITORIES and reason_not_to_index(folder):
                    break  # a home directory may be a repository, and is no project
                return folder
    return None


def settings_for(path: Path, root: Path | None) -> Settings:
    """The settings that hold for a file: the user's, as far as its project does not narrow them.

    What is wrong with them is said on stderr.
    """
    from codellama_lsp.config.files import SettingsFiles
    from codellama_lsp.config.settings import Layer, resolve

    files = SettingsFiles()
    files.set_roots([] if root is None else [root])
    files.look(now=True)
    settings, problems = resolve([Layer(files.user)])
    for problem in (*files.problems, *problems):
        print(f"codellama-lsp: {problem}", file=sys.stderr)
    return files.at(settings, path)
