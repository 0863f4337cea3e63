"""What the syntax tree says about a cursor: the header of its body, the call that it is in.

A name is put at the cursor, and closers behind it, so that half a statement is a whole one. Where
the tree has nothing but errors there, the answer is None, and the lexer has to do.
"""

from __future__ import annotations

import functools
import re

import attrs
import tree_sitter

from codellama_lsp.syntax.grammars import parser

#: Half a statement needs something where the cursor is; after a name, a value or a brace it does
#: not: an empty body is whole, but with a lone name in it, it may be a list of values.
_NAME = "zz"
_COMPLETE = re.compile(r"[\w)\]}\"'`;][ \t]*\Z|[{};]\s*\Z")

#: The parser reports its progress every so often, some 10 microseconds apart. Counting reports
#: bounds its time by work rather than by a clock, and so the same on any machine: healthy code of
#: a window takes 10 to 30, badly broken code hundreds. What takes more than 2 ms is left alone.
_MOST_REPORTS = 60

#: What holds the arguments of a call, and what a call is.
_ARGUMENTS = frozenset({"argument_list", "arguments"})
_CALLS = frozenset(
    "call call_expression new_expression method_invocation object_creation_expression "
    "explicit_constructor_invocation invocation_expression function_call_expression "
    "member_call_expression nullsafe_member_call_expression scoped_call_expression "
    "implicit_object_creation_expression constructor_initializer".split()
)
#: Braces that hold values rather than a body.
_VALUES = frozenset(
    "object object_pattern dictionary set initializer_list literal_value array_initializer "
    "initializer_expression array_creation_expression field_initializer_list token_tree "
    "interpolation template_substitution jsx_expression named_imports export_clause "
    "struct_pattern use_list element_value_array_initializer".split()
)
#: A colon of these opens no body.
_NO_BODY = frozenset(
    "pair slice lambda typed_parameter typed_default_parameter assignment type_annotation "
    "ternary_expression conditional_expression keyword_argument format_specifier interpolation "
    "dictionary bitfield_clause field_initializer type named_argument argument ERROR".split()
)


#: What a block stands in that has no header.
_NO_HEADER = re.compile(
    r"case|switch_section|labeled|^(?:compound_statement|(?:statement_)?block)$"
)


@attrs.frozen
class Call:
    """A call whose arguments the cursor is among."""

    name: str
    """What is called, without what it is called on."""
    receiver: str
    """``a.b`` of ``a.b.c(``; empty for a plain name."""
    creates: bool
    """Whether it is written as the creation of an object (``new``)."""
    given: tuple[str, ...]
    """The arguments that are whole and before the cursor's."""
    begun: str
    """The part of the cursor's own argument that is before the cursor."""
    following: tuple[str, ...]
    """The arguments behind the cursor's."""
    inside: str
    """All that is between the call's bracket and the cursor."""


