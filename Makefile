# Start with `make demo` and `make test`. Both install what they need into .venv and change nothing else on the machine.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test test-all chaos lint fuzz bench reference samples policy screenshots clean

# Grades the sample notebooks and prints where the class page is.
demo: $(READY)
	$(BIN)/grader batch submissions --out graded
	@echo "Open the class page in a browser: $(CURDIR)/graded/index.html"

# Runs lint, types and all tests but the slow ones.
test: $(READY) lint
	$(BIN)/python -m pytest -n auto --dist worksteal -m "not slow and not chaos"

# Runs the slow tests alone.
test-all: $(READY)
	$(BIN)/python -m pytest -n auto --dist worksteal -m slow

# Kills processes and makes the file system fail during whole batches, about 200 times. Takes more than an hour.
chaos: $(READY)
	$(BIN)/python -m pytest -n auto --dist worksteal -m chaos

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	cd grader/running/sandbox/worker && ../../../../$(BIN)/mypy --strict --explicit-package-bases --cache-dir ../../../../.mypy_cache/worker *.py

# Feeds random answers and notebooks to the readers for five minutes.
fuzz: $(READY)
	$(BIN)/python tests/support/fuzz.py --minutes 5

# Times confinement, training, a batch and a cluster.
bench: $(READY)
	$(BIN)/python tests/benchmarks/confinement.py
	$(BIN)/python tests/benchmarks/training.py
	$(BIN)/python tests/benchmarks/batch.py
	$(BIN)/python tests/benchmarks/cluster.py

# Measures the shipped numbers again: reference/*/trainings.json, reference/*/asides.json and grader/judging/diagnosis/seeds.npy.
reference: $(READY)
	for exercise in $(notdir $(wildcard reference/*)); do $(BIN)/python -m grader.precompute.trainings $$exercise || exit 1; done
	$(BIN)/python -m grader.precompute.asides
	$(BIN)/python -m grader.precompute.seeds

# Writes the sample notebooks of submissions/ and the table of what grading them must give.
samples: $(READY)
	$(BIN)/python tests/support/samples.py

# Writes docs/grading-policy.md (what passes, what costs points, and why) and the tables of docs/diagnosis.md (how often it is right).
policy: $(READY)
	$(BIN)/python tests/support/policy.py
	$(BIN)/python tests/support/mutants.py

# Writes the pictures of the README, docs/images/*.png, from the sample notebooks. Needs Chromium.
screenshots: $(READY)
	$(BIN)/python tests/support/screenshots.py

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "This Python is too old: 3.10 or newer is needed. Name another one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); .ci/install-packages python3-venv && $(PYTHON) -m venv $(VENV); }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV) graded dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
