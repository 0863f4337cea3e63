"""``python -m codellama_lsp``, the same as the command ``codellama-lsp``."""

import sys

from codellama_lsp.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
