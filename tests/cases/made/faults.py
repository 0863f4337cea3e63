"""What a model may say at a site: what belongs there, or that with one fault of a known kind."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator

import attrs

from codellama_lsp.engine.scripted import split_tokens
from tests.cases.made.sites import Site

_COMMENT = {"python": "#", "shellscript": "#", "yaml": "#", "toml": "#"}
_SENTINELS = (
    "<EOT>",
    " <EOT>",
    "<|endoftext|>",
    "</s>",
    "<|fim_middle|>",
    "▁<EOT>",
    "<fim_suffix>",
)
_BLOCKS = ("block", "rest of block")


@attrs.frozen
class Case:
    """A site, what is said there, and the document as it should be after accepting."""

    kind: str
    good: bool
    site: Site
    says: str
    right: str
    max_tokens: int = 96

    @property
    def document(self) -> str:
        return self.site.before + self.site.after


def good_cases(site: Site, rng: random.Random) -> Iterator[Case]:
    """The truth as it is, and the truth with what comes after it where a plan ends before that."""
    yield Case(f"{site.shape}, exact", True, site, site.truth, site.whole)
    if site.shape in ("line", "text") or (site.shape != "span" and not _is_there(site)):
        yield Case(f"{site.shape}, runs on", True, site, _on(site, rng), site.whole)


def bad_cases(site: Site, rng: random.Random) -> Iterator[Case]:
    """One case of each kind of fault that is possible here."""
    for kind, make in FAULTS.items():
        case = make(site, rng)
        if case is None:
            continue
        says, right = case if isinstance(case, tuple) else (case, site.whole)
        if says != site.truth:
            most = 200 if kind in ("fenced", "chat before", "lines above again, later") else 96
            yield Case(kind, False, site, says, right, most)
    if site.shape in _BLOCKS and site.truth.count("\n") >= 3:
        yield from _broken_off(site, rng)
    if site.shape in (*_BLOCKS, "line", "opener"):
        yield _crlf(site, rng)


def _on(site: Site, rng: random.Random) -> str:
    """The truth and some more of its source."""
    lines = site.beyond.split("\n")
    return site.truth + "\n".join(lines[: rng.randrange(2, 9)])


def _is_there(site: Site) -> bool:
    return site.after.removeprefix(site.eats) == site.beyond


def _next_lines(site: Site) -> list[str]:
    return site.after.split("\n")[1:]


def _suffix_again(site: Site, rng: random.Random) -> str | None:
    rest = site.after.split("\n")[0]
    if site.eats or not rest.strip():
        return None
    more = site.after.split("\n")[1:2] if rng.random() < 0.5 else []
    return "\n".join([site.truth + rest, *more])


def _next_lines_again(site: Site, rng: random.Random) -> str | None:
    if site.shape == "span" or not _is_there(site) or site.eats:
        return None
    lines = _next_lines(site)[: rng.randrange(1, 5)]
    return "\n".join([site.truth, *lines]) if any(line.strip() for line in lines) else None


def _only_what_is_there(site: Site, rng: random.Random) -> tuple[str, str] | None:
    if site.shape not in _BLOCKS or not _is_there(site):
        return None
    indent = re.match(r"[ \t]*", site.line_before)[0]  # type: ignore[index]
    lines = [line for line in _next_lines(site) if line.strip()][: rng.randrange(1, 4)]
    if not lines or not lines[0].startswith(indent) or not _telling(lines[0]):
        return None
    return "\n".join([lines[0][len(indent) :], *lines[1:]]), site.before + site.after


def _lines_above(site: Site, rng: random.Random, least: int) -> list[str] | None:
    """Some lines that end right above the cursor, the first one at its indentation."""
    above = site.before.split("\n")[:-1]
    count = rng.randrange(least, least + 3)
    lines = above[-count:]
    if len(lines) < count or not lines[0].startswith(site.line_before):
        return None
    if lines[0][len(site.line_before) :][:1] in ("", " ", "\t", "}", ")", "]"):
        return None
    if not all(line.startswith(site.line_before) for line in lines):
        return None
    return lines if all(map(str.strip, lines)) and sum(map(_telling, lines)) >= least else None


def _above_again(site: Site, rng: random.Random) -> tuple[str, str] | None:
    if site.shape != "rest of block" or not (lines := _lines_above(site, rng, 2)):
        return None
    if lines[-1].rstrip()[-1:] in ("{", ":", "(", ",", "["):
        return None
    said = "\n".join(lines)[len(site.line_before) :]
    return (said, site.before + site.after) if not site.truth.startswith(said) else None


def _above_again_later(site: Site, rng: random.Random) -> str | None:
    if site.shape != "rest of block" or not (lines := _lines_above(site, rng, 2)):
        return None
    return "\n".join([site.truth, *lines])


def _loop_of_lines(site: Site, rng: random.Random) -> str | None:
    last = site.truth.split("\n")[-1]
    if site.shape not in _BLOCKS or len(re.findall(r"\w", last)) < 6 or last.rstrip()[-1:] in "{(,":
        return None
    whole = last if "\n" in site.truth else site.line_before + last
    if len(split_tokens(site.truth + ("\n" + whole) * 3)) > 90:
        return None
    return "\n".join([site.truth, *[whole] * rng.randrange(5, 9)])


def _reindented(site: Site, unit: str, new: str) -> str | None:
    first, *lines = site.truth.split("\n")
    done = [first]
    for line in lines:
        depth = 0
        while line.startswith(unit, depth * len(unit)):
            depth += 1
        rest = line[depth * len(unit) :]
        if rest[:1] in (" ", "\t"):
            return None
        done.append(new * depth + rest)
    return "\n".join(done)


def _unit(site: Site) -> str:
    """One step of indentation as the document has it; empty if it is not plain."""
    blanks = [re.match(r"[ \t]*", line)[0] for line in site.whole.split("\n") if line.strip()]  # type: ignore[index]
    tabs, spaces = sum("\t" in it for it in blanks), sum(" " in it for it in blanks)
    if tabs and spaces:
        return ""
    if tabs:
        return "\t"
    for width in (8, 4, 2):
        if spaces and sum(len(it) % width == 0 for it in blanks) >= 0.97 * len(blanks):
            return " " * width
    return ""


def _other_unit(site: Site, rng: random.Random) -> str | None:
    """Another character or width, where the text has steps of its own."""
    unit = _unit(site)
    if not unit or site.shape == "line" or "\n" not in site.truth:
        return None
    if not any(_depth(line, unit) > _depth(site.line_before, unit) for line in _deeper(site)):
        return None
    if re.search(r'"""|\'\'\'|`|<<|/\*', site.truth):
        return None
    new = rng.choice(["    ", "  "]) if unit == "\t" else "\t"
    return _reindented(site, unit, new)


