"""What nodes of a file's syntax tree say as text: names, headers, documentation.

Must not know which of them are definitions.
"""

from __future__ import annotations

import re
import textwrap

import tree_sitter

from codellama_lsp.context.index.words import identifiers

MOST_SIGNATURE_CHARS = 600
_MOST_DOC_CHARS = 300
_MOST_DEPTH = 12

_ANNOTATIONS = re.compile(
    r"\A(?:\s*(?:\[[^\]]*\]|@[\w.]+(?:\((?:[^()]|\([^()]*\))*\))?(?!\w)(?<!@interface)))+\s*"
)
_SELF_ATTRIBUTE = re.compile(
    r"^[ \t]+(self\.(\w+)(?::[^=\n]+)?\s*=[^=\n][^\n]{0,60})", re.MULTILINE
)


class NodeReader:
    """Reads nodes of the tree of one file."""

    def __init__(self, source: bytes, language_id: str) -> None:
        self._source = source
        self._language_id = language_id

    def text(self, node: tree_sitter.Node) -> str:
        """Its text, indented as it is where it has several lines."""
        text = self._source[node.start_byte : node.end_byte].decode("utf-8", "replace")
        return " " * min(node.start_point[1], 80) + text if "\n" in text else text

    def field(self, node: tree_sitter.Node, name: str) -> str:
        """The text of a field; empty where it has none."""
        found = node.child_by_field_name(name)
        return "" if found is None else self.text(found).strip()

    def name(self, node: tree_sitter.Node) -> str:
        """A definition's name: its field, or what is left at the end of C's declarators."""
        inner: tree_sitter.Node | None = node
        for _ in range(_MOST_DEPTH):
            if inner is None:
                return ""
            if inner.type == "qualified_identifier":
                return self.text(inner).strip()
            named = inner.child_by_field_name("name") or inner.child_by_field_name("property")
            if named is not None:
                return self.text(named).strip()
            following = inner.child_by_field_name("declarator")
            if following is None:
                is_name = inner is not node and inner.child_count == 0
                return self.text(inner).strip() if is_name else ""
            inner = following
        return ""

    def value_names(self, node: tree_sitter.Node) -> list[str]:
        """Names of the variables that it gives values to."""
        if node.type == "expression_statement":  # Python's; other languages' are looked through
            first = node.named_children[0] if node.named_children else None
            if first is None or first.type != "assignment":
                return []
            left = first.child_by_field_name("left")
            if left is None or left.type not in ("identifier", "pattern_list", "tuple_pattern"):
                return []
            return identifiers(self.text(left))
        if node.type == "property_identifier":
            return [self.text(node)]
        if name := self.name(node):
            return [name.lstrip("$")]
        found = [self.name(child) for child in node.named_children]
        if not any(found):
            found = [self.name(c) for child in node.named_children for c in child.named_children]
        if not any(found):
            found = re.findall(r"(\w+)\s*(?==|;|$)", self.text(node))[:1]
        return [name.lstrip("$") for name in found if name]

    def head(self, node: tree_sitter.Node, body: tree_sitter.Node | None) -> str:
        """What stands before `body`, of a definition."""
        if body is None or body.start_byte <= node.start_byte:
            return short(textwrap.dedent(self.text(node)).strip())
        text = self._source[node.start_byte : body.start_byte].decode("utf-8", "replace")
        text = textwrap.dedent(" " * min(node.start_point[1], 80) + text)
        if self._language_id in ("java", "csharp"):
            text = _ANNOTATIONS.sub("", text)  # what they say is rarely of use where it is named
        return short(re.sub(r"\s*(?:[{]|=>)?\s*$", "", text).strip())

    def doc(self, body: tree_sitter.Node | None, comment: str) -> str:
        """The first lines of its docstring, or of the comment above it."""
        if body is not None and self._language_id == "python" and body.named_children:
            first = body.named_children[0]
            if first.type == "expression_statement" and first.named_children:
                first = first.named_children[0]
            if first.type == "string":
                return clean(self.text(first))
        return clean(comment)

    def attributes(self, node: tree_sitter.Node) -> list[str]:
        """What methods of a Python class set on ``self``, once each."""
        if self._language_id != "python":
            return []
        found: dict[str, str] = {}
        for match in _SELF_ATTRIBUTE.finditer(self.text(node)):
            found.setdefault(match[2], match[1].rstrip())
        return list(found.values())[:60]


def short(text: str, most_chars: int = MOST_SIGNATURE_CHARS) -> str:
    """The first lines of `text` that have room in so many characters."""
    if len(text) <= most_chars:
        return text
    cut_at = text.rfind("\n", 0, most_chars)
    return text[: cut_at if cut_at > most_chars // 2 else most_chars]


def clean(comment: str) -> str:
    """The first lines of a comment or docstring without its marks."""
    text = re.sub(
        r"^\s*[rRbBuUfF]*(?:\"\"\"|'''|\"|')|(?:\"\"\"|'''|\"|')\s*$", "", comment.strip()
    )
    lines = (re.sub(r"^\s*(?:/\*+|\*+/?|//+!?|#+)\s?|\s*\*/\s*$", "", x) for x in text.split("\n"))
    wanted = [re.sub(r"</?(?:summary|para|remarks)>", "", line).strip() for line in lines]
    while wanted and not wanted[0]:
        wanted.pop(0)
    end = wanted.index("") if "" in wanted else len(wanted)
    return short("\n".join(wanted[:end]), _MOST_DOC_CHARS)
