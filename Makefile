# make demo, make test: all that is needed is Python 3.11 or newer (with venv), git and make.

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
BIN := .venv/bin
CURRENT := .venv/.current

.DEFAULT_GOAL := help
.PHONY: help demo bench bench-gpu test test-slow test-all test-gpu results calibration docs links lint format

help: ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(CURRENT): pyproject.toml
	@test -n "$(PYTHON)" || { echo "no Python 3.11 or newer found; name one: make PYTHON=/path/to/python3"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check -e ".[dev]"
	@touch $@

demo: $(CURRENT) ## simulate a small sky, train an MLP, a CNN and a GRU on it, compare (5 minutes)
	@$(BIN)/python scripts/demo.py

test test-slow test-all: export OMP_NUM_THREADS ?= 1# the tests' networks are too small for a second thread

test: $(CURRENT) ## the fast tests (8 minutes)
	$(BIN)/python -m pytest

test-slow: $(CURRENT) ## the slow tests alone
	$(BIN)/python -m pytest -m "slow and not gpu" || [ $$? -eq 5 ]

test-all: $(CURRENT) ## the fast and the slow tests (an hour)
	$(BIN)/python -m pytest -m "not gpu"

test-gpu: $(CURRENT) ## the tests that need a GPU
	$(BIN)/python -m pytest -m gpu || [ $$? -eq 5 ]

bench: $(CURRENT) ## race training, prediction, start-up, packing and sweeps against others (2 hours, 20 GB of disk)
	$(BIN)/python benchmarks/train.py --rivals
	for name in startup scale step pack_cutouts first_batch memory predict predict_memory sweep; do \
		$(BIN)/python benchmarks/$$name.py || exit 1; done

bench-quick: $(CURRENT) ## training beside a plain loop and the usual template (2 minutes)
	$(BIN)/python benchmarks/train.py --quick

bench-gpu: $(CURRENT) ## time training, feeding and scoring on a GPU (8 minutes, 24 GB of disk)
	$(BIN)/python benchmarks/gpu.py

results: $(CURRENT) ## train again what docs/results.md shows; the data are in $STARBOLT_DATA
	$(BIN)/python scripts/results.py

calibration: $(CURRENT) ## deal calibration and test rows ten times anew on the sets in $STARBOLT_DATA
	$(BIN)/python scripts/calibration.py

docs: $(CURRENT) ## build the site into build/site; STARBOLT_DOCS_EXECUTE=1 runs the notebooks too (half a minute without)
	$(BIN)/python -m sphinx -b html -W --keep-going -q -d build/doctrees docs build/site
	@echo build/site/index.html

links: $(CURRENT) ## see whether the outside links of the docs lead somewhere (needs a network)
	$(BIN)/python -m sphinx -b linkcheck -q -d build/doctrees docs build/links

lint: $(CURRENT) ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(CURRENT) ## put the style right
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
