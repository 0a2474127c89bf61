# The two commands of this project, and what they are made of. This is the one place that
# names the checks: .ci/run calls `make test`, and so should you before you hand in a change.

PYTHON ?= python3
SEED ?= 1

install := .venv/bin/python -m pip install --disable-pip-version-check -c constraints.txt
torch_free := */neurodemon/errors.py,*/neurodemon/terms/*,*/neurodemon/graph/*,*/neurodemon/judge/*,*/neurodemon/book/*,*/neurodemon/store/*,*/neurodemon/report/*,*/neurodemon/planner/plan.py

.PHONY: help demo test test-all check browser models format clean
.NOTPARALLEL:

help: ## show what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' Makefile

demo: .venv/.demo ## a demon in each neuron of a small network: install, train, audit
	@rm -rf runs/demo # begun anew: one of an older version could not be gone on with
	.venv/bin/neurodemon audit digits --out runs/demo

test: skipped := --ignore=tests/long
test: check ## every check that a change must pass

test-all: check ## the same, and the long tests of tests/long

check: .venv/.test browser
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/deptry src
	.venv/bin/codespell
	.venv/bin/towncrier build --draft --version next >.venv/changelog.md
	.venv/bin/pytest -n 2 --randomly-seed=$(SEED) --cov --cov-fail-under=95 $(skipped)
	.venv/bin/coverage report --include='$(torch_free)' --fail-under=100

# tests/browser opens the report in the system's Chromium. Where it cannot be installed they are
# skipped, but for continuous integration, where they fail.
browser:
	@command -v chromium >/dev/null || { \
		test "$$(id -u)" = 0 && command -v apt-get >/dev/null && apt-get update -q && \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends chromium; } || \
		echo 'No chromium, and no right to install it: the tests of tests/browser are skipped.'

models: .venv/.test ## write the table of docs/models.md anew, some minutes
	PYTHONPATH=tests HF_HUB_OFFLINE=1 .venv/bin/python -m zoo.table

format: .venv/.test ## put the code into its form
	.venv/bin/ruff check --fix-only .
	.venv/bin/ruff format .

clean: ## remove .venv and what tools left behind; runs/ stays
	rm -rf .venv .coverage .coverage.* .hypothesis .import_linter_cache .mypy_cache .pytest_cache \
		.ruff_cache build dist
	find src tests examples benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

# Stamps: what is installed is installed again when pyproject.toml or the pins change.

.venv/.made:
	$(PYTHON) -m venv .venv
	touch $@

.venv/.demo: .venv/.made pyproject.toml constraints.txt
	@echo 'Installing, about a minute ...'
	@$(install) -q -e '.[data]'
	touch $@

.venv/.test: .venv/.made pyproject.toml constraints.txt
	$(install) -e '.[data,pandas,plot,text,typed,dev]'
	touch $@
