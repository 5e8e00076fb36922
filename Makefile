# The two commands of a fresh machine: make run, make test.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
# tests at a time; a file's tests stay together
TEST_JOBS ?= 2

.PHONY: run test test-slow test-bundle test-lowest test-pythons faults fuzz mutants lint translations screenshots icons sums docs dist package package-check deb venv-run venv-dev clean

run: venv-run
	@$(PYTHON) scripts/system_libraries.py
	@$(BIN)/python -m ferdesk

test: venv-dev lint
	@$(PYTHON) scripts/system_libraries.py
	QT_QPA_PLATFORM=offscreen $(BIN)/python -m pytest -n $(TEST_JOBS) --dist loadfile -m "not slow and not gpu and not camera and not bundle"

test-slow: venv-dev
	QT_QPA_PLATFORM=offscreen $(BIN)/python -m pytest -m "slow" --timeout 600

# the lower bounds of pyproject.toml, each really installed; a quarter of an hour
test-lowest: venv-dev
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[versions]'
	$(BIN)/python scripts/try_versions.py lowest

# Python 3.12 and 3.13, where they are on this machine
test-pythons: venv-dev
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[versions]'
	$(BIN)/python scripts/try_versions.py pythons

# what the world does to a recording, done on purpose; half an hour. FAULTS="kills --kills 10"
faults: venv-dev
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[faults]'
	PYTHONPATH=. QT_QPA_PLATFORM=offscreen $(BIN)/python scripts/faults.py $(FAULTS)

# damaged files of every kind, each in a process of its own. FUZZ="--minutes 30 --seed 7"
fuzz: venv-dev
	PYTHONPATH=. QT_QPA_PLATFORM=offscreen $(BIN)/python scripts/fuzz.py $(FUZZ)

# how many faults put into the code on purpose the tests notice, from a sample; an hour or so
mutants: venv-dev
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[mutation]'
	QT_QPA_PLATFORM=offscreen $(BIN)/python scripts/mutants.py

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

# the documentation as a site, in site/; a warning fails it
docs: venv-dev
	@# not --quiet: that keeps --strict from counting warnings
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

# after a network in assets was changed on purpose
sums:
	cd assets/models && sha256sum *.onnx > SHA256SUMS
	cd assets/detectors && sha256sum *.onnx > SHA256SUMS
	cd assets/landmarks && sha256sum *.onnx *.npz > SHA256SUMS

# the program's icon in the forms of the three systems
icons: venv-dev
	$(BIN)/python scripts/app_icon.py

# wheel and source archive, as they would be uploaded
dist: venv-dev
	rm -rf dist/*.whl dist/*.tar.gz
	$(BIN)/python -m hatchling build -d dist
	$(BIN)/python -m twine check --strict dist/*.whl dist/*.tar.gz

# the packaged program, built from an environment of its own; KIND=cuda takes CUDA's libraries along
KIND ?= cpu
PACKAGE_VENV ?= $(abspath $(VENV))-package-$(KIND)
package:
	@$(PYTHON) scripts/check_python.py
	$(PYTHON) packaging/environment.py $(PACKAGE_VENV) $(KIND)
	$(PACKAGE_VENV)/bin/python packaging/build.py

# the built program, copied elsewhere, without Python and without a network
package-check:
	$(PYTHON) packaging/check.py

# for Debian and Ubuntu, from what make package built
deb:
	$(PACKAGE_VENV)/bin/python packaging/deb.py

# builds what is handed out and tries it; takes minutes and registries
test-bundle: venv-dev
	QT_QPA_PLATFORM=offscreen $(BIN)/python -m pytest -m bundle --timeout 1800

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
	rm -rf .venv .venv-package-* out build dist site .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
