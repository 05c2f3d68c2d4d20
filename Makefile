# Everything the README does, with its set-up. PYTHON=python3.12 picks another interpreter.
PYTHON ?= python3
BIN := .venv/bin

DEMO := suites/general --mtbench-sample demo --mtbench-candidate demo --mtbench-baseline demo \
  --mtbench-judge checks --mtbench-max-new-tokens 256

# Most tests run pytest in processes of their own, which need not compile everything each time.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo record test test-services lint clean

# The gate on a real model. The same weights stand on both sides, so it must say PASS.
demo: .venv/ready
	$(BIN)/pytest $(DEMO)

# What `make test` replays of it, without the model: again after a change of the suite's questions or checks.
record: .venv/ready
	$(BIN)/pytest $(DEMO) --mtbench-record new

# On two processes: most tests wait for a run of pytest of their own.
test: .venv/ready lint
	$(BIN)/pytest -n 2 --dist loadscope

# Servers of their own: PostgreSQL. A test whose server is not installed is skipped and says so.
test-services: .venv/ready
	$(BIN)/pytest -n 2 --dist loadscope tests/services

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# torch is named first and exactly, so that every machine runs the same build.
.venv/ready: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install torch==2.13.0
	$(BIN)/pip install --editable '.[hf,dev]'
	touch .venv/ready

clean:
	rm -rf .venv mtbench-report checkpoints
