# Everything a contributor types. `make test` works on a bare Debian machine (root): it installs what it needs.
VENV ?= .venv
BIN := $(VENV)/bin
PYTHON ?= python3
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# pip compiles what it installs; an editable package is compiled at its first run, and never where that may not write.
COMPILE := $(BIN)/python -m compileall -q swarmnet
PIN := pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
  pyproject.toml .ci/build.in --output-file
# Lab tests wait for engines two thirds of the time: three workers keep two processors busy.
ALL_TESTS := -q -n 3 --dist loadgroup --no-loadscope-reorder --max-worker-restart 0 --group-seconds
# The workers share the tests that pytest has rewritten, also where the machine tells Python to keep nothing of that kind.
export PYTHONDONTWRITEBYTECODE :=
PACKAGES := age cron faketime git jq python3-venv debootstrap iptables nftables openssh-client openssh-server docker-registry systemd

.PHONY: help install dev packages roots check lint test coverage soak demo bench lowest pins docs format clean
help:  ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/'

# Every package comes in the version and with the hash that .ci/*.txt names; `make pins` renews them.
install: $(VENV)/installed  ## swarmnet in a virtual environment, ready to use
$(VENV)/installed: pyproject.toml .ci/runtime.txt | $(BIN)/python
	@echo "installing swarmnet and what it needs into $(VENV): about half a minute"
	@$(PIP) --require-hashes -r .ci/runtime.txt
	@$(PIP) --no-deps --no-build-isolation --editable .
	@$(COMPILE)
	@touch $@
	@echo "ready: type '. $(BIN)/activate', then 'swarmnet --help'"

dev: $(VENV)/developed  ## the same with what lints and tests it
$(VENV)/developed: pyproject.toml .ci/dev.txt .ci/rclone.txt | $(BIN)/python
	@echo "installing swarmnet and its development tools into $(VENV): about a minute"
	@$(PIP) --require-hashes -r .ci/dev.txt
	@$(PIP) --require-hashes --no-deps --upgrade --target $(VENV)/rclone -r .ci/rclone.txt
	@$(PIP) --no-deps --no-build-isolation --editable .
	@$(COMPILE)
	@touch $@ $(VENV)/installed

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "swarmnet needs Python 3.11 or newer: try 'make $(MAKECMDGOALS) PYTHON=python3.12'" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || $(MAKE) --no-print-directory packages
	@$(PYTHON) -m venv $(VENV)

packages:
	@dpkg -s $(PACKAGES) >/dev/null 2>&1 || { apt-get update -qq && \
	  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(PACKAGES); }

roots: packages dev
	$(BIN)/swarmnet lab setup --yes

check: lint  ## lint, types, layers, bounded fuzzers and the pure tests, under 90 seconds
	$(BIN)/pytest -q -m 'not lab' -n auto

lint: dev  ## lint, types and layers
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

test: roots  ## every test, lab stories on real engines included
	$(BIN)/pytest $(ALL_TESTS)

coverage: roots  ## the same with branch coverage, which takes half as long again
	$(BIN)/pytest $(ALL_TESTS) --cov --cov-report=term:skip-covered

soak: roots  ## laws with many more inputs, and stories of hours on real engines; not part of the tests
	$(BIN)/pytest -q tests/soak/soak_*.py -o faulthandler_timeout=7300
	HYPOTHESIS_PROFILE=soak $(BIN)/pytest -q -m 'not lab' --timeout 7200 -o faulthandler_timeout=7300

demo: roots  ## the whole product in one run: lab, bootstrap, verify, backup, disaster, restore, verify
	$(BIN)/python -m tests.demo

bench: roots  ## swarmnet against Ansible, the usual scripts and the raw API, as ratios
	$(PIP) --editable '.[bench]'
	$(BIN)/python -m tests.bench

lowest: dev  ## the pure tests with the oldest dependencies that pyproject.toml admits, in an environment of their own
	$(PIP) uv
	$(PYTHON) -m venv --clear build/lowest
	$(BIN)/uv pip install --quiet --python build/lowest/bin/python --resolution lowest-direct .
	$(BIN)/uv pip freeze --python build/lowest/bin/python --exclude-editable | grep -v '^swarmnet' > build/lowest.txt
	$(BIN)/uv pip install --quiet --python build/lowest/bin/python --constraint build/lowest.txt --editable '.[dev]'
	build/lowest/bin/pytest -q -m 'not lab'

pins: dev  ## pin the newest versions of all dependencies, with hashes
	$(PIP) uv
	$(BIN)/uv $(PIN) .ci/runtime.txt
	$(BIN)/uv $(PIN) .ci/dev.txt --extra dev

docs: dev  ## write docs/reference from the code
	$(BIN)/python -m tests.docs.generate

format: dev  ## fix what the formatter and the linter can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:  ## remove build products; labs stay, since they may belong to someone else (swarmnet lab down --all)
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
