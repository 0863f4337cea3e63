"""Writes the server's settings into the editors' files: package.json and the vimdoc.

Names, types, limits and defaults come from `codellama_lsp.config`; so do sentences, except where
these are here. `--check` changes nothing and fails where a file is out of date.
"""

from __future__ import annotations

import ast
import inspect
import itertools
import json
import re
import sys
import textwrap
import types
import typing
from pathlib import Path
from typing import Any, Literal

import attrs

from codellama_lsp.config.options import PERSONAL, Options
from codellama_lsp.config.settings import Settings

ROOT = Path(__file__).parents[1]

#: What a setting does, where its docstring in `Options` says it to programmers or not at all.
SENTENCES = {
    "enabled": "Whether suggestions are made.",
    "languages_off": "Languages without suggestions, by the editor's language id.",
    "exclude": "Globs of files that never reach a model, besides the built-in ones for secrets.",
    "model": "Path of a GGUF file, or a name in the catalogue; nothing: the small model that comes "
    "with the server.",
    "layout": "Order of the prompt's parts: `spm` (suffix first, so that typing only appends) or "
    "`psm`.",
    "heal": "Whether a word the cursor stands in is completed by backing up to its beginning.",
    "copy": "Whether what the file says already may be offered again; nothing: as the model's own "
    "settings say.",
    "max_tokens": "Longest suggestion, in tokens.",
    "context_tokens": "Prompt size in tokens, before and after the cursor together; nothing: "
    "chosen from the model.",
    "time_budget_ms": "How long a suggestion may be written, from its first token on; nothing: "
    "without a limit.",
    "debounce_ms": "How long a request made by typing waits for a newer one, in milliseconds; "
    "nothing: as the typing rhythm and the model's speed suggest.",
    "slow_ms": "When most suggestions take longer, in milliseconds, the status says so, why, and "
    "what can be done; 0: never.",
    "speculate": "Whether what follows a suggestion is prepared before it is accepted.",
    "multi_line": "Suggestions of several lines: where the code wants a block, never, or always.",
    "workspace": "Whether the workspace is read for code that belongs into prompts.",
    "workspace_tokens": "Room for such code in a prompt, in tokens.",
    "workspace_placement": "Where such code stands: before the prompt, or at the start of its "
    "prefix.",
    "confidence": "How sure the model has to be to go on: a suggestion ends before the first token "
    "of less than 10% (low) or 30% (high).",
    "background": "How much may be done that nobody asked for; less on battery and under load.",
    "engine_threads": "Threads of the engine; 0: as many as the machine has cores, one for tiny "
    "models.",
    "engine_nice": "Niceness of work that nobody waits for (Linux).",
    "engine_context_tokens": "Cells of the KV cache, shared by all documents; 0: chosen by model "
    "and free memory.",
    "engine_gpu_layers": "Layers on the GPU; -1: as many as the build can take.",
    "engine_linger_s": "How long the engine stays after its last editor.",
    "engine_idle_free_s": "After how long without a request the engine frees its model; 0: never.",
    "warm_cache_mb": "Disk for evaluated prompts, which hold your code, so that a restart does not "
    "evaluate them again; 0: none.",
    "log_level": "How much the server's log says; it never holds your code.",
}

#: What editors tell by themselves: nobody sets it.
TOLD = frozenset({"trusted"})

#: Settings of the VS Code extension itself.
EXTENSION: dict[str, dict[str, Any]] = {
    "codellama.server.command": {
        "type": "array",
        "items": {"type": "string"},
        "default": [],
        "scope": "machine",
        "markdownDescription": "How to start the server, as a program and its arguments, for "
        'example `["/opt/codellama/bin/codellama-lsp"]`. Empty: `codellama-lsp` on PATH, else the '
        "extension's private environment.",
    },
    "codellama.server.environment": {
        "type": "object",
        "additionalProperties": {"type": "string"},
        "default": {},
        "scope": "machine",
        "markdownDescription": "Environment variables for the server, and for installing it.",
    },
    "codellama.server.package": {
        "type": "string",
        "default": "",
        "scope": "machine",
        "markdownDescription": "What is installed into the private environment: a requirement as "
        "pip takes it. Empty: the server that comes with the extension.",
    },
}


def rows() -> list[tuple[str, dict[str, Any], object]]:
    """Name, JSON schema of the value, and default of each setting."""
    fields, hints = attrs.fields_dict(Options), typing.get_type_hints(Options)
    defaults = Settings()
    found = []
    for name, field in fields.items():
        if name in TOLD:
            continue
        default = getattr(defaults, name)
        default = getattr(default, "value", default)
        if isinstance(default, frozenset | tuple):
            default = sorted(default)
        if isinstance(default, float):
            default = int(default)
        found.append((name, _schema(hints[name], field.metadata.get("range")), default))
    return found


