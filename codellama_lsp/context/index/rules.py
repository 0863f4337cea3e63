"""Which nodes of a syntax tree define something, by language. Tables only."""

from __future__ import annotations

import attrs


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


@attrs.frozen
class Rules:
    """Node types of one grammar."""

    functions: frozenset[str]
    classes: frozenset[str]
    """What has members: their definitions are looked for inside."""
    values: frozenset[str]
    """Constants, fields, type aliases: what has a name and no body worth leaving out."""
    containers: frozenset[str]
    """What is looked through."""
    imports: frozenset[str]
    comments: frozenset[str] = frozenset({"comment"})


_ECMASCRIPT = Rules(
    functions=_words(
        "function_declaration generator_function_declaration method_definition function_signature "
        "method_signature abstract_method_signature"
    ),
    classes=_words(
        "class_declaration abstract_class_declaration interface_declaration enum_declaration "
        "internal_module module"
    ),
    values=_words(
        "lexical_declaration variable_declaration public_field_definition field_definition "
        "property_signature type_alias_declaration enum_assignment property_identifier "
        "assignment_expression"
    ),
    containers=_words(
        "program export_statement ambient_declaration class_body interface_body object_type "
        "enum_body statement_block expression_statement"
    ),
    imports=_words("import_statement"),
)

_C_VALUES = (
    "declaration field_declaration preproc_def preproc_function_def type_definition "
    "alias_declaration enumerator"
)
_C_CONTAINERS = (
    "translation_unit preproc_ifdef preproc_if preproc_else preproc_elif linkage_specification "
    "declaration_list field_declaration_list enumerator_list"
)

RULES: dict[str, Rules] = {
    "python": Rules(
        functions=_words("function_definition"),
        classes=_words("class_definition"),
        values=_words("expression_statement type_alias_statement"),
        containers=_words(
            "module block decorated_definition if_statement else_clause elif_clause try_statement "
            "except_clause finally_clause with_statement"
        ),
        imports=_words("import_statement import_from_statement"),
    ),
    "javascript": _ECMASCRIPT,
    "javascriptreact": _ECMASCRIPT,
    "typescript": _ECMASCRIPT,
    "typescriptreact": _ECMASCRIPT,
    "java": Rules(
        functions=_words(
            "method_declaration constructor_declaration compact_constructor_declaration "
            "annotation_type_element_declaration"
        ),
        classes=_words(
            "class_declaration interface_declaration enum_declaration record_declaration "
            "annotation_type_declaration"
        ),
        values=_words("field_declaration constant_declaration enum_constant"),
        containers=_words(
            "program class_body interface_body enum_body enum_body_declarations "
            "annotation_type_body"
        ),
        imports=_words("import_declaration"),
        comments=_words("line_comment block_comment"),
    ),
    "c": Rules(
        functions=_words("function_definition"),
        classes=_words("struct_specifier union_specifier enum_specifier"),
        values=_words(_C_VALUES),
        containers=_words(_C_CONTAINERS),
        imports=_words("preproc_include"),
    ),
    "cpp": Rules(
        functions=_words("function_definition"),
        classes=_words(
            "struct_specifier class_specifier union_specifier enum_specifier namespace_definition"
        ),
        values=_words(_C_VALUES + " concept_definition"),
        containers=_words(_C_CONTAINERS + " template_declaration"),
        imports=_words("preproc_include"),
    ),
    "csharp": Rules(
        functions=_words(
            "method_declaration constructor_declaration operator_declaration delegate_declaration "
            "indexer_declaration"
        ),
        classes=_words(
            "class_declaration interface_declaration struct_declaration enum_declaration "
            "record_declaration record_struct_declaration"
        ),
        values=_words(
            "field_declaration property_declaration event_field_declaration enum_member_declaration"
        ),
        containers=_words(
            "compilation_unit namespace_declaration file_scoped_namespace_declaration "
            "declaration_list enum_member_declaration_list preproc_if preproc_elif preproc_else"
        ),
        imports=_words("using_directive"),
    ),
    "php": Rules(
        functions=_words("function_definition method_declaration"),
        classes=_words(
            "class_declaration interface_declaration trait_declaration enum_declaration"
        ),
        values=_words("property_declaration const_declaration enum_case"),
        containers=_words(
            "program namespace_definition compound_statement declaration_list enum_declaration_list"
        ),
        imports=_words("namespace_use_declaration"),
    ),
    "shellscript": Rules(
        functions=_words("function_definition"),
        classes=frozenset(),
        values=_words("variable_assignment declaration_command"),
        containers=_words("program"),
        imports=_words("command"),
    ),
    "go": Rules(
        functions=_words("function_declaration method_declaration method_elem"),
        classes=_words("type_spec"),
        values=_words("const_spec var_spec field_declaration type_alias"),
        containers=_words(
            "source_file type_declaration const_declaration var_declaration var_spec_list "
            "struct_type interface_type field_declaration_list"
        ),
        imports=_words("import_declaration"),
    ),
    "rust": Rules(
        functions=_words("function_item function_signature_item macro_definition"),
        classes=_words("struct_item enum_item trait_item union_item impl_item mod_item"),
        values=_words("const_item static_item type_item field_declaration enum_variant"),
        containers=_words(
            "source_file declaration_list field_declaration_list enum_variant_list "
            "foreign_mod_item extern_block"
        ),
        imports=_words("use_declaration"),
        comments=_words("line_comment block_comment"),
    ),
}
