"""Where the text at the cursor stands elsewhere: its longest match, found natively and kept up.

A character typed or generated mostly goes on where the match before it went on, so only those
places are looked at again. Pure; knows no tokens.
"""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

Places = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Chars = npt.NDArray[np.uint8] | npt.NDArray[np.uint32]

#: Between texts; no match crosses it.
BREAK = "\0"
#: Characters of code, the rarer first.
_COMMON = "qzjQZJXK=:xkv0127(){}[];,.\"'*#/wyg_bpmhfudclniorsat\ne "
#: Characters that are compared at once.
_STRIDES = (32, 8, 1)
#: With more places than this, a character at a time throws most of them out sooner.
_MANY = 64


@attrs.frozen(eq=False)
class Match:
    """The longest match and all its places: offsets of what follows it, ascending."""

    length: int
    before: Places
    after: Places


class Matcher:
    """Finds the longest text, of `least` to `most` characters, that ends `before` and occurs again.

    In `before` itself (its own end left out) or in `after`. `grow` puts text at the end of
    `before`.
    """

    def __init__(self, before: str, after: str, *, least: int, most: int) -> None:
        self._least = least
        self._most = most
        self._plain = _is_plain(before) and _is_plain(after)
        self._after_text, self._text = after, before
        # A break in front, so that looking back from any place ends inside the array.
        self._after = _array(BREAK + after, plain=self._plain)
        self._buffer = _with_room(_array(BREAK + before, plain=self._plain))
        self._end = 1 + len(before)
        self._match: Match | None = None
        self._sought = False

    def grow(self, text: str) -> None:
        """`text` was put at the end."""
        if not text:
            return
        if self._plain and not _is_plain(text):
            grown = BREAK + self._before_text() + text
            self._plain = False
            self._after = _array(BREAK + self._after_text, plain=False)
            self._buffer, self._end = _with_room(_array(grown, plain=False)), len(grown)
            self._sought = False
            return
        new = _array(text, plain=self._plain)
        end = self._end + len(new)
        if end > len(self._buffer):
            self._buffer = _with_room(self._buffer[:end])
        self._buffer[self._end : end] = new
        self._end = end
        if self._sought:
            self._follow(new)

    def find(self) -> Match | None:
        """The longest match now, or None."""
        if not self._sought:
            self._match = self._search()
            self._sought = True
        return self._match

    def _before_text(self) -> str:
        kind = "latin-1" if self._plain else "utf-32-le"
        return str(self._buffer[1 : self._end].tobytes(), kind, "surrogatepass")

    def _follow(self, new: Chars) -> None:
        """Keep the places that went on with `new`; where none did, all has to be sought again."""
        match, self._sought = self._match, False
        # A longest match may come from nowhere; one that was cut at `most` had unseen rivals.
        if match is None or match.length + len(new) > self._most or not new.all():
            return
        # A place in `before` is followed by at least as much as was put behind it.
        before = _followed(self._buffer, match.before + 1, new)
        room = match.after + len(new) < len(self._after)
        after = _followed(self._after, (match.after + 1)[room], new)
        if len(before) or len(after):
            self._match = Match(match.length + len(new), before - 1, after - 1)
            self._sought = True

    def _search(self) -> Match | None:
        tail = self._buffer[max(self._end - self._most, 0) : self._end]
        breaks = np.flatnonzero(tail == 0)
        if len(breaks):
            tail = tail[breaks[-1] + 1 :]
        if len(tail) < self._least:
            return None
        before = _ends(self._buffer[: self._end - 1], tail[-self._least :])
        after = _ends(self._after, tail[-self._least :])
        if not (len(before) or len(after)):
            return None
        length = self._least
        strides = iter(_STRIDES)
        stride = next(strides)
        while True:
            many = len(before) + len(after) > _MANY
            step = 1 if many else stride
            fits = length + step <= len(tail)
            if fits:
                wanted = tail[len(tail) - length - step : len(tail) - length]
                longer = (
                    _preceded(self._buffer, before, length, wanted),
                    _preceded(self._after, after, length, wanted),
                )
                if len(longer[0]) or len(longer[1]):
                    before, after = longer
                    length += step
                    continue
            if step == 1:
                return Match(length, before - 1, after - 1)
            stride = next(strides)


def _followed(text: Chars, places: Places, wanted: Chars) -> Places:
    """Those of `places` where `wanted` stands, moved behind it."""
    if len(places) > _MANY:
        first: Flags = text[places] == wanted[0]
        places = places[first]
    if not len(places):
        return places
    rows = text[places[:, None] + np.arange(len(wanted))]
    keep: Flags = (rows == wanted).all(axis=1)
    return places[keep] + len(wanted)


def _preceded(text: Chars, places: Places, length: int, wanted: Chars) -> Places:
    """Those of `places` whose match of `length` stands behind `wanted`."""
    first = places - length - len(wanted)
    if len(wanted) == 1:
        keep: Flags = text[first] == wanted[0]
        return places[keep]
    inside = first >= 0
    rows = text[first[inside][:, None] + np.arange(len(wanted))]
    inside[inside] = (rows == wanted).all(axis=1)
    return places[inside]


def _ends(text: Chars, match: Chars) -> Places:
    """Where `match` ends in `text`."""
    n = len(text) - len(match) + 1
    if n <= 0:
        return np.empty(0, dtype=np.int64)
    # The whole text is looked through once, for the character that is likely the rarest.
    rank = [_COMMON.find(chr(char)) for char in match.tolist()]
    rarest = min(range(len(match)), key=rank.__getitem__)
    places = np.flatnonzero(text[rarest : rarest + n] == match[rarest])
    for i in range(len(match)):
        if i != rarest and len(places):
            keep: Flags = text[places + i] == match[i]
            places = places[keep]
    return places + len(match)


def _is_plain(text: str) -> bool:
    """Whether a byte a character is enough."""
    if text.isascii():
        return True
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        return False
    return True


def _array(text: str, *, plain: bool) -> Chars:
    """Shape [characters]."""
    if plain:
        return np.frombuffer(text.encode("latin-1"), dtype=np.uint8)
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)


def _with_room(array: Chars) -> Chars:
    grown = np.empty(len(array) + 4096, dtype=array.dtype)
    grown[: len(array)] = array
    return grown
