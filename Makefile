# make demo: the whole lab on a synthetic nation.   make test: lint, types, import contract, tests.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup demo test test-cluster bench-linkage clean

help:
	@echo "make demo          set up, then run the lab on a synthetic nation of 100,000 identities"
	@echo "make test          set up, then lint, types, import contract and the default tests"
	@echo "make test-cluster  set up, then the tests that start a real Spark cluster on this machine"
	@echo "make bench-linkage measure linkage beside Splink (BENCH='--seed 101 --spark': see benchmarks/README.md)"
	@echo "make setup         virtual environment in .venv, Java, Delta jars"
	@echo "make clean         remove what make demo made; the environment stays"

setup:
	@bash cluster/setup.sh run

demo: setup
	@.venv/bin/jdl demo

test:
	@bash cluster/setup.sh test
	@echo "== lint";            .venv/bin/ruff check . && .venv/bin/ruff format --check --quiet .
	@echo "== types";           .venv/bin/mypy
	@echo "== import contract"; .venv/bin/lint-imports | tail -n 5
	@echo "== tests";           .venv/bin/pytest

test-cluster:
	@bash cluster/setup.sh test
	@.venv/bin/pytest -m cluster

bench-linkage:
	@bash cluster/setup.sh test
	@.venv/bin/python -m benchmarks.linkage $(BENCH)

clean:
	@rm -rf demo
