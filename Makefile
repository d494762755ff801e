# Two commands do everything: `make up` runs the product, `make test` passes the tests.
PYTHON ?= python3
VENV ?= .venv
# Processes of the whole test suite: it mostly waits for servers. A file's tests stay together, in their order.
WORKERS ?= 3
ALL := --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder
BIN := $(VENV)/bin

.PHONY: up test check format bench faults clean

up: $(VENV)/installed
	@$(BIN)/sdot up $(ARGS)

test: $(VENV)/installed-test
	@$(BIN)/python -m pytest $(or $(ARGS),$(ALL))

check: $(VENV)/installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/installed-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/installed-test
	$(BIN)/python benchmarks/ingest.py $(ARGS)

# Longer outages than the tests have, some 40 minutes; its figures are in docs/reliability.md.
faults: $(VENV)/installed-test
	SDOT_TEST_FAULTS=long $(BIN)/python -m pytest tests/faults $(ARGS)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "sdot needs Python 3.11 or newer; call make PYTHON=python3.12 … with the one you have")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: pyproject.toml $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/installed-test: pyproject.toml $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	@touch $@ $(VENV)/installed

$(VENV)/installed-dev: pyproject.toml $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@ $(VENV)/installed-test $(VENV)/installed

clean:
	rm -rf $(VENV) dist .mypy_cache .ruff_cache .pytest_cache
