"""Arguments of a call against the call's signature: none twice, none too many, none unheard of.

Only where the signature is beyond doubt (`Spot.callee`), and never where arguments are unpacked.
Must not know plans.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import attrs

from codellama_lsp.completion.plan import Plan
from codellama_lsp.completion.spot import Spot
from codellama_lsp.syntax.around import Call

#: How languages write an argument that goes by its name.
_KEYWORD = {
    "python": re.compile(r"\s*([^\W\d]\w*)\s*=(?!=)"),
    "php": re.compile(r"\s*([^\W\d]\w*)\s*:(?!:)"),
    "csharp": re.compile(r"\s*([^\W\d]\w*)\s*:(?!:)"),
}
_NEVER = re.compile(r"(?!)")
_UNPACKED = re.compile(r"\s*(?:\*|\.\.\.|&\w+\.\.\.)|.*\.\.\.\s*$", re.DOTALL)

#: More arguments than this are nobody's.
_MOST = 24


@attrs.frozen
class _Generated:
    """Arguments in a generated text."""

    pieces: tuple[str, ...]
    """With the blanks around them."""
    tail: str
    """From the call's closing bracket on; empty if it is not closed."""
    ended: bool
    """Whether the last piece is whole."""


def _generated(text: str, spot: Spot) -> _Generated | None:
    top = spot.stack[-1]
    scanned = spot.scan(text)
    closing = next((it for it in scanned.closings if it.frame is top), None)
    if closing is None and scanned.floor < len(spot.stack):
        return None
    end = closing.offset if closing is not None else len(text)
    starts = [0]
    for match in re.finditer(",", text[:end]):
        if spot.scan(text[: match.start()]).stack == spot.stack:
            starts.append(match.end())
        if len(starts) > _MOST:
            return None
    ends = [*(start - 1 for start in starts[1:]), end]
    pieces = tuple(text[start:stop] for start, stop in zip(starts, ends, strict=True))
    return _Generated(pieces, text[end:], closing is not None)


class _Arguments:
    """The arguments of a call as they would be with a generated text."""

    def __init__(self, call: Call, spot: Spot) -> None:
        self._call = call
        self._signature = spot.callee
        self._keyword = _KEYWORD.get(spot.language_id, _NEVER)

    def wrong(self, pieces: Sequence[str]) -> set[int]:
        """Which of the `pieces` should not be there, by their places."""
        call = self._call
        others = (*call.given, *call.following)
        own = [call.begun + pieces[0], *pieces[1:]]
        if any(_UNPACKED.match(argument) for argument in (*others, *own)):
            return set()
        wrong = self._repeated(own)
        seen = {name for argument in others if (name := self._name(argument))}
        for number, argument in enumerate(own):
            name = self._name(argument)
            if number not in wrong and name and (number or not call.begun):
                if name in seen or self._is_unheard_of(name):
                    wrong.add(number)
                seen.add(name)
        return wrong | set(self._too_many(own, wrong))

    def surplus(self, pieces: Sequence[str]) -> int | None:
        """The first of the last `pieces` for which there is no parameter left."""
        wrong = self.wrong(pieces)
        own = [self._call.begun + pieces[0], *pieces[1:]]
        if not wrong or any(self._name(own[number]) for number in wrong):
            return None
        first = min(wrong)
        # What is wrong before may be taken out; what follows it is wanted still.
        return first if first and wrong == set(range(first, len(pieces))) else None

    def _name(self, argument: str) -> str:
        match = self._keyword.match(argument)
        return match[1] if match else ""

    def _is_unheard_of(self, name: str) -> bool:
        known = self._signature
        if known is None or known.takes_keywords:
            return False
        by_position = sum(not self._name(argument) for argument in self._call.given)
        return name not in known.keywords and name not in known.names[by_position:]

    def _too_many(self, own: Sequence[str], wrong: set[int]) -> list[int]:
        """Arguments by position, the last ones, for which there is no parameter."""
        if self._signature is None or self._signature.takes_more:
            return []
        places = [
            number
            for number, argument in enumerate(own)
            if number not in wrong and argument.strip() and not self._name(argument)
        ]
        names = self._signature.names
        others = (*self._call.given, *self._call.following)
        rest = [argument for number, argument in enumerate(own) if number not in wrong]
        # A parameter that gets its argument by name is taken, too.
        named = {self._name(argument) for argument in (*others, *rest)} & {*names} - {""}
        taken = sum(not self._name(argument) for argument in others)
        left = max(len(names) - taken - len(named), 0)
        return [number for number in places[left:] if number or not self._call.begun]

    def _repeated(self, own: Sequence[str]) -> set[int]:
        """Arguments that were given already, where there would be too many with them."""
        given = [argument.strip() for argument in self._call.given]
        if self._call.begun or not self._too_many(own, set()):
            return set()
        said = [argument.strip() for argument in own]
        for count in range(min(len(given), len(said)), 0, -1):
            if given[-count:] == said[:count]:
                return set(range(count))
        return set()


def _arguments(spot: Spot) -> _Arguments | None:
    call = spot.call
    # Before an argument that is there, anything may be meant to become a part of it.
    if call is None or spot.line_after.lstrip()[:1] not in ("", ",", ")"):
        return None
    return _Arguments(call, spot)


class LastArgument:
    """The call's last parameter has its argument, and another one came."""

    name = "last_argument"

    def __init__(self, plan: Plan, spot: Spot) -> None:
        self._spot = spot
        self._arguments = _arguments(spot) if spot.callee is not None else None

    def cut(self, text: str, since: int = 0) -> int | None:
        """Keep what stands before the comma."""
        if self._arguments is None or "," not in text:
            return None
        found = _generated(text, self._spot)
        if found is None or found.ended or "\n" in text:
            return None
        whole = found.pieces[:-1]
        first = self._arguments.surplus(whole) if whole else None
        return None if first is None else sum(len(piece) + 1 for piece in whole[:first]) - 1


def mended(text: str, spot: Spot) -> str:
    """`text` without the arguments that should not be there."""
    arguments = _arguments(spot)
    found = _generated(text, spot) if arguments is not None else None
    if arguments is None or found is None:
        return text
    wrong = arguments.wrong(found.pieces)
    if not wrong:
        return text
    kept = [piece for number, piece in enumerate(found.pieces) if number not in wrong]
    if not any(piece.strip() for piece in kept):
        return ""
    if 0 in wrong:
        lead = found.pieces[0][: len(found.pieces[0]) - len(found.pieces[0].lstrip())]
        kept[0] = lead + kept[0].lstrip()
    return ",".join(kept) + found.tail
