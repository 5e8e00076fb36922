# The two commands of a fresh machine: make run, make test.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

.PHONY: run test test-slow lint translations screenshots venv-run venv-dev clean

run: venv-run
	@$(PYTHON) scripts/system_libraries.py
	@$(BIN)/python -m ferdesk

test: venv-dev lint
	@$(PYTHON) scripts/system_libraries.py
	QT_QPA_PLATFORM=offscreen $(BIN)/python -m pytest -m "not slow and not gpu and not camera and not bundle"

test-slow: venv-dev
	QT_QPA_PLATFORM=offscreen $(BIN)/python -m pytest -m "slow" --timeout 600

lint: venv-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# the texts of the window, collected for translators and compiled for Qt; see docs/translating.md
translations: venv-dev
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python scripts/translations.py

# every page and dialog in both themes and at two sizes, from the demo; the pictures of the docs
screenshots: venv-dev
	QT_QPA_PLATFORM=offscreen $(BIN)/python scripts/screenshots.py --docs

venv-run: $(VENV)/.run
venv-dev: $(VENV)/.dev

$(VENV)/.run: pyproject.toml constraints.txt
	@$(PYTHON) scripts/check_python.py
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q -c constraints.txt -e .
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt
	@$(PYTHON) scripts/check_python.py
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[dev]'
	@touch $(VENV)/.run $@

clean:
	rm -rf .venv out build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
