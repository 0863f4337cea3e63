"""Keeping keys and passwords out of prompts: files by their names, tokens in text by their shapes.

What looks like a token becomes a placeholder that stays the same while the token is typed, so the
prompt's start stays as it was; whoever shows a suggestion drops it where it spells a placeholder.
Knows neither documents nor engines.
"""

from __future__ import annotations

import math
import re
from collections import Counter, OrderedDict
from collections.abc import Iterator

from codellama_lsp.context.secret_shapes import HEADS, SHAPES
from codellama_lsp.strings import common_prefix_chars, common_suffix_chars

_MARK = "__REDACTED_"

_TOKEN = re.compile("|".join(f"(?P<k{i}>{head}{tail})" for i, (_, head, tail) in enumerate(SHAPES)))
#: These begin like ordinary words, or are told by their length.
_SHORT = frozenset(
    "API_KEY TWILIO_KEY SENDGRID_KEY HUGGINGFACE_TOKEN JWT DATABRICKS_TOKEN CRATES_TOKEN "
    "MAILGUN_KEY TELEGRAM_TOKEN TERRAFORM_TOKEN REPLICATE_TOKEN VAULT_TOKEN".split()
)
#: While one is typed: any of the longer beginnings, however little follows it, up to the cursor.
_TYPING = re.compile(
    "(?:"
    + "|".join(
        f"(?P<k{i}>{head})" for i, (kind, head, _) in enumerate(SHAPES) if kind not in _SHORT
    )
    + r")[\w\-+/=.]+\Z"
)
_TYPING_LOOKBACK_CHARS = 400
#: Such a beginning is no longer, and what follows it is of these.
_LONGEST_HEAD_CHARS = 64
_RUN = re.compile(r"[\w\-+/=.]*")
_LONGEST_KEY_CHARS = 4000

#: A quoted or bare value given to something whose name says that it is secret.
_ASSIGNED = re.compile(
    r"(?i)(?:passw(?:or)?d|passwd|pwd|secret|token|api_?-?key|access_?-?key|private_?-?key|"
    r"auth_?-?key|credentials?|bearer|authorization)"
    r"[\w\-]*[\"']?\s*(?:[:=]=?|=>|,)\s*"
    r"(?:(?:bearer|basic|token)\s+|[fbru]?[\"'`](?:(?:bearer|basic|token)\s+)?)"
    r"(?P<value>[^\s\"'`]{8,})"
)
#: The same without quotes, as shells, properties and YAML have it: nothing else on the line.
_BARE = re.compile(
    r"(?i)^\s*(?:export\s+|set\s+|-\s+)?[\w.\-]*(?:passw(?:or)?d|secret|token|_key|apikey)[\w.\-]*"
    r"(?:=|:\s+|\s=\s)(?P<value>(?=\S*\d\S*\d)[0-9A-Za-z+/=_\-!@#%&*.~]{8,})\s*$"
)
#: In the string that opens a database, and in a .netrc.
_IN_STRING = re.compile(
    r"(?i)(?:[;\"']\s*(?:password|pwd|accesskey)\s*=\s*(?P<value>[^;\"'\s]{4,})(?=[;\"'])"
    r"|\bmachine\s+\S+\s+login\s+\S+\s+password\s+(?P<netrc>\S+)"
    r"|^\s*password\s+(?P<line>\S{8,})\s*$)"
)
#: None of the words means no assigned secret: a plain search, a hundred times as fast.
_WORDS = "pass pwd secret token key credential bearer authorization".split()
#: A password within an address: scheme://user:password@host
_IN_ADDRESS = re.compile(
    r"\b[a-z][a-z0-9+.\-]*://[^\s/:@\"'`{}<>]*:(?P<value>[^\s/@\"'`{}<>]{3,})@"
)
#: The whole of a private key; one whose end is missing goes as far as its lines look like base64.
_KEY_BLOCK = re.compile(
    r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----"
    r"(?:(?s:.){0,20000}?-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----"
    r"|(?:[ \t\"'+\\n]*[\r\n]*[ \t\"'#/*]*[0-9A-Za-z+/=]{16,}(?:\\n)?[\"'+,;]*)*"
    r"(?:[\s\"']*[0-9A-Za-z+/=]+\Z)?)"
)
#: The tail of one whose beginning lies outside of the text.
_KEY_END = re.compile(
    r"(?:[ \t\"'#/*]*[0-9A-Za-z+/=]{8,}[\"'+,;\\n]*\s+)*"
    r"-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----"
)

