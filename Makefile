# make run | make test | make env: all of them make the environment first, once.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: run test env lint clean

run: env
	$(BIN)/kedro run --pipeline=al_cycle --params=strategy:entropy

# Two test processes with one thread each: more threads than cores would wait for each other. A file stays
# in one of them: what its tests share is made once. Files come in their order, not by the number of their
# tests: the longest have few.
test: env lint
	OMP_NUM_THREADS=1 $(BIN)/pytest -m "not slow" -n 2 --dist loadfile --no-loadscope-reorder

lint: env
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

env: .venv/installed

# The stamp is written last: an installation that was interrupted starts again.
.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -c "import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))" || \
		{ echo "queryloop needs Python 3.11 to 3.13: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@

clean:
	rm -rf .venv
