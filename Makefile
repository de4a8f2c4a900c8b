# Everything a contributor types. Python comes from a virtual environment that is made when missing.
VENV ?= .venv
BIN := $(VENV)/bin
PYTHON ?= python3

.PHONY: check format
$(BIN)/swarmnet: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

check: $(BIN)/swarmnet  ## lint, types, layers and the pure tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/pytest -q -m 'not lab'

format: $(BIN)/swarmnet
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
