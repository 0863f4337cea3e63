"""Rules against text that no program holds: sentinels, markdown, headers of a prompt, odd signs.

Models were trained on chats and on prompts like ours, and now and then they write such things.
"""

from __future__ import annotations

import re

from codellama_lsp.completion.plan import Plan
from codellama_lsp.completion.spot import Spot
from codellama_lsp.syntax.scan import scan

#: Sentinels of the models' families, as text. Angle brackets alone are markup in some languages.
_SENTINEL = re.compile(
    r"[ ▁]?(?:<EOT>|▁<(?:PRE|SUF|MID|EOT)>|</s>(?!\w)|<\|[a-z_▁｜ ]{2,24}\|>|<(?:PRE|SUF|MID)>"
    r"|<fim[_▁-](?:prefix|suffix|middle|pad|begin|end|hole)>|<｜[^｜\n]{2,30}｜>|\[/?INST\])"
)
_PATH = r"(?:\.{0,2}/)?(?:[\w.@+-]+[/\\])*[\w@+-][\w.@+-]*\.[A-Za-z][\w+]{0,7}"
_HEADER = re.compile(
    r"\s*(?:#|//|--|;|/\*|<!--)\s*(?:(?:Path|File|Filename|Filepath|Source)\s*:\s*[\w@+-]*[./\\][\w.@+/\\-]*"
    r"|(?:\.{0,2}/)?(?:[\w.@+-]+[/\\])+[\w@+-][\w.@+-]*\.[A-Za-z][\w+]{0,7}"
    r"|Compare this snippet from .*)\s*(?:\*/|-->)?\s*",
    re.IGNORECASE,
)
_SEPARATOR = re.compile(rf"\s*(?:---\s*snippet\s*---|(?:---|\+\+\+|===)\s+{_PATH}\s*(?:[-=]+)?)\s*")
#: Control characters but tabs and line breaks, halves of characters, what stands for broken ones,
#: and what makes code look like other code: overrides of the writing direction, byte order marks.
_ODD = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffd\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]"
)
_FENCE = re.compile(r"[ \t]*```[\w+#.-]*[ \t]*$")


class Sentinel:
    """A sentinel was spelled out."""

    name = "sentinel"

    def __init__(self, plan: Plan, spot: Spot) -> None:
        self._around = spot.before + spot.after

    def cut(self, text: str, since: int = 0) -> int | None:
        """Keep what stands before it; a document that talks of it may go on doing so."""
        for match in _SENTINEL.finditer(text, since):
            if match.group().strip(" ▁") not in self._around:
                return match.start()
        return None


class OddSign:
    """A sign came that is not for reading: its like is in no code, and some of them hide code."""

    name = "odd_sign"

    def __init__(self, plan: Plan, spot: Spot) -> None:
        self._around = spot.before + spot.after

    def cut(self, text: str, since: int = 0) -> int | None:
        """Keep what stands before it; a document that has it may go on having it."""
        for match in _ODD.finditer(text, since):
            if match.group() not in self._around:
                return match.start()
        return None


class Fence:
    """A line of markdown that ends a code block; one that begins it is the first line."""

    name = "fence"

    def __init__(self, plan: Plan, spot: Spot) -> None:
        self._spot = spot
        self._off = may_hold_fences(spot)

    def cut(self, text: str, since: int = 0) -> int | None:
        """Keep what stands before it."""
        if self._off or "```" not in text[since:]:
            return None
        position = 0
        opened = False
        lines = text.split("\n")
        for number, line in enumerate(lines):
            if _FENCE.match(line) and not self._in_string(text[:position]):
                if not text[:position].strip() and not opened:
                    opened = True
                elif number < len(lines) - 1 or line.strip() == "```":
                    return max(position - 1, 0)
            position += len(line) + 1
        return None

    def _in_string(self, text: str) -> bool:
        stack = scan(text, self._spot.lexis, self._spot.stack).stack
        return bool(stack) and not stack[-1].is_code


def may_hold_fences(spot: Spot) -> bool:
    """Whether a fence of markdown may be what is wanted at `spot`."""
    top = spot.stack[-1] if spot.stack else None
    one_line = top is not None and top.quoting is not None and top.quoting.one_line
    in_text = top is not None and not top.is_code and not one_line
    return in_text or is_prose_language(spot) or spot.has_fences


def is_prose_language(spot: Spot) -> bool:
    """Whether a document's language has fences of its own."""
    return spot.language_id in ("markdown", "restructuredtext", "plaintext")


class EchoedHeader:
    """A line came that names a file, as the headers of related code in a prompt do."""

    name = "echoed_header"

    def __init__(self, plan: Plan, spot: Spot) -> None:
        self._lead = spot.line_before
        self._own = spot.before[:2000]

    def cut(self, text: str, since: int = 0) -> int | None:
        """Keep what stands before it. The first line of a file may well name it."""
        position = since
        for line in text[since:].split("\n")[:-1]:
            whole = line if position else self._lead + line
            may_be = position or (self._own.strip() and not self._lead.strip())
            if may_be and self._is_header(whole):
                return max(position - 1, 0)
            position += len(line) + 1
        return None

    def _is_header(self, line: str) -> bool:
        return (_HEADER.fullmatch(line) or _SEPARATOR.fullmatch(line)) is not None
