"""Fetch the archives the embedded model is trained on and write their manifest.

Packages are named in ``packages.json``; wheels and source archives come through ``pip download``
and JavaScript through ``npm pack``.  Every archive is unpacked, its licence is read from its own
metadata, and packages without a recognised permissive licence are dropped.  The held-out packages
are unpacked beside the training ones and never listed as training data.

Sizes are bytes; digests are SHA-256 of the archive as fetched.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from email.parser import HeaderParser
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SOURCE_SUFFIXES = (".py", ".pyi", ".js", ".mjs", ".cjs", ".ts", ".tsx", ".sh", ".bash", ".bats")
HELD_OUT = ("moto", "tornado", "starlette")

# Ordered: the first pattern found in the metadata names the licence.
REFUSED = re.compile(
    r"\b(A?GPL|LGPL|GNU|MPL|Mozilla|EPL|CDDL|EUPL|CC[- ]BY|Proprietary|Commercial)", re.I
)
PERMISSIVE: tuple[tuple[str, str], ...] = (
    ("Apache-2.0", r"Apache"),
    ("BSD-3-Clause", r"BSD[- ]3|3-Clause BSD|New BSD|Modified BSD"),
    ("BSD-2-Clause", r"BSD[- ]2|2-Clause BSD|Simplified BSD"),
    ("BSD", r"\bBSD\b"),
    ("MIT", r"\bMIT\b"),
    ("ISC", r"\bISC\b"),
    ("PSF-2.0", r"\bPSF\b|Python Software Foundation"),
    ("Zlib", r"\bzlib\b"),
    ("Unlicense", r"\bUnlicense\b"),
    ("0BSD", r"\b0BSD\b"),
)


def permissive(text: str) -> str | None:
    """Return a short name for a permissive licence statement, or None where it is not one."""
    if not text or REFUSED.search(text):
        return None
    return next((name for name, pattern in PERMISSIVE if re.search(pattern, text, re.I)), None)


def pip_download(requirement: str, into: Path, binary: bool) -> Path | None:
    """Fetch one wheel or source archive without dependencies; None where there is none."""
    into.mkdir(parents=True, exist_ok=True)
    if not (found := [p for p in into.iterdir() if p.is_file()]):
        flag = "--only-binary" if binary else "--no-binary"
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", flag, ":all:"]
        try:
            subprocess.run(
                [*command, "--dest", str(into), requirement],
                check=True,
                timeout=240,
                capture_output=True,
            )
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            tail = (error.stderr or b"").decode(errors="replace").strip()[-160:]
            print(f"{requirement}: not fetched: {tail}", file=sys.stderr)
            return None
        found = [p for p in into.iterdir() if p.is_file()]
    return found[0] if found else None


def npm_pack(package: str, into: Path) -> Path | None:
    """Fetch one npm archive."""
    into.mkdir(parents=True, exist_ok=True)
    if not (found := list(into.glob("*.tgz"))):
        done = subprocess.run(
            [shutil.which("npm") or "npm", "pack", "--silent", package],
            cwd=into,
            timeout=240,
            capture_output=True,
            check=False,
        )
        if done.returncode:
            print(f"{package}: not fetched", file=sys.stderr)
            return None
        found = list(into.glob("*.tgz"))
    return found[0] if found else None


def metadata(archive: Path, read: dict[str, bytes]) -> tuple[str, str, str]:
    """Return (name, version, licence statement) from an archive's own metadata."""
    if archive.suffix == ".tgz":
        data: dict[str, Any] = json.loads(read["package.json"])
        licence = data.get("license") or ""
        return data["name"], data["version"], licence if isinstance(licence, str) else ""
    head = HeaderParser().parsestr(read["METADATA"].decode("utf-8", "replace"))
    parts = [head.get("License-Expression", "")]
    if not parts[0]:
        parts = [c for c in head.get_all("Classifier") or [] if c.startswith("License")]
        first = (head.get("License") or "").strip().splitlines()[:1]
        parts += [line for line in first if len(line) < 100]
    return head["Name"], head["Version"], "; ".join(filter(None, parts))


