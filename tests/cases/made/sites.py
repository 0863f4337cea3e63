"""Where something can be cut out of a source file, by its syntax tree, and what was there."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

import attrs
import tree_sitter

from codellama_lsp.engine.scripted import split_tokens
from codellama_lsp.syntax.grammars import parser

_CLOSERS = {"(": ")", "[": "]", "{": "}", '"': '"', "'": "'", "`": "`"}
_BODY = re.compile(r"block|body|compound|declaration_list|statement|do_group")
_NO_CODE = re.compile(r"comment|string|heredoc|template|char|regex|text|jsx|preproc|raw|quote")
_GOES_ON = re.compile(
    r"\s*(?:[})\]\s]*)(?:else|elif|elseif|except|catch|finally|while|fi|done|esac)\b"
)
_MOST_CHARS = 60_000
_MOST_TOKENS = 80


@attrs.frozen
class Site:
    """A cursor in a document, and the text that belongs there."""

    language: str
    shape: str
    """What was cut out: line, block, span, …"""
    before: str
    after: str
    truth: str
    """What belongs at the cursor, no more and no less."""
    beyond: str
    """What the source goes on with after `truth`, whether the document has it or not."""
    eats: str = ""
    """What of `after` the source does not have there: closers of an editor."""

    @property
    def whole(self) -> str:
        """The document as it should be."""
        return self.before + self.truth + self.after.removeprefix(self.eats)

    @property
    def line_before(self) -> str:
        return self.before[self.before.rfind("\n") + 1 :]


class Source:
    """One file, parsed."""

    def __init__(self, text: str, language: str) -> None:
        self.language = language
        self.text = text.replace("\r\n", "\n")[:_MOST_CHARS]
        self.lines = self.text.split("\n")
        self.starts = [0]
        for line in self.lines:
            self.starts.append(self.starts[-1] + len(line) + 1)
        found = parser(language)
        self.root = found.parse(self.text.encode()).root_node if found else None
        self.nodes = list(_walk(self.root)) if self.root else []

    def column(self, row: int, byte_column: int) -> int:
        """Code points of `byte_column` in line `row`."""
        return len(self.lines[row].encode()[:byte_column].decode(errors="ignore"))

    def offset(self, point: tree_sitter.Point) -> int:
        return self.starts[point.row] + self.column(point.row, point.column)

    def leaf_at(self, row: int, column: int) -> tree_sitter.Node | None:
        assert self.root
        byte_column = len(self.lines[row][:column].encode())
        return self.root.descendant_for_point_range((row, byte_column), (row, byte_column))


def _walk(node: tree_sitter.Node) -> Iterator[tree_sitter.Node]:
    todo = [node]
    while todo:
        node = todo.pop()
        yield node
        todo.extend(node.children)


def sites(source: Source, rng: random.Random) -> Iterator[Site]:
    """Some of each shape, in no order."""
    if source.root is None:
        yield from (site for _ in range(3) if (site := _plain_line(source, rng)))
        return
    makers = (_line, _line, _block, _block, _rest_of_block, _after_opener, _span, _span, _closed)
    for make in makers:
        for _ in range(20):
            site = make(source, rng)
            if site is not None and site.truth.strip():
                yield site
                break


def _plain_line(source: Source, rng: random.Random) -> Site | None:
    row = rng.randrange(len(source.lines))
    line = source.lines[row]
    if len(line.strip()) < 8:
        return None
    column = rng.randrange(len(line) - len(line.lstrip()) + 1, len(line.rstrip()))
    start = source.starts[row]
    after = "\n" + source.text[start + len(line) + 1 :]
    truth = line[column:].rstrip()
    return Site(source.language, "text", source.text[: start + column], after, truth, after)


def _statement_line(source: Source, row: int) -> bool:
    """Whether line `row` holds a statement, or the head of one with a body, and no more."""
    line = source.lines[row]
    body = line.strip()
    if len(body) < 4 or not re.search(r"\w", body):
        return False
    first, last = len(line) - len(line.lstrip()), len(line.rstrip()) - 1
    begin, end = source.leaf_at(row, first), source.leaf_at(row, last)
    if begin is None or end is None or begin.start_point.row != row or end.end_point.row != row:
        return False
    if begin.start_point.column != len(line[:first].encode()) or _NO_CODE.search(begin.type):
        return False
    top = end
    while (
        top.parent and top.parent.end_point == top.end_point and top.parent.start_point.row == row
    ):
        top = top.parent
    if top.start_point.row != row or top.has_error:
        return False
    if end.type in ("{", ":"):
        owner = end.parent
        if owner is not None and end.type == "{":
            if not _BODY.search(owner.type) or owner.parent is None:
                return False
            owner = owner.parent
        return owner is not None and owner.start_point.row == row and not owner.has_error
    statement = top
    parent = statement.parent
    if statement.start_point.column > begin.start_point.column:
        return False
    return parent is None or _BODY.search(parent.type) is not None or parent.parent is None


def _line(source: Source, rng: random.Random) -> Site | None:
    row = rng.randrange(len(source.lines))
    if not _statement_line(source, row):
        return None
    line = source.lines[row]
    first, last = len(line) - len(line.lstrip()), len(line.rstrip())
    column = rng.randrange(first + 1, last)
    start = source.starts[row]
    before, beyond = source.text[: start + column], "\n" + source.text[source.starts[row + 1] :]
    after = rng.choice([beyond, beyond, _closers_only(source, row, beyond), "\n"])
    if after != beyond and _opens(line):
        return _header(source, row, before, after)
    return Site(source.language, "line", before, after, line[column:last], beyond)


def _opens(line: str) -> bool:
    return re.search(r"(?:[{:]|\b(?:then|do|else|in))$", line.rstrip()) is not None


def _header(source: Source, row: int, before: str, after: str) -> Site | None:
    """The rest of a header whose body is not written, and the body."""
    body = next((body for body in _bodies(source) if body.first == row + 1), None)
    if body is None:
        return None
    if body.closer is None:
        rows = _trimmed(source, body.first, body.last)
        end = source.starts[rows[1] + 1] - 1 if rows else 0
    else:
        line = source.lines[body.closer]
        end = source.starts[body.closer] + len(line.rstrip())
        if line.strip() not in ("}", "done"):
            return None
    truth, beyond = source.text[len(before) : end].rstrip(), source.text[end:]
    if _is_long(truth) or _GOES_ON.match(beyond.lstrip("\n").split("\n")[0]):
        return None
    return Site(source.language, "header", before, after, truth, beyond)


def _closers_only(source: Source, row: int, beyond: str) -> str:
    """Of `beyond`, what closes the blocks that line `row` is in; all of it where that is odd."""
    node = source.leaf_at(row, len(source.lines[row]) - len(source.lines[row].lstrip()))
    rows = set()
    while node is not None:
        above = node.start_point.row < row
        if above and node.children and node.children[-1].type in ("}", "done", "fi", "esac"):
            rows.add(node.children[-1].start_point.row)
        node = node.parent
    kept = [source.lines[below] for below in sorted(rows) if below > row]
    if any(line.rstrip().endswith("{") for line in kept):
        return beyond
    return "\n" + "\n".join(kept) + "\n"


@attrs.frozen
class _Body:
    first: int
    """Rows of its first and last line; what closes it is not one of them."""
    last: int
    closer: int | None
    """The row of what closes it."""


def _bodies(source: Source) -> list[_Body]:
    found = []
    for node in source.nodes:
        if node.has_error or not node.is_named or not _BODY.search(node.type) or not node.parent:
            continue
        rows = [child.start_point.row for child in node.named_children]
        if not rows or "jsx" in node.type:
            continue
        if source.language == "python":
            head = node.parent
            if node.type != "block" or rows[0] <= head.start_point.row:
                continue
            if not source.lines[rows[0] - 1].rstrip().endswith(":"):
                continue
            found.append(_Body(rows[0], node.end_point.row, None))
            continue
        if len(node.children) < 3 or node.children[0].type not in ("{", "do"):
            continue
        opener, closer = node.children[0], node.children[-1]
        first, last = opener.start_point.row + 1, closer.start_point.row - 1
        if closer.type not in ("}", "done") or last < first:
            continue
        alone = not source.lines[last + 1][: closer.start_point.column].strip()
        if alone and source.lines[first - 1].rstrip().endswith(opener.type):
            found.append(_Body(first, last, last + 1))
    return found


def _trimmed(source: Source, first: int, last: int) -> tuple[int, int] | None:
    while first <= last and not source.lines[first].strip():
        first += 1
    while last >= first and not source.lines[last].strip():
        last -= 1
    return (first, last) if first <= last else None


def _cut_rows(source: Source, first: int, last: int, shape: str, rng: random.Random) -> Site | None:
    """The lines `first` to `last` cut out, the cursor at the first one's indentation."""
    line = source.lines[first]
    indent = len(line) - len(line.lstrip())
    start, end = source.starts[first] + indent, source.starts[last + 1] - 1
    truth = source.text[start:end].rstrip()
    if _is_long(truth) or not indent or "\n\n\n" in truth:
        return None
    beyond = source.text[end:]
    if rng.random() < 0.3 and source.language != "python":
        after = _closers_only(source, first, beyond)
    elif rng.random() < 0.3 and source.language == "python":
        after = "\n"
        if _GOES_ON.match(beyond.lstrip("\n").split("\n")[0]):
            return None
    else:
        after = beyond
    return Site(source.language, shape, source.text[:start], after, truth, beyond)


