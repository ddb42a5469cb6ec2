# lab: open the lessons · test: run every test and every lesson · the rest: see `make help`
PYTHON ?= python3
BIN := .venv/bin

# GNU OpenMP's threads spin while they wait, which costs nothing on an idle machine and most of the
# time on a busy one. Read when torch is imported, so it has to be here and not in a cell.
export GOMP_SPINCOUNT ?= 2000

# The C library of Linux keeps pieces of up to 32 MB when they are freed, among others in use; with
# a fixed limit it gives the large ones back, and a lesson's peak is lower.
export MALLOC_MMAP_THRESHOLD_ ?= 5242880
export MALLOC_TRIM_THRESHOLD_ ?= 67108864

.PHONY: help install install-test install-site lab site read check quick test test-offline test-oldest test-newest lint format lock notebooks figures train wheel bench bench-full publish colab-check clean

help:
	@echo "To learn and to teach"
	@echo "  make lab           open the lessons in JupyterLab"
	@echo "  make read          open the lessons as pages, every slider alive without a kernel"
	@echo "To change something"
	@echo "  make check         lint and the quick tests, in about a minute"
	@echo "  make test          every test, and every lesson and its solutions under nbval"
	@echo "  make format        let ruff format the code and the notebooks"
	@echo "  make notebooks     run every lesson again, write the solutions, store all outputs"
	@echo "  make figures       draw the README's pictures again"
	@echo "To maintain it"
	@echo "  make lint          ruff, for code and notebooks; pip-audit, for the requirements"
	@echo "  make lock          resolve requirements.txt into requirements.lock, with hashes"
	@echo "  make test-offline  make test without network or data, on the stand-ins"
	@echo "  make test-oldest   make test with the oldest versions allowed; make test-newest"
	@echo "  make colab-check   run every lesson in an environment with Colab's versions"
	@echo "  make site          build the pages into site/; needs Node 20 or newer"
	@echo "  make wheel         build the package into dist/"
	@echo "  make train         train every pretrained model again; takes hours"
	@echo "  make bench         compare speed with the alternatives; make bench-full for an hour"
	@echo "  make publish       write the repository's address everywhere: REPO=owner/name"
	@echo "  make clean         remove .venv and whatever else make has made"

install:
	@$(PYTHON) tools/install.py

install-test:
	@$(PYTHON) tools/install.py requirements-test.txt

# What `make site` needs.
install-site:
	@$(PYTHON) tools/install.py requirements-test.txt requirements-site.txt

# Jupyter asks root to confirm, since whoever reaches a notebook can do what its user can.
lab: install
	@echo "Opening JupyterLab at notebooks/; stop it with Ctrl-C."
	@if [ "$$(id -u)" = 0 ]; then root=--allow-root; echo "You are root: so is every cell that you run."; fi; \
	    $(BIN)/python -m jupyterlab $$root --LabApp.default_url=/lab/tree/notebooks

site: install-site
	@$(BIN)/python -m web

read: site
	@$(BIN)/python -m web.read

# As many processes as cores, so one thread each. A file's tests stay together, in conftest's order.
PYTEST = OMP_NUM_THREADS=1 $(BIN)/python -m pytest
PARALLEL := --numprocesses auto --maxprocesses 8 --dist loadfile --no-loadscope-reorder

# The audit mostly waits for its answers, so the tests need not wait for it.
check: install-test
	@$(MAKE) --no-print-directory --jobs 2 lint quick

quick: install-test
	@$(PYTEST) $(PARALLEL) --dist worksteal -m "not slow" tests

test: install-test
	@echo "Running every test, and every lesson under nbval."
	@$(PYTEST) $(PARALLEL)

# With an empty cache and a proxy that nobody answers, there is no network for the lessons.
NOBODY := http://127.0.0.1:9
OFFLINE := http_proxy=$(NOBODY) https_proxy=$(NOBODY) HTTP_PROXY=$(NOBODY) HTTPS_PROXY=$(NOBODY) \
    no_proxy=127.0.0.1,localhost NO_PROXY=127.0.0.1,localhost

test-offline: install-test
	@echo "Running the same with no network and no data: the lessons use their stand-ins."
	@cache=$$(mktemp -d) && trap 'rm -rf "$$cache"' EXIT && \
	    env -u AETUTOR_DATA XDG_CACHE_HOME="$$cache" $(OFFLINE) $(PYTEST) $(PARALLEL)

# The ends of the ranges in pyproject.toml, resolved anew each time; of the test's own tools, what
# is newest. The oldest versions have no wheels for newer Pythons than 3.11.
TOOLS = ipykernel jupyterlab $(shell sed -n 's/==.*//p' requirements-test.txt)

test-oldest:
	@$(PYTHON) -c "import sys; sys.version_info[:2] == (3, 11) or sys.exit('test-oldest needs Python 3.11: make test-oldest PYTHON=python3.11')"
	@echo "Installing the oldest versions into .venv-oldest: 2-3 GB."
	@$(PYTHON) -m venv --clear .venv-oldest
	@.venv-oldest/bin/python -m pip install --quiet --disable-pip-version-check uv
	@.venv-oldest/bin/uv pip install --quiet --python .venv-oldest --resolution lowest-direct --editable .
	@.venv-oldest/bin/uv pip install --quiet --python .venv-oldest $(TOOLS)
	@.venv-oldest/bin/python -m pytest

test-newest:
	@echo "Installing the newest versions into .venv-newest: 2-3 GB."
	@$(PYTHON) -m venv --clear .venv-newest
	@.venv-newest/bin/python -m pip install --quiet --disable-pip-version-check --editable . $(TOOLS)
	@.venv-newest/bin/python -m pytest

lint: install-test
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/python tests/audit.py

format: install-test
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

# For every system and Python at once; versions in the lock stay as they are where they still fit.
lock:
	@test -x $(BIN)/uv || $(PYTHON) tools/install.py
	@$(BIN)/uv pip compile $(wildcard requirements*.txt) --universal --python-version 3.11 \
	    --generate-hashes --quiet --custom-compile-command "make lock" \
	    --output-file requirements.lock

notebooks: install-test
	@$(BIN)/python tools/run.py
	@$(BIN)/python tools/solve.py
	@$(BIN)/python tools/run.py notebooks/solutions/*.ipynb

figures: install
	@$(BIN)/python tools/figures.py
	@$(BIN)/python tools/morph.py

train: install
	@$(BIN)/python -m aetutor train all --to aetutor/weights

wheel: install
	@rm -rf build/lib
	@$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .

bench: install-test
	@echo "Measuring, for some minutes; leave the machine alone meanwhile."
	@TQDM_DISABLE=1 $(BIN)/python -m benchmarks

bench-full: install-test
	@echo "Measuring, for an hour or so; leave the machine alone meanwhile."
	@TQDM_DISABLE=1 $(BIN)/python -m benchmarks --full

publish: install
	@$(BIN)/python tools/publish.py $(REPO)

colab-check: .venv-colab/installed
	@echo "Running every lesson with Colab's versions, in an empty folder."
	@.venv-colab/bin/python tests/colab_check.py

clean:
	rm -rf .venv .venv-* build dist site web/node_modules

# Exact versions, all of them: what Colab has, and nothing of ours.
.venv-colab/installed: tests/colab-constraints.txt
	@echo "Installing Colab's versions into .venv-colab: a download of 2-3 GB; some minutes, once."
	@$(PYTHON) -m venv .venv-colab
	@.venv-colab/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@
