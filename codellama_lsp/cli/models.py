"""``codellama-lsp models``: which models are here, and what is in a file."""

from __future__ import annotations

import argparse
import json

import attrs

from codellama_lsp.models import catalogue


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    parser = subparsers.add_parser("models", help="which models are here, and what is in a file")
    verbs = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
    listing = verbs.add_parser("list", help="models on this machine")
    listing.add_argument("--json", action="store_true", help="for programs")
    inspecting = verbs.add_parser("inspect", help="what a GGUF file says of itself")
    inspecting.add_argument("model", nargs="?", help="name or path; default: the embedded model")
    inspecting.add_argument("--json", action="store_true", help="for programs")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """List or inspect; raises `EngineError` subclasses."""
    return _inspect(args) if args.what == "inspect" else _list(args)


def _list(args: argparse.Namespace) -> int:
    models = catalogue.known_models()
    if args.json:
        rows = [
            {
                "name": m.name,
                "path": str(m.path),
                "source": m.source,
                "present": m.present,
                "size_bytes": m.path.stat().st_size if m.present else None,
            }
            for m in models
        ]
        print(json.dumps(rows, indent=2))
        return 0
    for m in models:
        size = f"{m.path.stat().st_size / 1e6:,.1f} MB" if m.present else "missing"
        print(f"{m.name:24} {size:>12}  {m.source:9}  {m.path}")
    print(f"\nGGUF files put into {catalogue.models_dir()} are known by name.")
    return 0


def _inspect(args: argparse.Namespace) -> int:
    from codellama_lsp.models.inspect import inspect_model

    found = inspect_model(catalogue.resolve_model(args.model).path)
    if args.json:
        print(json.dumps(attrs.asdict(found), indent=2))
        return 0
    types = ", ".join(f"{name} ×{count}" for name, count in sorted(found.tensor_types.items()))
    rows = [
        ("file", f"{found.path} ({found.size_bytes / 1e6:,.1f} MB)"),
        ("name", found.name),
        ("architecture", found.architecture),
        ("parameters", f"{found.parameters / 1e6:,.2f} M"),
        ("tensors", types),
        ("context", f"{found.context_tokens or 'unknown'} tokens"),
        ("RoPE base", "not given" if found.rope_base is None else f"{found.rope_base:g}"),
        ("vocabulary", f"{found.vocabulary:,} pieces"),
        ("infilling", found.infill if found.can_infill else f"no: {found.infill}"),
    ]
    for label, value in rows:
        print(f"{label:13} {value}")
    return 0
