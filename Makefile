# Needs Python 3.11 or newer, with pip and venv, and make; everything else is installed into .venv.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
JOBS   ?= 2
GPU_PYTHON ?= python3
GPU_ARGS   ?=

VENV := .venv
COVERAGE := build/coverage/env
CONSTRAINTS := constraints.txt
BIN  := $(VENV)/bin
PIP  := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint $(CONSTRAINTS)

.DEFAULT_GOAL := help
.PHONY: help demo test quick fuzz harm sweep coverage lint-sweep memory-report page-report ranks-report screenshots test-oldest test-gpu test-browser lint types format docs site bench bench-against house reports report-gpu clean

help: ## Show the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s  %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.core ## Install netscope and summarise AlexNet
	@$(BIN)/netscope summary alexnet --input 3x227x227

test: $(VENV)/.test ## Run the tests
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal -q

quick: $(VENV)/.test ## Run the quick tests of every folder, for the inner loop
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal -q --hypothesis-profile=few -m "not whole and not slow and not gpu and not browser"

fuzz: $(VENV)/.test ## Draw new cases for the property tests, without end (FUZZ_SECONDS, FUZZ_SEED, FUZZ_ARGS)
	$(BIN)/python -m tools.fuzz $(if $(FUZZ_SECONDS),--seconds $(FUZZ_SECONDS)) $(if $(FUZZ_SEED),--seed $(FUZZ_SEED)) \
		-n $(JOBS) --dist worksteal $(FUZZ_ARGS)

sweep: $(VENV)/.test ## Run the slow tests too: every network of the libraries
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal -q -m "not browser"

lint-sweep: $(VENV)/.test ## Lint every network of timm, into reports/lint.md
	$(BIN)/python -m tools.lint_sweep

memory-report: $(VENV)/.test ## Hold predictions of memory against torch, into reports/memory.md
	$(BIN)/python -m tools.memory_report $(MEMORY_ARGS)

page-report: $(VENV)/.browser ## Weigh and time pages in Chromium, into reports/pages.md (PAGE_ARGS="--peers FOLDER")
	$(BIN)/python -m tools.page_report $(PAGE_ARGS)

ranks-report: $(VENV)/.test ## Hold one rank of many against real processes, into reports/ranks.md
	$(BIN)/python -m tools.ranks_report

screenshots: $(VENV)/.browser ## Take the screenshots of docs/ (SHOT_ARGS="--all FOLDER" for every page to look at)
	$(BIN)/python -m tools.screenshots $(SHOT_ARGS)

test-oldest: build/oldest.txt ## Run the tests on the oldest torch of pyproject.toml, in build/oldest
	$(MAKE) test VENV=build/oldest CONSTRAINTS=build/oldest.txt

# All but torch, and what comes with it, is as it is pinned.
build/oldest.txt: constraints.txt
	@mkdir -p build
	sed -E '/^(torch|torchvision|triton|nvidia-.*|cuda-.*)==/d' $< > $@
	printf 'torch==2.11.*\ntorchvision==0.26.*\n' >> $@

# Packages with networks beside the torch of constraints.txt, never another one.
$(COVERAGE)/.coverage: tools/coverage/requirements.txt pyproject.toml constraints.txt
	$(MAKE) $(COVERAGE)/.test VENV=$(COVERAGE)
	$(COVERAGE)/bin/python -m pip --disable-pip-version-check install --quiet --constraint $(CONSTRAINTS) \
		--requirement $<
	@touch $@

# On a machine with a GPU torch is there already, and often no network: no virtual environment is made.
test-gpu: ## Run the tests that need a GPU, with GPU_PYTHON
	PYTHONPATH=. $(GPU_PYTHON) -m pytest -q -m gpu tests/gpu $(GPU_ARGS)

test-browser: $(VENV)/.browser ## Run the tests of pages in a real browser
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal -q -m browser tests/browser $(BROWSER_ARGS)

lint: $(VENV)/.dev ## Check style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev ## Check types
	$(BIN)/mypy

format: $(VENV)/.dev ## Format the code and mend what can be mended
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/.test $(VENV)/.docs ## Write what is generated of README.md and docs/ anew, and build the site
	$(BIN)/python -m tools.docs
	$(BIN)/python -m tools.site

site: $(VENV)/.docs ## Build the site of docs/ as it is, into build/site
	$(BIN)/python -m tools.site

harm: $(VENV)/.test ## Count what interrupts, threads, forks and traces harm (HARM_ARGS="interrupts --count 500")
	$(BIN)/python -m tools.harm $(HARM_ARGS)

coverage: $(COVERAGE)/.coverage ## Ask every network of all libraries, into reports/coverage.md (COVERAGE_ARGS="--only 'timm/*'")
	$(COVERAGE)/bin/python -m tools.coverage --jobs $(JOBS) $(COVERAGE_ARGS)

bench: $(VENV)/.test ## Measure speed, memory and agreement, into reports/benchmark.md
	$(BIN)/python -m bench

bench-against: $(VENV)/.test ## Compare the speed with another checkout's (TREE, BENCH_ARGS)
	$(BIN)/python -m bench.against $(TREE) $(BENCH_ARGS)

house: $(VENV)/.core ## Print the house in figures: folders, imports, circles (AGAINST=another checkout)
	$(BIN)/python -m tools.house $(if $(AGAINST),--against $(AGAINST)) $(HOUSE_ARGS)

reports: docs ## Write anew whatever netscope says of itself and does not measure
	$(BIN)/python -m tools.reports

report-gpu: ## Measure on a GPU, with GPU_PYTHON, into reports/h200.md and .json
	PYTHONPATH=. $(GPU_PYTHON) -m tools.gpu_report $(GPU_ARGS)

clean: ## Remove what the targets made
	rm -rf $(VENV) build dist *.egg-info .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis

# A stamp each for what an extra needs. The larger ones contain the smaller.

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit("netscope needs Python 3.11 or newer") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.core: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "installing netscope (torch takes a minute)"
	$(PIP) --editable .
	@touch $@

$(VENV)/.test: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "installing netscope and what its tests need (torch takes a minute)"
	$(PIP) --editable '.[test]'
	@touch $(VENV)/.core $@

# Chromium is no Python package: the system's is taken, and asked for where that can be done.
$(VENV)/.browser: pyproject.toml constraints.txt | $(VENV)/bin/python
	@$(BIN)/python -m tools.chromium
	@echo "installing netscope and what the tests of its pages need (torch takes a minute)"
	$(PIP) --editable '.[browser]'
	@touch $(VENV)/.core $(VENV)/.test $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "installing netscope and what developing it needs (torch takes a minute)"
	$(PIP) --editable '.[dev]'
	@touch $(VENV)/.core $(VENV)/.test $@

$(VENV)/.docs: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "installing netscope and what its site needs (torch takes a minute)"
	$(PIP) --editable '.[docs]'
	@touch $(VENV)/.core $@
