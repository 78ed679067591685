# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0

# The first Python here that the locked packages run on; name another with `make PYTHON=...`.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null && echo $$p && exit; done; echo python3)
ARGS ?=
BIN := .venv/bin
# Our folders come first on the path: `tests` and `docs` are names of strangers' packages too.
RUN := PATH="$(CURDIR)/$(BIN):$$PATH" PYTHONPATH="$(CURDIR)"
PYTEST := $(RUN) $(BIN)/pytest -q --no-header --durations=10 -o faulthandler_timeout=600

.PHONY: help setup demo test test-code test-contracts test-fuzz nightly bench lint fmt hooks clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## install everything into the checkout (the other targets do it by themselves)
	@$(PYTHON) .ci/bootstrap.py

demo: setup ## the whole product on this machine; ARGS="--help" tells the options
	@$(RUN) $(BIN)/greencore demo $(ARGS)

test: setup ## all tests, contracts included; the contracts' lanes run beside the code's
	@MAKE="$(MAKE)" $(PYTHON) .ci/lanes.py $(ARGS)

test-code: setup ## house rules, unit, integration and flow tests
	$(PYTEST) -p no:ape_test -p no:boa_test --ignore=tests/contracts tests $(ARGS)

test-contracts: setup ## contracts in Ape: unit tests and scenarios
	$(PYTEST) -p no:boa_test tests/contracts/unit tests/contracts/flows $(ARGS)

test-fuzz: setup ## contracts in titanoboa: properties, stateful models, gas
	$(PYTEST) -p no:ape_test tests/contracts/fuzz $(ARGS)

nightly: setup ## what takes longer than a pull request should wait: long random runs, 100,000 contract operations
	$(PYTEST) -p no:ape_test -p no:boa_test -m nightly --ignore=tests/contracts tests $(ARGS)
	GREENCORE_HYPOTHESIS=nightly $(PYTEST) -p no:ape_test tests/contracts/fuzz $(ARGS)

bench: setup ## one measurement: make bench BENCH=gas
	@$(RUN) $(BIN)/python -m bench $(BENCH) $(ARGS)

lint: setup ## format, lint, types, import rules, licence headers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(RUN) $(BIN)/lint-imports
	$(BIN)/reuse lint --quiet

fmt: setup ## format and mend what can be mended
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

hooks: setup ## run the quick checks before every commit
	$(BIN)/pre-commit install

clean: ## remove what make installed and measured here, not the demo's data
	rm -rf .venv node_modules .make .build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
