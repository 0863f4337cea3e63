# The three commands that work first in a fresh clone; each sets up .venv when that is needed.

BIN := .venv/bin

.PHONY: demo test setup lint types tests

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
	$(BIN)/python -m pytest -q
