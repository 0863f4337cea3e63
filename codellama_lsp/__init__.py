"""A language server for Code Llama's infilling, run on the user's own machine."""

__version__ = "0.1.0"
