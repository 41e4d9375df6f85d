# Every target sets up .venv by itself, with the versions of constraints.txt, and reuses it.
.DEFAULT_GOAL := help

# The first Python that really runs, is new enough and can make a virtual environment.
PYTHON ?= $(shell for python in python3.13 python3.12 python3.11 python3; do \
	$$python -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 \
	&& echo $$python && break; done)
EXTRAS ?= plots,rf,cluster,tune,vision,lab,docs,dev
BIN := .venv/bin
STAMP := .venv/.installed

export PIP_CONSTRAINT := constraints.txt
export PIP_BUILD_CONSTRAINT := constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1

.PHONY: help demo test test-all lint bench docs clean

help: ## List the targets.
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' Makefile | while IFS='|' read -r target text; do \
		printf '%-10s %s\n' "$$target" "$$text"; done

demo: $(STAMP) ## Run the whole loop on a small stack: design, calibrate, estimate directions.
	$(BIN)/metastack demo

test: $(STAMP) ## Run the tests, without the slow ones.
	$(BIN)/python -m pytest

test-all: $(STAMP) ## Run every test, the slow ones too.
	$(BIN)/python -m pytest -m ''

lint: $(STAMP) ## Check style, formatting and types.
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright --pythonpath $(BIN)/python

bench: $(STAMP) ## Run the benchmarks and print their ratios.
	$(BIN)/python -m benchmarks

docs: $(STAMP) ## Build the documentation site in build/site, and check it.
	$(BIN)/python -m docs.builder

clean: ## Remove .venv, caches, builds and what the demo wrote.
	rm -rf .venv build dist metastack-demo .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(STAMP): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { \
		echo 'make: `PYTHON` must be Python 3.11 or newer with venv, but none was found.' >&2; exit 2; }
	@test -x $(BIN)/pip || { echo 'Creating .venv'; $(PYTHON) -m venv --clear .venv; }
	@echo 'Installing metastack[$(EXTRAS)] into .venv'
	@$(BIN)/python -m pip install -qq --editable '.[$(EXTRAS)]'
	@touch $@