def unpack(archive: Path, into: Path) -> dict[str, bytes]:
    """Write an archive's source files under `into`; return its metadata files."""
    kept: dict[str, bytes] = {}

    def take(name: str, data: bytes) -> None:
        path = Path(name)
        base = path.name
        if base in ("METADATA", "PKG-INFO") or (base == "package.json" and len(path.parts) == 2):
            key = "package.json" if base == "package.json" else "METADATA"
            kept.setdefault(key, data)
        if path.is_absolute() or ".." in path.parts or not base.endswith(SOURCE_SUFFIXES):
            return
        target = into / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)

    if archive.suffix in (".whl", ".zip"):
        with zipfile.ZipFile(archive) as bundle:
            for entry in bundle.infolist():
                wanted = entry.filename.endswith((*SOURCE_SUFFIXES, "METADATA", "PKG-INFO"))
                if wanted and not entry.is_dir() and entry.file_size < 2_000_000:
                    take(entry.filename, bundle.read(entry))
    else:
        with tarfile.open(archive) as tar:
            members = sorted(
                (m for m in tar if m.isfile() and m.size < 2_000_000),
                key=lambda m: (m.name.count("/"), m.name),
            )
            for member in members:
                if member.name.endswith((*SOURCE_SUFFIXES, "PKG-INFO", "package.json")):
                    stream = tar.extractfile(member)
                    take(member.name, stream.read() if stream else b"")
    return kept


def sources(folder: Path) -> list[Path]:
    """Source files under a folder, sorted."""
    return sorted(p for p in folder.rglob("*") if p.is_file() and p.name.endswith(SOURCE_SUFFIXES))


def one(kind: str, requirement: str, work: Path) -> dict[str, Any] | None:
    """Fetch, unpack and describe one package; None where it is refused or missing."""
    slug = re.sub(r"[^A-Za-z0-9._-]", "_", requirement)
    held = kind == "held_out"
    archive = (
        npm_pack(requirement, work / "archives" / kind / slug)
        if kind == "npm"
        else pip_download(requirement, work / "archives" / kind / slug, kind != "sdists")
    )
    if archive is None:
        return None
    target = work / ("heldout" if held else "src") / (f"{kind}-{slug}" if not held else slug)
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    name, version, statement = metadata(archive, unpack(archive, target))
    licence = permissive(statement)
    if licence is None and not held:
        print(f"{name} {version}: refused, licence {statement!r}", file=sys.stderr)
        shutil.rmtree(target)
        return None
    files = sources(target)
    print(f"{name} {version}: {licence}, {len(files)} files", flush=True)
    return {
        "name": name,
        "version": version,
        "kind": {"wheels": "wheel", "sdists": "sdist", "held_out": "wheel"}.get(kind, kind),
        "licence": licence,
        "licence_statement": statement,
        "archive": archive.name,
        "sha256": hashlib.sha256(archive.read_bytes()).hexdigest(),
        "folder": target.name,
        "files": len(files),
        "bytes": sum(p.stat().st_size for p in files),
    }


def standard_library(work: Path) -> dict[str, Any]:
    """Copy this interpreter's standard library (without site-packages) into the sources."""
    import sysconfig

    root = Path(sysconfig.get_path("stdlib"))
    target = work / "src" / "stdlib"
    shutil.rmtree(target, ignore_errors=True)
    skip = {"site-packages", "dist-packages", "__pycache__", "lib2to3", "idlelib"}
    for path in root.rglob("*.py"):
        parts = path.relative_to(root)
        if not skip & set(parts.parts):
            (target / parts).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target / parts)
    files = sources(target)
    digest = hashlib.sha256(b"".join(hashlib.sha256(p.read_bytes()).digest() for p in files))
    version = ".".join(map(str, sys.version_info[:3]))
    return {
        "name": "CPython standard library",
        "version": version,
        "kind": "interpreter",
        "licence": "PSF-2.0",
        "licence_statement": "PSF-2.0",
        "archive": None,
        "sha256": digest.hexdigest(),
        "folder": "stdlib",
        "files": len(files),
        "bytes": sum(p.stat().st_size for p in files),
    }


def main() -> None:
    """Fetch everything and write the manifest."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else None)
    parser.add_argument("--work", type=Path, required=True, help="scratch folder, a few GB")
    parser.add_argument("--manifest", type=Path, default=HERE / "manifest.json")
    parser.add_argument("--jobs", type=int, default=5)
    options = parser.parse_args()
    wanted = json.loads((HERE / "packages.json").read_text())
    tasks = [(k, p) for k in ("held_out", "wheels", "npm", "sdists") for p in wanted[k]]
    with ThreadPoolExecutor(options.jobs) as pool:
        rows = list(pool.map(lambda task: (task[0], one(task[0], task[1], options.work)), tasks))
    training = [r for kind, r in rows if r and kind != "held_out"]
    training.append(standard_library(options.work))
    held = [r for kind, r in rows if r and kind == "held_out"]
    manifest = {"training": sorted(training, key=lambda r: r["name"].lower()), "held_out": held}
    options.manifest.write_text(json.dumps(manifest, indent=1) + "\n")
    total = sum(r["bytes"] for r in training)
    print(f"{len(training)} packages, {total / 1e6:.0f} MB of source")


if __name__ == "__main__":
    main()
