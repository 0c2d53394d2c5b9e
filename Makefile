# Two commands: `make demo` and `make test`.  Everything they need goes into .venv; nothing else on the machine changes.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test test-all chaos lint fuzz bench reference samples policy clean

demo: $(READY)
	$(BIN)/grader batch submissions --out graded
	@echo "The class page lies at $(CURDIR)/graded/index.html"

test: $(READY) lint
	$(BIN)/python -m pytest -n auto --dist worksteal -m "not slow and not chaos"

test-all: $(READY)
	$(BIN)/python -m pytest -n auto --dist worksteal -m slow

# Kills processes and fails the file system under whole batches, some 200 times: an hour and more
chaos: $(READY)
	$(BIN)/python -m pytest -n auto --dist worksteal -m chaos

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	cd grader/running/sandbox/worker && ../../../../$(BIN)/mypy --strict --explicit-package-bases --cache-dir ../../../../.mypy_cache/worker *.py

fuzz: $(READY)
	$(BIN)/python tests/support/fuzz.py --minutes 5

bench: $(READY)
	$(BIN)/python tests/benchmarks/confinement.py
	$(BIN)/python tests/benchmarks/training.py
	$(BIN)/python tests/benchmarks/batch.py
	$(BIN)/python tests/benchmarks/cluster.py

# Makes again what is shipped: reference/*/trainings.json and asides.json, grader/judging/diagnosis/seeds.npy; submissions/
reference: $(READY)
	$(BIN)/python -m grader.precompute.trainings
	$(BIN)/python -m grader.precompute.asides
	$(BIN)/python -m grader.precompute.seeds

samples: $(READY)
	$(BIN)/python tests/support/samples.py

# Makes docs/grading-policy.md again: what passes, what costs points, and why
policy: $(READY)
	$(BIN)/python tests/support/policy.py

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "Python 3.10 or newer is needed; name it: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); .ci/install-packages python3-venv && $(PYTHON) -m venv $(VENV); }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV) graded dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
