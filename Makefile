# The three commands that work first in a fresh clone; each sets up .venv when that is needed.

BIN := .venv/bin

.PHONY: demo test setup lint types tests vscode pictures pictures-neovim test-neovim test-vscode test-emacs test-terminal-editors test-kate test-steps test-editors

demo: setup
	@$(BIN)/codellama-lsp demo

test: setup lint types tests

setup:
	@scripts/setup

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/python -m mypy

tests: setup
	@scripts/npm-ci || echo "The VS Code extension's own tests are skipped."
	$(BIN)/python -m pytest -q

# The VS Code extension with the server in it: editors/vscode/dist/codellama-lsp.vsix.
vscode:
	@scripts/package-vscode

# docs/images, made anew from a real Neovim and a real VS Code.
pictures: pictures-neovim
	scripts/install-vscode
	$(BIN)/python -m scripts.editor_pictures

pictures-neovim: setup
	scripts/install-neovim
	$(BIN)/python -m pip install --quiet pillow rich
	$(BIN)/python -m scripts.neovim_pictures

# Real editors; installed into a cache outside the repository (CODELLAMA_EDITORS_DIR moves it).
test-neovim: setup
	scripts/install-lua-tools
	scripts/install-neovim
	scripts/install-neighbours
	CODELLAMA_EDITORS_REQUIRED=neovim $(BIN)/python -m pytest -q tests/editors/test_neovim*.py

test-vscode: setup
	scripts/install-vscode
	CODELLAMA_EDITORS_REQUIRED=vscode $(BIN)/python -m pytest -q tests/editors/test_vscode*.py

test-emacs: setup
	scripts/install-emacs
	CODELLAMA_EDITORS_REQUIRED=emacs $(BIN)/python -m pytest -q tests/editors/test_emacs.py

test-terminal-editors: setup
	scripts/install-terminal-editors
	CODELLAMA_EDITORS_REQUIRED=terminal $(BIN)/python -m pytest -q tests/editors/test_terminal_editors.py

test-kate: setup
	scripts/install-kate
	CODELLAMA_EDITORS_REQUIRED=kate $(BIN)/python -m pytest -q tests/editors/test_kate.py

# The steps of the documentation as a stranger takes them.
test-steps: setup
	scripts/install-neovim
	CODELLAMA_EDITORS_REQUIRED=steps $(BIN)/python -m pytest -q tests/editors/test_steps.py

test-editors: test-steps test-terminal-editors test-kate test-neovim test-emacs test-vscode