def _deeper(site: Site) -> list[str]:
    return [line for line in site.truth.split("\n")[1:] if line.strip()]


def _depth(line: str, unit: str) -> int:
    return len(line) - len(line.lstrip(unit)) // len(unit)


def _other_width(site: Site, rng: random.Random) -> str | None:
    """Steps of another width below the right indentation of the cursor's line."""
    unit = _unit(site)
    if unit not in ("    ", "  ") or site.shape not in _BLOCKS:
        return None
    if re.search(r'"""|\'\'\'|`|<<|/\*', site.truth):
        return None
    if re.search(r"[(,\[]\n", site.truth):
        return None
    base, new = site.line_before, "  " if len(unit) == 4 else "    "
    first, *lines = site.truth.split("\n")
    done, steps = [first], 0
    for line in lines:
        if not line.strip():
            done.append(line)
            continue
        rest = line.removeprefix(base)
        depth = (len(rest) - len(rest.lstrip(" "))) // len(unit)
        if not line.startswith(base) or rest[depth * len(unit) :][:1] == " ":
            return None
        steps += depth > 0
        done.append(base + new * depth + rest[depth * len(unit) :])
    return "\n".join(done) if steps else None


def _one_off(site: Site, rng: random.Random) -> str | None:
    lines = site.truth.split("\n")
    if _unit(site) != "    " or site.shape not in _BLOCKS or len(lines) < 3:
        return None
    rows = [
        row
        for row in range(1, len(lines))
        if re.match(r" +[\w$@]", lines[row]) and lines[row - 1].rstrip()[-1:] in ";{}:)"
    ]
    if not rows or re.search(r'"""|\'\'\'|`|<<|/\*', site.truth):
        return None
    row = rng.choice(rows)
    lines[row] = " " + lines[row] if rng.random() < 0.5 else lines[row][1:]
    return "\n".join(lines)


def _indented_again(site: Site, rng: random.Random) -> str | None:
    return site.line_before + site.truth if site.shape in _BLOCKS else None


def _closers_again(site: Site, rng: random.Random) -> str | None:
    rest = site.after.split("\n")[0].strip()
    if site.shape == "closed" and not site.eats:
        return site.truth + re.match(r"[)\]}\"'`]*", rest)[0]  # type: ignore[index]
    below = next((line for line in _next_lines(site) if line.strip()), "")
    if site.shape in _BLOCKS and re.fullmatch(r"\s*[})\]]+[;,]?", below):
        return f"{site.truth}\n{below}"
    return None


