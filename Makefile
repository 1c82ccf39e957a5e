# Two commands for a newcomer: `make demo` and `make test`. Both install what they need into VENV.
#
#   make demo        the whole chain on a small task (arguments: DEMO_ARGS="--out runs/demo")
#   make test        the fast tests            make test-slow   the ones that learn
#   make lint        ruff, and mypy on what ships
#   make install     the environment in VENV, with the versions of constraints.txt
#   make system      the system libraries that rendering without a screen needs (Debian, Ubuntu)
#
# VENV=path uses another environment, PYTHON=python3.12 another interpreter for a new one.

VENV ?= .venv
PYTHON ?= python3
WORKERS ?= 2
DEMO_ARGS ?=
TEST_ARGS ?=

BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# The same list stands in envs/rendering.py, from where `tcn-robot doctor` names it.
SYSTEM_PACKAGES := libegl1 libgl1 libgl1-mesa-dri libglx-mesa0 libglib2.0-0
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
SOURCES := $(shell find tcn_robot envs policies recordings -type f ! -name '*.pyc')

.PHONY: help demo test test-slow lint format install system clean

help:
	@sed -n '3,9s/^# \{0,1\}//p' Makefile

demo: install
	$(BIN)/tcn-robot demo $(DEMO_ARGS)

# One thread per worker: two workers with two threads each are in each other's way.
test: install
	OMP_NUM_THREADS=1 $(BIN)/pytest -q -n $(WORKERS) --dist worksteal $(TEST_ARGS)

test-slow: install
	$(BIN)/pytest -q -m slow $(TEST_ARGS)

lint: install .typecheck/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	cd .typecheck && "$(abspath $(BIN))/mypy" --config-file ../pyproject.toml --cache-dir ../.mypy_cache -p tcn_robot

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@[ -x $(BIN)/python ] || $(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] < (3, 14))' || { \
	  echo "make: $(PYTHON) must be Python 3.10, 3.11, 3.12 or 3.13 (found: $$($(PYTHON) --version 2>&1)); name one: make PYTHON=python3.11"; exit 1; }
	@[ -x $(BIN)/python ] || $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "make: $(PYTHON) cannot make a virtual environment; first: $(SUDO) apt-get install -y python3-venv"; exit 1; }
	[ -x $(BIN)/python ] || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -c constraints.txt -e '.[dev]'
	@rm -rf tcn_robot.egg-info build
	@touch $@

# mypy resolves tcn_robot.envs only where the mapped folders are really installed below tcn_robot.
.typecheck/.installed: pyproject.toml $(SOURCES) | install
	rm -rf .typecheck build
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation --target .typecheck .
	rm -rf build tcn_robot.egg-info
	@touch $@

system:
	$(SUDO) apt-get update
	$(SUDO) apt-get install -y --no-install-recommends $(SYSTEM_PACKAGES)

clean:
	rm -rf .typecheck .mypy_cache .ruff_cache .pytest_cache .hypothesis build