#: What documentation and tests write where a password belongs.
_STANDS_FOR_ONE = re.compile(
    r"(?i)\W*|x+|\.+|%s|(?:user|my|your|the|some)?[_\-]?(?:pass|passw|passwd|password|pwd|pw|secret|"
    r"token)(?:word)?"
)
#: Values that have a digit and are no secrets: words with a number, names joined by underscores,
#: `a2b`, paths, hosts, types, and what says of itself that it is made up.
_NO_SECRET = re.compile(
    r"[a-z_./:\-]+\d{0,2}"
    r"|[A-Za-z]+\d{0,2}(?:_[A-Za-z]*\d{0,2})+"
    r"|[a-z]+[24][a-z]+"
    r"|[A-Z][a-z]+\d+[A-Z][A-Za-z]*"
    r"|[\w.\-/]*/[\w\-]+(?:\.[\w\-]+)*\.[a-z]{1,5}"
    r"|[A-Za-z][\w\-]*(?:\.[\w\-]+)+:\d{1,5}"
    r"|(?i:test|example|dummy|fake|sample|changeme|placeholder|your)[A-Za-z_\-]*\d{0,4}"
)
_LEAST_BITS = 2.75
"""Shannon entropy per character that a value needs to be taken for a secret rather than a word."""
_LEAST_ASSIGNED_CHARS = 8
_KEY = "PRIVATE KEY"
_MOST_LINES = 50_000
_MOST_TEXTS = 64
_MOST_CHANGED_CHARS = 4000

_Hints = tuple[list[str], list[str]]
"""Beginnings of tokens, and words in lower case, that a text contains."""
Span = tuple[int, int, str]
"""Start, end, placeholder."""


def placeholder(kind: str) -> str:
    """What stands in a prompt for a secret of that kind."""
    return f"{_MARK}{kind}__"


def spells_placeholder(text: str) -> bool:
    """Whether a suggestion contains a placeholder or ends in the middle of one."""
    return _MARK in text or any(
        text.rstrip().endswith(_MARK[:n]) for n in range(len(_MARK), len("__REDA") - 1, -1)
    )


class Redactor:
    """Finds secrets; lines that were looked at before cost a dictionary lookup.

    Not for several threads at once.
    """

    def __init__(self) -> None:
        self._lines: dict[str, tuple[Span, ...]] = {}
        self._texts: OrderedDict[tuple[str, int | None], tuple[Span, ...]] = OrderedDict()
        self._clean = ""
        """The latest text without a secret on any of its lines."""

    def redact(self, text: str, cursor: int | None = None) -> str:
        """`text` with every secret replaced; see `spans` for `cursor`."""
        return _replaced(text, self.spans(text, cursor))

    def spans(self, text: str, cursor: int | None = None) -> tuple[Span, ...]:
        """Where secrets are, in order and apart; at `cursor` one may be half typed."""
        if cursor is not None and self._is_still_clean(text):
            typed = _typing(text, cursor)
            return () if typed is None else (typed,)
        key = (text, cursor)
        known = self._texts.get(key)
        if known is None:
            known = self._texts[key] = self._search(text, cursor)
            while len(self._texts) > _MOST_TEXTS:
                self._texts.popitem(last=False)
        return known

    def is_clean(self, lines: str, cursor: int) -> bool:
        """Whether a few whole lines have no secret, not even one that is typed at `cursor`."""
        if _KEY in lines or _typing(lines, cursor) is not None:
            return False
        return not any(self._in_lines(lines.split("\n")))

    def _search(self, text: str, cursor: int | None) -> tuple[Span, ...]:
        found: list[Span] = []
        lines = text.split("\n")
        each = self._in_lines(lines)
        if not any(each) and _KEY not in text:
            self._clean = text
        if any(each):
            start = 0
            for line, spans in zip(lines, each, strict=True):
                found += [(start + a, start + b, mark) for a, b, mark in spans]
                start += len(line) + 1
        if _KEY in text:
            found += _key_blocks(text)
        if cursor is not None and (typed := _typing(text, cursor)):
            found.append(typed)
        return _apart(found) if found else ()

    def _is_still_clean(self, text: str) -> bool:
        """Whether `text` is the clean one, changed in few lines that are clean, too."""
        same = common_prefix_chars(self._clean, text)
        below = min(common_suffix_chars(self._clean, text), len(text) - same)
        if len(text) - same - below > _MOST_CHANGED_CHARS:
            return False
        start = text.rfind("\n", 0, same) + 1
        end = text.find("\n", len(text) - below)
        changed = text[start : len(text) if end < 0 else end]
        if len(changed) > _MOST_CHANGED_CHARS or _KEY in text:
            return False
        if any(self._in_lines(changed.split("\n"))):
            return False
        self._clean = text
        return True

    def _in_lines(self, lines: list[str]) -> list[tuple[Span, ...]]:
        if len(self._lines) > _MOST_LINES:
            self._lines.clear()
        self._look_at([line for line in lines if line not in self._lines])
        return list(map(self._lines.__getitem__, lines))

    def _look_at(self, new: list[str]) -> None:
        if not new:
            return
        blob = "\n".join(new)
        lowered = blob.lower()
        hints = (
            [head for head in HEADS if head in blob],
            [word for word in _WORDS if word in lowered],
        )
        nothing = hints == ([], [])
        for line in new:
            self._lines[line] = () if nothing else _apart(list(_in_line(line, hints)))