def _closers_of_nothing(site: Site, rng: random.Random) -> str | None:
    if site.shape != "line" or site.language in ("shellscript",) or site.truth[-1] in ":{\"'`":
        return None
    body = site.truth.rstrip(";")
    return body + rng.choice([")", "))", "]"]) + site.truth[len(body) :]


def _blanks_behind(site: Site, rng: random.Random) -> str | None:
    if site.after.split("\n")[0].strip():
        return None
    return site.truth + rng.choice(["\n", "\n\n", "   ", "\n    \n", "\n\n\n", "\t\n"])


def _header_echoed(site: Site, rng: random.Random) -> str | None:
    if site.shape in ("span", "closed"):
        return None
    mark = _COMMENT.get(site.language, "//")
    path = rng.choice(["src/util/helpers", "lib/io", "app/models/user"])
    word = rng.choice(["Path: ", "", "File: ", "path: "])
    indent = rng.choice(["", re.match(r"[ \t]*", site.line_before)[0]])  # type: ignore[index]
    header = f"{indent}{mark} {word}{path}.{rng.choice(['py', 'ts', 'go', 'cs', 'php'])}"
    return f"{site.truth}\n{header}\n{indent}int more = helper(1);\n"


def _fenced(site: Site, rng: random.Random) -> str | None:
    if site.language == "plaintext" or "`" in site.before or site.shape in ("closed", "span"):
        return None
    if site.shape == "opener":
        return None
    mark = rng.choice([site.language, ""])
    talk = rng.choice(["", "\nThis code does the job.", "\n\nExplanation:\n- It is short."])
    return f"```{mark}\n{site.truth}\n```{talk}"


def _fence_behind(site: Site, rng: random.Random) -> str | None:
    if site.language == "plaintext" or "`" in site.before or site.shape in ("closed", "span"):
        return None
    talk = rng.choice(["", "\nThis code does the job.", "\n\nExplanation:\n- It is short."])
    return f"{site.truth}\n```{talk}"


def _chat_before(site: Site, rng: random.Random) -> str | None:
    if site.language == "plaintext" or "`" in site.before or site.shape not in (*_BLOCKS, "line"):
        return None
    talk = rng.choice(["Here is the completed code:\n", "Sure! Here's the code:\n\n"])
    return f"{talk}```{site.language}\n{site.truth}\n```"


def _line_again(site: Site, rng: random.Random) -> str | None:
    said = site.line_before.lstrip()
    if site.shape != "line" or len(said) < 4 or site.truth.startswith(said):
        return None
    # A word begun stands for itself once more; so does a whole line.
    return said + site.truth if len(re.findall(r"\w", said)) >= 3 else None


def _blanks_alone(site: Site, rng: random.Random) -> tuple[str, str]:
    return rng.choice(["\n", "   ", "\n\n   \n", "\t", " \n"]), site.before + site.after


def _sentinel(site: Site, rng: random.Random) -> str | None:
    sentinel = rng.choice(_SENTINELS)
    return site.truth + sentinel + rng.choice(["", "\n", " and more\nmore()"])


def _telling(line: str) -> bool:
    return len(re.findall(r"\w", line)) >= 6


def _broken_off(site: Site, rng: random.Random) -> Iterator[Case]:
    lines = site.truth.split("\n")
    whole = rng.randrange(1, len(lines) - 1)
    kept = "\n".join(lines[:whole])
    tokens = len(split_tokens(kept + "\n")) + 2
    if kept.strip() and lines[whole].strip() and lines[whole - 1].strip():
        right = site.before + kept + site.after
        yield Case("broken off", False, site, site.truth, right, tokens)


def _crlf(site: Site, rng: random.Random) -> Case:
    fields = {field: getattr(site, field).replace("\n", "\r\n") for field in ("before", "after")}
    says = site.truth.replace("\n", "\r\n") if rng.random() < 0.5 else site.truth
    return Case("crlf", False, attrs.evolve(site, **fields), says, site.whole.replace("\n", "\r\n"))


Fault = Callable[[Site, random.Random], "str | tuple[str, str] | None"]

FAULTS: dict[str, Fault] = {
    "suffix again": _suffix_again,
    "next lines again": _next_lines_again,
    "only what is there": _only_what_is_there,
    "lines above again": _above_again,
    "lines above again, later": _above_again_later,
    "loop of lines": _loop_of_lines,
    "tabs for spaces": _other_unit,
    "other width": _other_width,
    "one blank off": _one_off,
    "indented again": _indented_again,
    "closers again": _closers_again,
    "closers of nothing": _closers_of_nothing,
    "blanks behind": _blanks_behind,
    "header echoed": _header_echoed,
    "fenced": _fenced,
    "fence behind": _fence_behind,
    "chat before": _chat_before,
    "line again": _line_again,
    "only blanks": _blanks_alone,
    "sentinel": _sentinel,
}
