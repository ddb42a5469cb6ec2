# lab: open the lessons · test: run every test and every lesson · the rest: see `make help`
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help lab test test-offline test-oldest test-newest lint format notebooks train bench bench-full publish colab-check clean

help:
	@echo "make lab          open the lessons in JupyterLab"
	@echo "make test         run every test, and every lesson under nbval"
	@echo "make test-oldest  the same with the oldest versions allowed; make test-newest"
	@echo "make test-offline the same without network or data, on the stand-ins"
	@echo "make lint         ruff, for code and notebooks; pip-audit, for the requirements"
	@echo "make notebooks    run every lesson again, write the solutions, store all outputs"
	@echo "make train        train every shipped model and record again, for hours"
	@echo "make bench        measure speed side by side; make bench-full for an hour"
	@echo "make publish      write the repository's address everywhere: REPO=owner/name"
	@echo "make colab-check  run every lesson in an environment with Colab's versions"
	@echo "make clean        remove .venv and its like"

lab: .venv/installed
	@echo "Opening JupyterLab at notebooks/; stop it with Ctrl-C."
	@$(BIN)/jupyter lab --LabApp.default_url=/lab/tree/notebooks

test: .venv/installed
	@echo "Running every test, and every lesson under nbval: some ten minutes."
	@$(BIN)/python -m pytest

# With an empty cache and a proxy that nobody answers, there is no network for the lessons.
NOBODY := http://127.0.0.1:9
OFFLINE := http_proxy=$(NOBODY) https_proxy=$(NOBODY) HTTP_PROXY=$(NOBODY) HTTPS_PROXY=$(NOBODY) \
    no_proxy=127.0.0.1,localhost NO_PROXY=127.0.0.1,localhost

test-offline: .venv/installed
	@echo "Running the same with no network and no data: the lessons use their stand-ins."
	@cache=$$(mktemp -d) && trap 'rm -rf "$$cache"' EXIT && \
	    env -u AETUTOR_DATA XDG_CACHE_HOME="$$cache" $(OFFLINE) $(BIN)/python -m pytest

# The ends of the ranges in pyproject.toml, resolved anew each time; of the test's own tools, what
# is newest. The oldest versions have no wheels for newer Pythons than 3.11.
TOOLS := ipykernel jupyterlab nbclient nbformat nbval playwright pytest

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

lint: .venv/installed
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/python tests/audit.py

format: .venv/installed
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

notebooks: .venv/installed
	@$(BIN)/python tools/run.py
	@$(BIN)/python tools/solve.py
	@$(BIN)/python tools/run.py notebooks/solutions/*.ipynb

train: .venv/installed
	@$(BIN)/python -m aetutor train all --to aetutor/weights

bench: .venv/installed
	@echo "Measuring, for some minutes; leave the machine alone meanwhile."
	@TQDM_DISABLE=1 $(BIN)/python -m benchmarks

bench-full: .venv/installed
	@echo "Measuring, for an hour or so; leave the machine alone meanwhile."
	@TQDM_DISABLE=1 $(BIN)/python -m benchmarks --full

publish: .venv/installed
	@$(BIN)/python tools/publish.py $(REPO)

colab-check: .venv-colab/installed
	@echo "Running every lesson with Colab's versions, in an empty folder."
	@.venv-colab/bin/python tests/colab_check.py

clean:
	rm -rf .venv .venv-*

# Exact versions, all of them: what Colab has, and nothing of ours.
.venv-colab/installed: tests/colab-constraints.txt
	@echo "Installing Colab's versions into .venv-colab: a download of 2-3 GB; some minutes, once."
	@$(PYTHON) -m venv .venv-colab
	@.venv-colab/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

# The stamp is written last, so an interrupted installation is done again.
.venv/installed: requirements.txt pyproject.toml
	@echo "Installing into .venv: a download of 2-3 GB, most of it PyTorch; some minutes, once."
	@$(PYTHON) -c "import sys; sys.version_info >= (3, 11) or sys.exit('Python 3.11 or newer is needed, this is ' + sys.version.split()[0])"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.txt --editable .
	@touch $@
	@echo "Installed."