def _is_long(text: str) -> bool:
    return len(split_tokens(text)) > _MOST_TOKENS or _is_mixed(text)


def _is_mixed(text: str) -> bool:
    """Whether its lines are indented in several ways, as a model would not."""
    blanks = [line[: len(line) - len(line.lstrip())] for line in text.split("\n")[1:]]
    return any("\t" in blank for blank in blanks) and any(" " in blank for blank in blanks)


def _block(source: Source, rng: random.Random) -> Site | None:
    bodies = _bodies(source)
    if not bodies:
        return None
    body = rng.choice(bodies)
    rows = _trimmed(source, body.first, body.last)
    return _cut_rows(source, *rows, "block", rng) if rows else None


def _rest_of_block(source: Source, rng: random.Random) -> Site | None:
    bodies = [body for body in _bodies(source) if body.last > body.first]
    if not bodies:
        return None
    body = rng.choice(bodies)
    rows = _trimmed(source, body.first, body.last)
    if rows is None:
        return None
    width = len(source.lines[rows[0]]) - len(source.lines[rows[0]].lstrip())
    starts = [
        row
        for row in range(rows[0] + 1, rows[1] + 1)
        if len(source.lines[row]) - len(source.lines[row].lstrip()) == width
        and _statement_line(source, row)
    ]
    return _cut_rows(source, rng.choice(starts), rows[1], "rest of block", rng) if starts else None


