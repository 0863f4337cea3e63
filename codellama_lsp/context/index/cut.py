"""A file cut into what it defines, by its syntax tree; other text by its blank lines.

Pure: text in, frozen values out. Must not know files, databases or cursors.
"""

from __future__ import annotations

import re

import attrs
import tree_sitter

from codellama_lsp.context.index.blocks import blocks, uncovered
from codellama_lsp.context.index.definition import Definition
from codellama_lsp.context.index.imports import Import, includes, parse_import
from codellama_lsp.context.index.nodes import NodeReader, clean, short
from codellama_lsp.context.index.rules import RULES, Rules
from codellama_lsp.context.index.words import identifiers
from codellama_lsp.syntax.grammars import parser

_MOST_BODY_CHARS = 6000
_MOST_SKELETON_CHARS = 4000
_MOST_DEPTH = 12

#: What a grammar could not read; definitions in it are still definitions.
_ERROR = "ERROR"
_FUNCTION_VALUES = ("arrow_function", "function_expression", "generator_function")
_NAMESPACES = ("namespace_declaration", "file_scoped_namespace_declaration")
#: What may stand around a definition and belongs to it.
_WRAPPERS = ("decorated_definition", "export_statement", "template_declaration")
#: Words of C++ at the start of a line.
_OF_CPP = re.compile(
    r"^[ \t]*(?:namespace\b[^;=\n]*(?:\{|$)|template[ \t]*<|class[ \t]+\w[^;=()\n]*(?:[{:]|$)"
    r"|using[ \t]+(?:namespace[ \t]+)?\w+|(?:public|private|protected)[ \t]*:)",
    re.MULTILINE,
)
#: Macros without a call that a grammar takes for types or names.
_EXPORT_MACRO = re.compile(
    rb"\b[A-Z][A-Z0-9_]*_(?:EXPORT|API|INLINE|PUBLIC|PRIVATE|EXTERN|LOCAL|NOEXCEPT|CONSTEXPR)\b"
    rb"(?=[ \t\n]+[\w~:&*;{])(?<!define )"
)
#: Macros behind a parameter list, where a grammar expects the body or the end.
_ATTRIBUTE_MACRO = re.compile(
    rb"(?<=\))((?:\s+(?:const|noexcept|override|final)\b)*)"
    rb"\s+[A-Z][A-Z0-9_]{2,}(?:\s*\((?:[^(){};]|\([^(){};]*\))*\))?(?=\s*[;{])"
)


@attrs.frozen
class FileCut:
    """What a file defines and imports."""

    definitions: tuple[Definition, ...]
    imports: tuple[Import, ...]


def cut(text: str, language_id: str) -> FileCut:
    """Cut `text`; never raises for any text."""
    if language_id == "c" and _OF_CPP.search(text):
        language_id = "cpp"  # a header, by its name of either
    rules = RULES.get(language_id)
    of_language = parser(language_id) if rules else None
    if rules is None or of_language is None:
        return FileCut(tuple(blocks(text.split("\n"), 0)), ())
    source = text.encode("utf-8", "replace")
    readable = source
    if language_id in ("c", "cpp"):
        readable = _EXPORT_MACRO.sub(_blank, source)
        readable = _ATTRIBUTE_MACRO.sub(_blank, readable)
    cutter = _Cutter(source, language_id, rules)
    cutter.walk(of_language.parse(readable).root_node, (), 0)
    if language_id in ("c", "cpp"):
        cutter.imports = includes(text)
    rest = uncovered(text, cutter.covered)
    return FileCut((*cutter.definitions, *rest), tuple(cutter.imports))


