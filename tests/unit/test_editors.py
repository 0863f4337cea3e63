"""What the editors' files repeat of the server has to be what the server says."""

from __future__ import annotations

import importlib.util
import json
import re
import tomllib
from pathlib import Path

import pytest

from codellama_lsp.completion.outcome import Outcome

ROOT = Path(__file__).parents[2]


def generator():
    path = ROOT / "scripts" / "generate_settings.py"
    spec = importlib.util.spec_from_file_location("generate_settings", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_settings_are_up_to_date():
    for path, text in generator().outputs().items():
        assert path.read_text(encoding="utf-8") == text, "run scripts/generate_settings.py"


@pytest.mark.parametrize(
    "path", ["editors/neovim/lua/codellama/outcomes.lua", "editors/vscode/src/outcomes.ts"]
)
def test_every_outcome_has_words(path):
    text = (ROOT / path).read_text(encoding="utf-8")
    named = set(re.findall(r"^  (\w+)(?: =|:) '", text, re.MULTILINE))
    assert named == {outcome.value for outcome in Outcome}


def test_what_decides_what_runs_is_out_of_a_workspaces_reach():
    properties = generator().vscode()
    for name in ("codellama.model", "codellama.server.command", "codellama.server.environment"):
        assert properties[name]["scope"] == "machine"


def test_every_neovim_command_is_in_the_help():
    plugin = ROOT / "editors/neovim"
    commands = (plugin / "lua/codellama/commands.lua").read_text(encoding="utf-8")
    verbs = set(re.findall(r"^function M\.verbs\.(\w+)", commands, re.MULTILINE))
    help_page = (plugin / "doc/codellama.txt").read_text(encoding="utf-8")
    assert verbs == set(re.findall(r"^:CodeLlama \[?(\w+)", help_page, re.MULTILINE))


@pytest.mark.parametrize(
    ("path", "read"),
    [
        ("helix/languages.toml", tomllib.loads),
        ("kate/settings.json", json.loads),
        ("sublime/LSP.sublime-settings", lambda text: json.loads(re.sub("(?m)^//.*", "", text))),
    ],
)
def test_configurations_can_be_read_and_start_the_server(path, read):
    found = json.dumps(read((ROOT / "editors" / path).read_text(encoding="utf-8")))
    assert "codellama-lsp" in found
    assert '["serve"]' in found or '["codellama-lsp", "serve"]' in found
