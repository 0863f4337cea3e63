"""The manifest: permissive licences only, held-out packages absent, every archive identified."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import gather
import pytest

FOLDER = Path(gather.__file__).parent
MANIFEST = json.loads((FOLDER / "manifest.json").read_text())
NAMES = {name for name, _ in gather.PERMISSIVE}


@pytest.mark.parametrize("row", MANIFEST["training"], ids=lambda r: r["name"])
def test_every_package_is_permissive_and_identified(row: dict[str, Any]) -> None:
    assert row["licence"] in NAMES
    assert gather.permissive(row["licence_statement"]) == row["licence"]
    assert re.fullmatch(r"[0-9a-f]{64}", row["sha256"])
    assert row["version"] and row["files"] > 0 and row["bytes"] > 0


def test_held_out_packages_are_not_trained_on() -> None:
    trained = {re.split(r"[^a-z0-9]", row["name"].lower())[0] for row in MANIFEST["training"]}
    assert not trained & set(gather.HELD_OUT)
    held = {(row["name"], row["version"]) for row in MANIFEST["held_out"]}
    assert held == {("moto", "5.2.1"), ("tornado", "6.6.1"), ("starlette", "1.10.0")}


def test_no_addresses_or_machine_paths() -> None:
    for path in FOLDER.glob("*.json"):
        text = path.read_text()
        assert "://" not in text
        assert not re.search(r'"/[a-z]', text)


@pytest.mark.parametrize(
    ("statement", "licence"),
    [
        ("MIT", "MIT"),
        ("Apache-2.0 OR BSD-3-Clause", "Apache-2.0"),
        ("License :: OSI Approved :: BSD License", "BSD"),
        ("GPL-3.0-or-later", None),
        ("LGPL-2.1", None),
        ("MIT AND MPL-2.0", None),
        ("License :: OSI Approved :: GNU General Public License v3", None),
        ("", None),
    ],
)
def test_licence_statements(statement: str, licence: str | None) -> None:
    assert gather.permissive(statement) == licence


def test_overlap_report_says_nothing_long_is_left() -> None:
    report = json.loads((FOLDER / "overlap.json").read_text())
    left = report["overlap_of_kept_documents"]
    assert left["files sharing runs of 10 lines"] == 0
    assert left["files sharing benchmark runs of 4 lines"] == 0
    assert (
        left["shared runs of 3 lines"] < report["overlap_before_removal"]["shared runs of 3 lines"]
    )
    assert report["held_out_files"]["HumanEval texts"] > 0
    assert sum(report["removed_for_overlap"].values()) == len(report["removed_files"])