def sentence(name: str) -> str:
    """What the setting `name` does."""
    return SENTENCES.get(name) or DOCSTRINGS[name]


def _docstrings() -> dict[str, str]:
    """The docstrings below the fields of `Options`."""
    body = ast.parse(textwrap.dedent(inspect.getsource(Options))).body[0].body  # type: ignore[attr-defined]
    return {
        field.target.id: " ".join(after.value.value.split()).replace("``", "`")
        for field, after in itertools.pairwise(body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(after, ast.Expr)
        and isinstance(after.value, ast.Constant)
    }


DOCSTRINGS = _docstrings()


def _schema(hint: Any, limits: tuple[int, int] | None) -> dict[str, Any]:
    wanted = next(arg for arg in typing.get_args(hint) if arg is not types.NoneType)
    kind = typing.get_origin(wanted) or wanted
    if kind is Literal:
        return {"type": "string", "enum": list(typing.get_args(wanted))}
    if kind is tuple:
        return {"type": "array", "items": {"type": "string"}}
    if kind is int:
        return {"type": "integer", "minimum": limits[0], "maximum": limits[1]} if limits else {}
    return {"type": {bool: "boolean", str: "string"}[kind]}


def camel(name: str) -> str:
    """`max_tokens` as `maxTokens`."""
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


def vscode() -> dict[str, Any]:
    """`contributes.configuration.properties` of the extension."""
    properties: dict[str, Any] = {}
    for name, schema, default in rows():
        known = dict(schema)
        if default is None:
            known["type"] = [known["type"], "null"]
            if "enum" in known:
                known["enum"] = [*known["enum"], None]
        scope = "machine" if name in PERSONAL else "window"
        properties[f"codellama.{camel(name)}"] = {
            **known,
            "default": default,
            "scope": scope,
            "markdownDescription": sentence(name),
        }
    return {**properties, **EXTENSION}


def vimdoc() -> str:
    """The settings' part of the help page, 78 columns wide."""
    parts = []
    for name, schema, default in rows():
        if name == "model":
            continue
        text = f"{sentence(name)} {_kind(schema)}{_default(default)}"
        lines = textwrap.wrap(text.replace("`", '"'), 54)
        parts.append(f"  {name:<20}  {lines[0]}\n")
        parts.extend(f"  {'':<20}  {line}\n" for line in lines[1:])
    return "".join(parts)


def _kind(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return "One of " + ", ".join(f"`{value}`" for value in schema["enum"]) + ". "
    if "minimum" in schema:
        return f"From {schema['minimum']} to {schema['maximum']}. "
    return {"boolean": "true or false. ", "array": "A list of strings. ", "string": "A string. "}[
        schema["type"]
    ]


def _default(default: object) -> str:
    return "" if default is None else f"Default: {json.dumps(default)}."


def between(text: str, begin: str, end: str, new: str) -> str:
    """`text` with what stands between the two marks replaced."""
    pattern = re.compile(f"({re.escape(begin)}\n)(.*?)({re.escape(end)})", re.DOTALL)
    changed, count = pattern.subn(lambda m: m[1] + new + m[3], text)
    assert count == 1, f"{begin!r} … {end!r} stands {count} times in the file"
    return changed


def outputs() -> dict[Path, str]:
    """Each generated file as it should be."""
    manifest = ROOT / "editors/vscode/package.json"
    package = json.loads(manifest.read_text(encoding="utf-8"))
    package["contributes"]["configuration"]["properties"] = vscode()
    doc = ROOT / "editors/neovim/doc/codellama.txt"
    doc_text = between(
        doc.read_text(encoding="utf-8"),
        "server says what is wrong with them.\n",
        "\n======",
        vimdoc(),
    )
    return {
        manifest: json.dumps(package, indent=2, ensure_ascii=False) + "\n",
        doc: doc_text,
    }


def main() -> int:
    """Write the files, or check them."""
    stale = [path for path, text in outputs().items() if path.read_text(encoding="utf-8") != text]
    if "--check" in sys.argv[1:]:
        for path in stale:
            print(f"{path.relative_to(ROOT)} is out of date: run scripts/generate_settings.py")
        return 1 if stale else 0
    for path in stale:
        path.write_text(outputs()[path], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
