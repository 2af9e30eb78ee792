# Every target makes what it needs first: the virtual environment, the packages, the database.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SOURCES := fvg_platform fvg_platform_tests benchmarks

.DEFAULT_GOAL := help
.PHONY: help demo up test test-long soak lint bench lock clean

help:  ## what there is to make
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

# pip checks every package against the hashes in the lock; --no-deps because the lock is complete.
$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name it: make PYTHON=python3.11")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: $(STAMP)  ## real bars to today's signals, through Dagster, into Postgres; prints the report
	@$(BIN)/fvg demo

up: $(STAMP)  ## Postgres and Dagster's UI on http://127.0.0.1:3000, until Ctrl-C
	@exec $(BIN)/fvg up

test: $(STAMP) lint  ## lint, types and the test suite
	$(BIN)/python -m pytest -m "not long" -n 2 --dist loadfile --no-loadscope-reorder

test-long: $(STAMP)  ## the five longest tests, which every build runs too
	$(BIN)/python -m pytest -m long -n 2 --dist load

soak: $(STAMP)  ## the long campaign against the vendor's look-alike: faulty answers, kills; minutes
	$(BIN)/python -W ignore -m fvg_platform_tests.soak

lint: $(STAMP)  ## format, lint, types, who may import whom
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(STAMP)  ## side-by-side measurements, printed as tables
	$(BIN)/python -m benchmarks

lock:  ## resolve the dependencies anew (needs uv)
	uv pip compile pyproject.toml --all-extras --generate-hashes --no-strip-extras --no-header --python-version 3.11 --output-file requirements.lock

clean:  ## remove the database, the environment and everything that was computed
	@if [ -x $(BIN)/fvg ]; then $(BIN)/fvg db delete --yes || true; fi
	rm -rf $(VENV) .fvg build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