class _Cutter:
    def __init__(self, source: bytes, language_id: str, rules: Rules) -> None:
        self.definitions: list[Definition] = []
        self.imports: list[Import] = []
        self.covered: list[tuple[int, int]] = []
        self._of = NodeReader(source, language_id)
        self._language_id = language_id
        self._rules = rules

    def walk(
        self, node: tree_sitter.Node, parents: tuple[str, ...], depth: int, comment: str = ""
    ) -> None:
        """Collect what is defined in `node`'s children, a class's members right behind it.

        `comment` stands before the first of them.
        """
        if depth > _MOST_DEPTH:
            return
        rules, last = self._rules, -1
        for child in node.named_children:
            kind = child.type
            if kind in rules.comments:
                joined = comment and child.start_point[0] == last + 1
                comment = f"{comment}\n{self._of.text(child)}" if joined else self._of.text(child)
                last = child.end_point[0] - (child.end_point[1] == 0)  # some take the line break
                continue
            if kind in rules.functions:
                self._function(child, parents, comment)
            elif kind in rules.classes:
                self._class(child, parents, comment, depth)
            elif kind in rules.imports:
                self._import(child)
            elif kind in rules.values and (node.type != _ERROR or child.start_point[1] == 0):
                define = self._assignment if kind == "assignment_expression" else self._value
                define(child, parents, comment, depth)
            elif kind in rules.containers or kind == _ERROR:
                if kind in _NAMESPACES:
                    self.imports.append(
                        Import(self._of.field(child, "name"), "=", "", child.start_point[0])
                    )
                around = child.type in _WRAPPERS
                self.walk(child, parents, depth + 1, comment if around else "")
            comment = ""

    def _function(self, node: tree_sitter.Node, parents: tuple[str, ...], comment: str) -> None:
        name = self._of.name(node)
        if not name:
            return
        whole = _with_decorators(node)
        body = node.child_by_field_name("body")
        if self._language_id == "go" and (receiver := node.child_by_field_name("receiver")):
            found = identifiers(self._of.text(receiver))
            parents = (found[-1],) if found else parents
        *outer, name = [part for part in re.split(r"::|\.", name) if part]
        self._add(
            name, (*parents, *outer), "function", whole, self._of.head(whole, body),
            self._of.doc(body, comment), body=self._of.text(whole),
        )  # fmt: skip

    def _class(
        self, node: tree_sitter.Node, parents: tuple[str, ...], comment: str, depth: int
    ) -> None:
        body = node.child_by_field_name("body") or node.child_by_field_name("type")
        if node.type == "impl_item":
            name = self._of.field(node, "type")
            body = node.child_by_field_name("body")
        else:
            name = self._of.name(node)
        name = name.split("<")[0]
        if node.type == "namespace_definition":  # hardly ever written out where names are used
            if body is not None:
                self.walk(body, parents, depth + 1)
            return
        if not name or (node.type.endswith("_specifier") and body is None):
            return
        whole = _with_decorators(node)
        signature = self._of.head(whole, body)
        if node.type == "type_spec":  # Go's keyword stands outside, and may stand for several
            kinds = {"struct_type": " struct", "interface_type": " interface"}
            known = kinds.get(body.type if body is not None else "")
            signature = (
                f"type {signature}{known}" if known else f"type {short(self._of.text(node))}"
            )
        at = len(self.definitions)
        if body is not None:
            if body.type in self._rules.containers:
                self.walk(body, (*parents, name), depth + 1)
            else:
                self.walk(node, (*parents, name), depth + 1)
        members = self.definitions[at:]
        del self.definitions[at:]
        doc = self._of.doc(body, comment)
        skeleton = _skeleton(signature, doc, self._of.attributes(node), members)
        bases = tuple(dict.fromkeys(n for n in identifiers(signature) if n[:1].isupper()))
        self._add(
            name, parents, "class", whole, signature, doc,
            skeleton=skeleton, bases=tuple(b for b in bases if b != name),
        )  # fmt: skip
        self.definitions += members

    def _value(
        self, node: tree_sitter.Node, parents: tuple[str, ...], comment: str, depth: int
    ) -> None:
        if "require(" in (text := self._of.text(node)) and (
            found := parse_import(text, self._language_id, node.start_point[0])
        ):
            self.imports += found
            return
        inner = _class_inside(node, self._rules)
        if inner is not None:
            # typedef struct {...} name; or class expressions: the members are what matters.
            name = self._of.name(node) if node.type == "type_definition" else ""
            if name and not inner.child_by_field_name("name"):
                at = len(self.definitions)
                body = inner.child_by_field_name("body")
                if body is not None:
                    self.walk(body, (*parents, name), depth + 1)
                members = self.definitions[at:]
                del self.definitions[at:]
                text = self._of.text(node)
                self._add(
                    name, parents, "class", node, short(text.split("{")[0].rstrip()), "",
                    skeleton=short(text, _MOST_SKELETON_CHARS),
                )  # fmt: skip
                self.definitions += members
            else:
                self._class(inner, parents, comment, depth)
                if name and name != self._of.field(inner, "name"):
                    signature = (
                        f"typedef {short(self._of.text(inner).split('{')[0].strip())} {name};"
                    )
                    self._add(name, parents, "value", node, signature, "", body=text)
            return
        function = _function_inside(node)
        for name in self._of.value_names(node):
            text = self._of.text(node)
            kind, signature = "value", short(text, 200)
            if function is not None:
                kind, body = "function", function.child_by_field_name("body")
                signature = self._of.head(node, body)
            elif "(" in text and node.type in ("declaration", "field_declaration"):
                kind, signature = "function", short(text)
            self._add(name, parents, kind, node, signature, clean(comment), body=text)

    def _assignment(
        self, node: tree_sitter.Node, parents: tuple[str, ...], comment: str, depth: int
    ) -> None:
        """``exports.name = …``, ``Class.prototype.name = function``, ``module.exports = class``."""
        value = node.child_by_field_name("right")
        target = self._of.field(node, "left")
        if value is None or not re.fullmatch(r"[\w$]+(?:\.[\w$]+)*", target):
            return
        exported = target.startswith(("exports.", "module.exports"))
        path = [p for p in target.split(".") if p not in ("module", "exports", "prototype")]
        if value.type in self._rules.classes or value.type == "class":
            self._class(value, parents, comment, depth)
        elif value.type in _FUNCTION_VALUES:
            name = path.pop() if path else self._of.name(value)
            head = self._of.head(node, value.child_by_field_name("body"))
            if name:
                self._add(
                    name, (*parents, *path), "function", node, head, clean(comment),
                    body=self._of.text(node),
                )  # fmt: skip
        elif value.type == "object" and exported:
            self.walk(value, parents, depth + 1)
        elif path and exported:
            text = self._of.text(node)
            self._add(path[-1], (*parents, *path[:-1]), "value", node, short(text, 200),
                      clean(comment), body=text)  # fmt: skip

    def _import(self, node: tree_sitter.Node) -> None:
        text = self._of.text(node)
        found = parse_import(text, self._language_id, node.start_point[0])
        self.imports += found
        if found:
            self.covered.append((node.start_point[0], node.end_point[0]))

    def _add(
        self,
        name: str,
        parents: tuple[str, ...],
        kind: str,
        node: tree_sitter.Node,
        signature: str,
        doc: str,
        *,
        skeleton: str = "",
        body: str = "",
        bases: tuple[str, ...] = (),
    ) -> None:
        start, end = node.start_point[0], node.end_point[0]
        self.covered.append((start, end))
        self.definitions.append(
            Definition(
                name=name,
                qualified=".".join((*parents, name)),
                kind=kind,
                line=start,
                end_line=end,
                signature=signature,
                doc=doc,
                skeleton=skeleton,
                body=short(body, _MOST_BODY_CHARS),
                bases=bases,
            )
        )