def split_spans(pieces: tuple[str, ...], spans: tuple[Span, ...]) -> tuple[str, ...]:
    """`pieces` of one text with `spans` of the whole replaced, each in every piece it touches."""
    result: list[str] = []
    start = 0
    for piece in pieces:
        end = start + len(piece)
        inside = [
            (max(a, start) - start, min(b, end) - start, mark)
            for a, b, mark in spans
            if a < end and b > start
        ]
        result.append(_replaced(piece, tuple(inside)))
        start = end
    return tuple(result)


def _replaced(text: str, spans: tuple[Span, ...]) -> str:
    if not spans:
        return text
    parts: list[str] = []
    done = 0
    for start, end, mark in spans:
        parts += (text[done:start], mark)
        done = end
    return "".join((*parts, text[done:]))


def _in_line(line: str, hints: _Hints) -> Iterator[Span]:
    heads, words = hints
    if any(head in line for head in heads):
        for match in _TOKEN.finditer(line):
            yield match.start(), match.end(), _mark_of(match)
        if "://" in line:
            for match in _IN_ADDRESS.finditer(line):
                if not _STANDS_FOR_ONE.fullmatch(match["value"]):
                    yield *match.span("value"), placeholder("PASSWORD")
    lowered = line.lower() if words else ""
    if any(word in lowered for word in words):
        for pattern in (_ASSIGNED, _BARE):
            for match in pattern.finditer(line):
                if _is_random(match["value"]):
                    yield *match.span("value"), placeholder("SECRET")
        for match in _IN_STRING.finditer(line):
            name = str(match.lastgroup)
            plain = name == "netrc" and match[name][0] not in "{<$%"
            if plain or _is_random(match[name]):
                yield *match.span(name), placeholder("PASSWORD")


def _key_blocks(text: str) -> Iterator[Span]:
    for match in _KEY_BLOCK.finditer(text):
        yield match.start(), match.end(), placeholder("PRIVATE_KEY")
    end = text.find("-----END ")
    while end >= 0:
        # A look back of bounded length: the pattern may try every start.
        low = max(end - _LONGEST_KEY_CHARS, 0)
        for match in _KEY_END.finditer(text[low : end + 80]):
            yield low + match.start(), low + match.end(), placeholder("PRIVATE_KEY")
        end = text.find("-----END ", end + 1)


def _typing(text: str, cursor: int) -> Span | None:
    """The token that `cursor` is in or at the end of, however little of it is there yet."""
    low = max(cursor - _TYPING_LOOKBACK_CHARS, 0)
    run = _RUN.match(text[low:cursor][::-1])
    assert run is not None  # it may be empty
    low = max(low, cursor - run.end() - _LONGEST_HEAD_CHARS)
    near = text[low:cursor]
    if not run.end() or not any(head in near for head in HEADS):
        return None
    match = _TYPING.search(near)
    if match is None:
        return None
    end = cursor
    while end < len(text) and (text[end].isalnum() or text[end] in "_-+/="):
        end += 1
    return low + match.start(), end, _mark_of(match)


def _mark_of(match: re.Match[str]) -> str:
    assert match.lastgroup is not None
    return placeholder(SHAPES[int(match.lastgroup[1:])][0])


def _is_random(value: str) -> bool:
    """Whether a value looks drawn or thought up rather than written as a word or an expression."""
    value = value.rstrip(",;)]}")
    if len(value) < _LEAST_ASSIGNED_CHARS or value[0] in "$%{<(" or "{" in value or "(" in value:
        return False
    has_digit = any(c.isdigit() for c in value)
    has_letter = any(c.isalpha() for c in value)
    if not (has_digit and has_letter) or _NO_SECRET.fullmatch(value):
        return False
    counts = Counter(value).values()
    bits = -sum(n / len(value) * math.log2(n / len(value)) for n in counts)
    return bits >= min(_LEAST_BITS, math.log2(len(value)) - 0.6)


def _apart(found: list[Span]) -> tuple[Span, ...]:
    """In order, overlapping ones joined under the first one's placeholder."""
    joined: list[Span] = []
    # A shape says more than that something secret was assigned, and says it from the start on.
    for span in sorted(found, key=lambda s: (s[0], s[2] == placeholder("SECRET"), -s[1])):
        if joined and span[0] < joined[-1][1]:
            start, end, mark = joined[-1]
            joined[-1] = (start, max(end, span[1]), mark)
        else:
            joined.append(span)
    return tuple(joined)