@attrs.frozen
class Around:
    """A parsed stretch of text around a cursor."""

    _root: tree_sitter.Node
    _source: bytes
    _cursor: int
    """In bytes."""
    _filled: str
    """What was put at the cursor."""

    def header_line(self, rows_up: int) -> str | None:
        """The first line of what ends, with a colon or brace, so many lines above the cursor's.

        None where no body begins there, or where the tree does not know.
        """
        row = self._source.count(b"\n", 0, self._cursor) - rows_up
        lines = self._source.split(b"\n")
        if not 0 <= row < len(lines):
            return None
        start = sum(len(line) + 1 for line in lines[:row])
        line = self._source[start : self._cursor] if rows_up == 0 else lines[row]
        end = start + len(line.rstrip())
        node = self._token_at(end - 1)
        # Behind the last sign there may be a comment.
        if node is not None and "comment" in node.type:
            end = start + len(self._source[start : node.start_byte].rstrip())
            node = self._token_at(end - 1)
        if node is None or node.type not in (":", "{") or node.parent is None:
            return None
        parent = node.parent
        if node.type == "{" and parent.type not in _VALUES and parent.parent is not None:
            parent = parent.parent
        if parent.type in _NO_BODY or parent.type in _VALUES or parent.parent is None:
            return None
        if node.type == "{" and _NO_HEADER.search(parent.type):
            return None  # It is a mere block, or one that has a macro for its header.
        first = parent.start_point.row
        return lines[first].decode(errors="replace") if first <= row else None

    @functools.cached_property
    def call(self) -> Call | None:
        """The innermost call among whose arguments the cursor is."""
        node = self._root.descendant_for_byte_range(self._cursor, self._cursor)
        while node is not None:
            kind = node.type
            if kind in _ARGUMENTS and self._holds_cursor(node):
                return self._call(node)
            if "string" in kind and kind not in ("string_content",):
                return None
            if re.search(r"block|body|statement|declaration|definition|parameters|ERROR", kind):
                return None
            if kind in ("comment", "line_comment", "block_comment", "object", "dictionary"):
                return None
            node = node.parent
        return None

    def _token_at(self, offset: int) -> tree_sitter.Node | None:
        if offset < 0:
            return None
        return self._root.descendant_for_byte_range(offset, offset + 1)

    def _holds_cursor(self, node: tree_sitter.Node) -> bool:
        if self._source[node.start_byte : node.start_byte + 1] != b"(":
            return False
        return node.start_byte < self._cursor < node.end_byte

    def _call(self, arguments: tree_sitter.Node) -> Call | None:
        call = arguments.parent
        if call is None or call.type not in _CALLS or arguments.has_error:
            return None
        callee = self._source[call.start_byte : arguments.start_byte].decode(errors="replace")
        match = re.fullmatch(
            r"\s*(?P<new>new\s+)?(?:(?P<on>.*?)\s*(?:\?\.|\.|->|\?->|::))?\s*(?P<name>[^\W\d]\w*)"
            r"\s*(?:(?:::)?<[^()]*>)?\s*",
            callee,
            re.DOTALL,
        )
        if match is None:
            return None
        before, own, after = [], None, []
        for node in arguments.named_children:
            if "comment" in node.type:
                continue
            if node.end_byte < self._cursor or self._comma_between(node.end_byte):
                before.append(self._text(node.start_byte, node.end_byte))
            elif node.start_byte > self._cursor + len(self._filled):
                after.append(self._text(node.start_byte, node.end_byte))
            else:
                own = node
        begun = self._text(own.start_byte, self._cursor) if own is not None else ""
        return Call(
            match["name"],
            match["on"] or "",
            bool(match["new"]),
            tuple(before),
            begun,
            tuple(after),
            self._text(arguments.start_byte + 1, self._cursor),
        )

    def _comma_between(self, end: int) -> bool:
        return end <= self._cursor and b"," in self._source[end : self._cursor]

    def _text(self, start: int, end: int) -> str:
        return self._source[start:end].decode(errors="replace")


def look(before: str, after: str, language_id: str, closers: str = "") -> Around | None:
    """The tree around a cursor between `before` and `after`, with `closers` put at the cursor.

    Cheap if both are short: a few thousand characters take half a millisecond. None where there is
    no grammar, and where the text is too broken for its tree to say anything in time.
    """
    if language_id == "php" and "<?" not in before:
        before = "<?php " + before
    goes_on = after[:1].isalnum() or after[:1] == "_"
    filled = "" if _COMPLETE.search(before) or goes_on else _NAME
    head = before.encode(errors="replace")
    source = head + f"{filled}{closers}{after}".encode(errors="replace")
    root = _parsed(source, language_id)
    return None if root is None else Around(root, source, len(head), filled)


def faults(text: str, language_id: str) -> int | None:
    """Bytes of `text` that are no proper code, and what is missing; None: cannot be told."""
    if language_id == "php" and "<?" not in text:
        text = "<?php " + text
    root = parse(text, language_id)
    if root is None:
        return None
    count, nodes = 0, [root]
    while nodes:
        node = nodes.pop()
        if node.is_missing:
            count += 1
        elif node.type == "ERROR":
            count += max(node.end_byte - node.start_byte, 1)
        elif node.has_error:
            nodes.extend(node.children)
    return count


def parse(text: str, language_id: str) -> tree_sitter.Node | None:
    """The tree of `text`; None without a grammar, and for what takes too long."""
    return _parsed(text.encode(errors="replace"), language_id)


def _parsed(source: bytes, language_id: str) -> tree_sitter.Node | None:
    found = parser_of(language_id)
    if found is None:
        return None
    left = _MOST_REPORTS

    def is_too_much(offset: int, has_error: bool) -> bool:
        nonlocal left
        left -= 1
        return left < 0

    try:
        tree = found.parse(lambda offset, point: source[offset:], progress_callback=is_too_much)
    except ValueError:
        found.reset()
        return None
    return None if tree is None else tree.root_node


@functools.cache
def parser_of(language_id: str) -> tree_sitter.Parser | None:
    """The parser of a language, for the thread of the completions alone."""
    return parser(language_id)