def _blank(match: re.Match[bytes]) -> bytes:
    kept = match[1] if match.re.groups else b""
    return kept + re.sub(rb"[^\n]", b" ", match[0][len(kept) :])


def _with_decorators(node: tree_sitter.Node) -> tree_sitter.Node:
    around = node.parent
    return around if around is not None and around.type in _WRAPPERS else node


def _class_inside(node: tree_sitter.Node, rules: Rules) -> tree_sitter.Node | None:
    if node.type in ("type_definition", "declaration", "field_declaration"):
        for child in node.named_children:
            if child.type in rules.classes and child.child_by_field_name("body") is not None:
                return child
    return None


def _function_inside(node: tree_sitter.Node) -> tree_sitter.Node | None:
    """The function that ``const name = (...) => {...}`` gives a name to."""
    if node.type not in ("lexical_declaration", "variable_declaration", "public_field_definition"):
        return None
    for child in (node, *node.named_children):
        value = child.child_by_field_name("value")
        if value is not None and value.type in _FUNCTION_VALUES:
            return value
    return None


def _skeleton(signature: str, doc: str, attributes: list[str], members: list[Definition]) -> str:
    lines = [signature]
    if doc:
        lines.append(f"    {doc.splitlines()[0][:120]}")
    seen = set()
    for member in members:
        line = re.sub(r"\s+", " ", member.signature)
        if member.name not in seen or member.kind == "function":
            lines.append(f"    {line[:200]}")
        seen.add(member.name)
    lines[2 if doc else 1 : 2 if doc else 1] = [f"    {line}" for line in attributes]
    return short("\n".join(lines), _MOST_SKELETON_CHARS)
