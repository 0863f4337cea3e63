"""tree-sitter: which grammar a language has, and parsed trees. Must not know LSP or engines."""
