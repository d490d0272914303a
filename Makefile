# make demo: the whole lab on a synthetic nation.   make test: lint, types, import contract, tests.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
NATION ?= 20000
.PHONY: help setup demo test test-cluster bench-linkage clean

help:
	@echo "make demo          set up, then run the lab on a synthetic nation of 100,000 identities"
	@echo "make test          set up, then lint, types, import contract and the default tests"
	@echo "make test-cluster  set up, then the tests on a real Spark cluster on this machine: same results as embedded, also"
	@echo "                   when a worker is killed (NATION=100000 for more than 20,000 identities)"
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
	@.venv/bin/python cluster/same_hash.py --identities $(NATION)

bench-linkage:
	@bash cluster/setup.sh test
	@.venv/bin/python -m benchmarks.linkage $(BENCH)

clean:
	@rm -rf demo