def _after_opener(source: Source, rng: random.Random) -> Site | None:
    """The cursor right behind what opens a body; what closes it is gone, or an editor's."""
    bodies = [body for body in _bodies(source) if body.last - body.first < 8]
    if not bodies:
        return None
    body = rng.choice(bodies)
    start = source.starts[body.first] - 1
    if body.closer is None:
        rows = _trimmed(source, body.first, body.last)
        if rows is None:
            return None
        end = source.starts[rows[1] + 1] - 1
        after = source.text[end:]
        if rng.random() < 0.5:
            after = "\n"
            if _GOES_ON.match(source.text[end:].lstrip("\n").split("\n")[0]):
                return None
        truth = source.text[start:end].rstrip()
        if _is_long(truth):
            return None
        return Site(source.language, "opener", source.text[:start], after, truth, source.text[end:])
    line = source.lines[body.closer]
    if line.strip() not in ("}", "done"):
        return None
    end = source.starts[body.closer] + len(line.rstrip())
    truth = source.text[start:end]
    if _is_long(truth):
        return None
    after = rng.choice([source.text[end:], "\n"])
    eats = rng.choice(["", "}"]) if line.strip() == "}" else ""
    before = source.text[:start]
    if _GOES_ON.match(source.text[end:].lstrip("\n").split("\n")[0]) and after == "\n":
        return None
    return Site(source.language, "opener", before, eats + after, truth, source.text[end:], eats)


def _span(source: Source, rng: random.Random) -> Site | None:
    """An expression inside a line, with code of the line behind it."""
    node = rng.choice(source.nodes)
    if not node.is_named or node.has_error or node.start_point.row != node.end_point.row:
        return None
    row = node.start_point.row
    start, end = source.offset(node.start_point), source.offset(node.end_point)
    truth, rest = source.text[start:end], source.text[end : source.starts[row + 1] - 1]
    if not 2 <= len(truth) <= 50 or not re.search(r"\w", rest) or truth != truth.strip():
        return None
    lead = source.lines[row][: start - source.starts[row]]
    if not lead.strip() or (lead[-1:].isalnum() and truth[0].isalnum()):
        return None
    beyond = source.text[end:]
    return Site(source.language, "span", source.text[:start], beyond, truth, beyond)


def _closed(source: Source, rng: random.Random) -> Site | None:
    """The cursor behind an opener that the editor has closed; the rest is not written yet."""
    rows = [rng.randrange(len(source.lines)) for _ in range(20)]
    row = next((row for row in rows if _statement_line(source, row)), None)
    if row is None:
        return None
    line = source.lines[row].rstrip()
    openers = []
    for column, char in enumerate(line[:-1]):
        if char not in _CLOSERS or line[column + 1] == _CLOSERS[char]:
            continue
        leaf = source.leaf_at(row, column)
        if leaf is None or source.column(row, leaf.start_point.column) != column:
            continue
        if leaf.type == char and leaf.parent and leaf.parent.end_point.row == row:
            parent_end = source.column(row, leaf.parent.end_point.column)
            if char in "([{" or (line[parent_end - 1] == char and parent_end - 1 > column):
                openers.append((column, parent_end))
    if not openers:
        return None
    column, _ = rng.choice(openers)
    closers = _CLOSERS[line[column]]
    for outer, outer_end in reversed(openers):
        # An editor has closed what was typed on the way, too.
        if outer < column < outer_end and line[outer] in "([" and rng.random() < 0.5:
            closers += _CLOSERS[line[outer]]
        elif outer < column < outer_end:
            break
    start = source.starts[row] + column + 1
    beyond = "\n" + source.text[source.starts[row + 1] :]
    if line.endswith(("{", ":")) and rng.random() < 0.7:
        beyond = _closers_only(source, row, beyond)
    truth = line[column + 1 :]
    if _of_brackets(truth) == closers and truth.endswith(closers):
        truth = truth[: -len(closers)]
        return Site(
            source.language,
            "closed",
            source.text[:start],
            closers + beyond,
            truth,
            closers + beyond,
        )
    return Site(
        source.language, "closed", source.text[:start], closers + beyond, truth, beyond, closers
    )


def _of_brackets(text: str) -> str:
    """The closers at the end of `text`."""
    return text[len(text.rstrip(")]}\"'`")) :]
