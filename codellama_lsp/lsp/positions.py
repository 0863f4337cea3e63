"""LSP positions (line and character, in units of the negotiated encoding) and our offsets.

Knows only numbers and text: neither pygls nor lsprotocol, so that the command line can use it.
"""

from __future__ import annotations

from codellama_lsp.context.documents import TextBuffer

UTF8 = "utf-8"
UTF16 = "utf-16"
UTF32 = "utf-32"


def units(text: str, encoding: str) -> int:
    """Length of `text` in units of `encoding`. A lone surrogate counts as what it is encoded as."""
    if encoding == UTF32 or text.isascii():
        return len(text)
    if encoding == UTF8:
        return len(text.encode("utf-8", "surrogatepass"))
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def code_points(text: str, count: int, encoding: str) -> int:
    """How many code points of `text` fit into `count` units; inside one: its start.

    Halves the text instead of walking it: a line of megabytes costs one pass of the C encoder.
    """
    low, high = 0, min(len(text), max(count, 0))
    if encoding == UTF32 or text.isascii():
        return high
    left = count
    while low < high:
        middle = (low + high + 1) // 2
        width = units(text[low:middle], encoding)
        if width <= left:
            left -= width
            low = middle
        else:
            high = middle - 1
    return low


def offset_at(buffer: TextBuffer, line: int, character: int, encoding: str) -> int:
    """Offset of a position. Past a line's end is its end, past the last line the text's end."""
    if line < 0:
        return 0
    if line >= buffer.line_count:
        return len(buffer.text)
    start, end = buffer.line_start(line), buffer.line_end(line)
    if encoding == UTF32 or buffer.text.isascii():
        return min(start + max(character, 0), end)
    return start + code_points(buffer.text[start:end], character, encoding)


def position_at(buffer: TextBuffer, offset: int, encoding: str) -> tuple[int, int]:
    """Line and character of an offset; the inverse of `offset_at`, offsets clamped to the text."""
    offset = min(max(offset, 0), len(buffer.text))
    line = buffer.line_of(offset)
    start = buffer.line_start(line)
    if encoding == UTF32 or buffer.text.isascii():
        return line, offset - start
    return line, units(buffer.text[start:offset], encoding)
