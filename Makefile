# Everything runs from .venv; a fresh machine needs Python >= 3.11 and make, nothing else.
SHELL := /bin/sh
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
# the environment's own Python once it is there, else the first one that is new enough
PYTHON ?= $(shell for p in $(BIN)/python python3 python3.14 python3.13 python3.12 python3.11 python; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$p" && break; done)
SETUP = $(if $(PYTHON),$(PYTHON),$(error Python 3.11 or newer is needed and was not found)) scripts/setup_env.py
PYTEST_ARGS ?=
# 2 take half the time on two cores; a few tests measure time, and fail now and then beside others
TEST_PROCESSES ?= 0
UP_ARGS ?=
SIMULATE_ARGS ?=

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

# ------------------------------------------------------------------ running

.PHONY: up
up: setup ## everything a fresh machine needs, then `caldera up` (UP_ARGS=…)
	@$(BIN)/python scripts/artifacts.py fresh || $(MAKE) contracts
	@$(BIN)/caldera up $(UP_ARGS)

.PHONY: setup
setup: ## .venv with what the program needs
	@$(SETUP) runtime

.PHONY: setup-dev
setup-dev: ## .venv with what tests and linters need too
	@$(SETUP) dev

# ------------------------------------------------------------------ checking

.PHONY: test
test: setup-dev test-tools contracts-deps contracts-test ## everything a fresh machine needs, then all tests (PYTEST_ARGS=…)
	@$(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist loadfile $(PYTEST_ARGS)

.PHONY: test-tools
test-tools: setup-dev ## what some tests need beside Python (PostgreSQL, Docker, op-geth …), where it may be brought
	@scripts/test-tools

.PHONY: test-unit
test-unit: setup-dev ## tests that start nothing
	@$(BIN)/python -m pytest tests/unit $(PYTEST_ARGS)

MESSAGES ?= 10000
SEED ?= $(shell od -An -N4 -tu4 /dev/urandom | tr -d ' ')
.PHONY: test-faults
test-faults: setup-dev ## random schedules of faults (MESSAGES=…, SEED=… repeats one)
	@echo "seed $(SEED), $(MESSAGES) messages"
	@CALDERA_FAULT_SEED=$(SEED) CALDERA_FAULT_MESSAGES=$(MESSAGES) $(BIN)/python -m pytest -q \
		tests/integration/metalayer/test_schedules.py $(PYTEST_ARGS)

.PHONY: test-matrix
test-matrix: setup-dev ## every framework × engine × data availability × proof system × gas token, not in pairs only
	@CALDERA_MATRIX=all $(BIN)/python -m pytest -q tests/e2e/test_matrix.py $(PYTEST_ARGS)

.PHONY: lint
lint: setup-dev ## ruff, its formatter, and the import rules
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports

.PHONY: fmt
fmt: setup-dev ## format and fix what can be fixed
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

.PHONY: types
types: setup-dev ## mypy, strict
	@$(BIN)/mypy

.PHONY: ci
ci: ## all that must hold before a change lands, each part timed
	@.ci/run

# ------------------------------------------------------------------ contracts

contracts/node_modules/.package-lock.json: contracts/package-lock.json contracts/package.json
	@scripts/npm --prefix contracts ci --loglevel=error
	@touch $@

.PHONY: contracts-deps
contracts-deps: setup contracts/node_modules/.package-lock.json ## forge, compiler and libraries, from registry packages

.PHONY: contracts
contracts: setup contracts-deps ## build, write contracts/artifacts, bake contracts/genesis
	@$(BIN)/python scripts/artifacts.py write
	@$(BIN)/python scripts/bake.py write

.PHONY: contracts-test
contracts-test: contracts-deps ## Foundry's unit, fuzz and invariant tests
	@scripts/forge test

.PHONY: contracts-check
contracts-check: contracts-deps ## rebuild from nothing, bake twice, compare with what is committed
	@$(BIN)/python scripts/artifacts.py check
	@$(BIN)/python scripts/bake.py check

# ------------------------------------------------------------------ measuring and shipping

.PHONY: bench
bench: setup-dev ## every figure as a ratio to bare nodes; benchmarks/results.json and a table
	@$(BIN)/python -m benchmarks.run --out benchmarks/results.json

.PHONY: bench-smoke
bench-smoke: setup-dev ## the ratios that are held in CI
	@$(BIN)/python -m benchmarks.run --smoke --check

.PHONY: simulate
simulate: setup-dev ## an epoch over many rollups and guardians, without a network (SIMULATE_ARGS="--rollups 1000 --shards 10")
	@$(BIN)/python -m benchmarks.simulation $(SIMULATE_ARGS)

.PHONY: wheel
wheel: setup-dev ## dist/*.whl, with templates, artifacts and genesis inside
	@$(BIN)/python -m build --wheel --no-isolation

.PHONY: lock
lock: setup-dev ## resolve requirements/*.lock anew
	@for level in runtime dev bootstrap go; do scripts/lock "$$level" || exit; done

.PHONY: clean
clean: ## builds and caches (.venv too: make clean-all)
	@rm -rf dist build contracts/out contracts/cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find caldera_cli control_plane tests scripts -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

.PHONY: clean-all
clean-all: clean ## clean, and the environments too
	@rm -rf $(VENV) contracts/node_modules
