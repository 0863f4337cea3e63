"""`python -m tests.cases.made FOLDER…`: rates by language and kind; `--show N` prints failures."""

from __future__ import annotations

import argparse
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.cases.judge import judge
from tests.cases.made.faults import Case, bad_cases, good_cases
from tests.cases.made.sites import Source, sites

_LANGUAGES = {
    ".py": "python",
    ".js": "javascript",
    ".mjs": "javascript",
    ".ts": "typescript",
    ".java": "java",
    ".c": "c",
    ".h": "c",
    ".cpp": "cpp",
    ".cc": "cpp",
    ".hpp": "cpp",
    ".cs": "csharp",
    ".php": "php",
    ".sh": "shellscript",
    ".go": "go",
    ".rs": "rust",
    ".md": "plaintext",
    ".txt": "plaintext",
}


def made_cases(paths: list[Path], each: int, seed: int) -> Iterator[Case]:
    """Cases of every language, from about `each` files of it."""
    of_language: dict[str, list[Path]] = {}
    for folder in paths:
        for path in sorted(folder.rglob("*")) if folder.is_dir() else [folder]:
            language = _LANGUAGES.get(path.suffix)
            usual = ".min." not in path.name and not path.name.endswith(".d.ts")
            if language and usual and path.is_file() and 500 < path.stat().st_size < 80_000:
                of_language.setdefault(language, []).append(path)
    for language, found in sorted(of_language.items()):
        rng = random.Random(f"{seed} {language}")
        rng.shuffle(found)
        for path in found[:each]:
            try:
                text = path.read_text(encoding="utf-8")
            except ValueError:
                continue
            if max(map(len, text.split("\n"))) > 300:
                continue
            for site in sites(Source(text, language), rng):
                yield from good_cases(site, rng)
                bad = list(bad_cases(site, rng))
                yield from rng.sample(bad, min(3, len(bad)))


def main() -> None:
    """Judge them all."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--each", type=int, default=30, help="files of each language")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", type=int, default=0, help="failures to print of each kind")
    parser.add_argument("--only", default="", help="kinds or languages that contain this")
    options = parser.parse_args()
    tried: Counter[tuple[str, str]] = Counter()
    right: Counter[tuple[str, str]] = Counter()
    shown: Counter[str] = Counter()
    for case in made_cases(options.folders, options.each, options.seed):
        if options.only not in f"{case.site.language} {case.kind}":
            continue
        offset, language = len(case.site.before), case.site.language
        found = judge(case.document, offset, language, case.says, case.max_tokens)
        ok = found.accepted == case.right
        for group in (f"  {language}", f"    {case.kind}", ""):
            key = ("good" if case.good else "bad", group)
            tried[key] += 1
            right[key] += ok
        if not ok and shown[case.kind] < options.show:
            shown[case.kind] += 1
            _print(case, found.accepted, f"{found.outcome} {found.detail}")
    for key in sorted(tried):
        share = 100 * right[key] / tried[key]
        print(f"{key[0]:4} {key[1]:34} {right[key]:5} of {tried[key]:5}  {share:5.1f}%")


def _print(case: Case, got: str, outcome: str) -> None:
    before, after = case.site.before, case.site.after
    print(f"=== {case.site.language}: {case.kind} ({outcome})")
    print("\n".join(before.split("\n")[-7:]) + "‸" + "\n".join(after.split("\n")[:6]))
    print("---- says", case.says, sep="\n")
    end = len(before) - min(len(before), 20)
    print("---- right", repr(_middle(case.right, case.document, end)), sep="\n")
    print("---- got", repr(_middle(got, case.document, end)), sep="\n")


def _middle(text: str, document: str, start: int) -> str:
    """Where `text` differs from the document."""
    behind = 0
    while document[len(document) - behind - 1 :] == text[len(text) - behind - 1 :]:
        behind += 1
        if behind >= min(len(text), len(document)) - start:
            break
    return text[start : len(text) - max(behind - 10, 0)]


if __name__ == "__main__":
    main()
