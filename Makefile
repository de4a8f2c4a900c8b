# Everything a contributor types. `make test` works on a bare Debian machine (root): it installs what it needs.
VENV ?= .venv
BIN := $(VENV)/bin
PYTHON ?= python3
PACKAGES := age python3-venv debootstrap iptables nftables openssh-client openssh-server docker-registry

.PHONY: help install packages roots check lint test demo bench format clean
help:  ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/'

install: $(BIN)/swarmnet  ## the tool and its development needs, in a virtual environment
$(BIN)/swarmnet: pyproject.toml
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || $(MAKE) --no-print-directory packages
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@

packages:
	@dpkg -s $(PACKAGES) >/dev/null 2>&1 || { apt-get update -qq && \
	  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(PACKAGES); }

roots: packages $(BIN)/swarmnet
	$(BIN)/swarmnet lab setup --yes

check: lint  ## lint, types, layers and the pure tests, under a minute
	$(BIN)/pytest -q -m 'not lab'

lint: $(BIN)/swarmnet  ## lint, types and layers
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

test: roots  ## every test, lab stories on real engines included, with branch coverage
	$(BIN)/pytest -q -n 2 --dist loadgroup --max-worker-restart 0 --cov --cov-report=term:skip-covered

demo: roots  ## the product in one go: lab, bootstrap, verify, backup, disaster, restore, verify
	$(BIN)/python -m tests.demo

bench: roots  ## swarmnet beside Ansible, the usual scripts and the raw API, as ratios
	$(BIN)/python -m pip install --quiet --editable '.[bench]'
	$(BIN)/python -m tests.bench

format: $(BIN)/swarmnet
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:  ## remove build products; labs stay, for they may be somebody else's (swarmnet lab down --all)
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
