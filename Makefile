# Needs Python 3.11 or newer and make, nothing else: the targets set themselves up in .venv.
# A stamp file remembers what is installed, so only a changed lock or pyproject.toml installs again.

PYTHON ?= python3
REPOS  ?=
UV     ?= uv
IMAGE  ?= hear_app
SEEDS  ?= 240
FIRST  ?= 0
SEED   ?=

BIN  := .venv/bin
PIP  := $(BIN)/python -m pip -qq --disable-pip-version-check
# For the SQL linter, which compiles the models: a database in memory, and no litter in the checkout.
DBT  := HEAR_BUILD=:memory: DBT_TARGET_PATH="$(CURDIR)/.venv/dbt" DBT_LOG_PATH="$(CURDIR)/.venv/dbt"
LOCK := $(UV) pip compile --quiet --universal --generate-hashes --no-header --no-annotate --python-version 3.11

.DEFAULT_GOAL := help
.PHONY: help bench run tables serve test simulate check format readme lint types imports sql workflows docs docker test-docker lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile

run: .venv/.runtime ## Sync, build, publish: the sample, or REPOS="owner/name ..."
	@$(BIN)/hear run $(REPOS)

tables: .venv/.runtime ## List the tables of the warehouse
	@$(BIN)/hear tables

serve: .venv/.runtime ## Show the dashboard at http://localhost:8501
	@$(BIN)/hear serve

test: .venv/.dev ## Run the tests
	@echo "== tests"
	@$(BIN)/pytest --quiet --numprocesses auto --maxprocesses 4 --dist loadfile

simulate: .venv/.dev ## Look for defects with random histories and faults: SEEDS=10000 FIRST=1; SEED=7 makes one smaller
	@echo "== simulation"
	@$(BIN)/python -m simulation $(if $(SEED),--seed $(SEED),--seeds $(SEEDS) --first $(FIRST))

check: lint types imports sql workflows docs simulate test ## All that a change must pass, the tests included

format: .venv/.dev ## Put Python and SQL into the format that check asks for
	@$(BIN)/ruff check --quiet --fix-only .
	@$(BIN)/ruff format --quiet .
	@$(DBT) $(BIN)/sqlfluff fix --quiet models

readme: .venv/.dev ## Paste fresh output into README.md
	@$(BIN)/python scripts/readme.py

lint: .venv/.dev
	@echo "== format and lint"
	@$(BIN)/ruff format --check --quiet --output-format concise . || { echo "Run make format." >&2; exit 1; }
	@$(BIN)/ruff check --quiet .

types: .venv/.dev
	@echo "== types"
	@$(BIN)/mypy

imports: .venv/.dev
	@echo "== import contracts"
	@$(BIN)/lint-imports --no-logo

sql: .venv/.sql

.venv/.sql: .venv/.dev .sqlfluff dbt_project.yml $(shell find models macros seeds -type f 2>/dev/null)
	@echo "== SQL"
	@$(DBT) $(BIN)/sqlfluff lint --quiet --nocolor --processes 2 models
	@touch $@

workflows: .venv/.dev
	@echo "== workflows"
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@$(BIN)/zizmor --offline --quiet --no-progress .github/workflows

docs: .venv/.dev
	@echo "== README"
	@$(BIN)/python scripts/readme.py --check

bench: .venv/.dev ## Time the whole way beside its floors; SIZE=1000000 for a million commits
	@$(BIN)/python bench/run.py

docker: ## Build the image hear_app and print its size
	docker build --tag $(IMAGE) --build-arg REVISION="$$(git rev-parse HEAD 2>/dev/null)" .
	@docker image inspect --format '{{.Size}}' $(IMAGE) | awk '{printf "The image $(IMAGE) has %d MB.\n", $$1 / 1e6}'

test-docker: .venv/.dev ## Try the image: other users, read-only, signals, contents
	@echo "== image"
	@$(BIN)/pytest --quiet -m docker --image $(IMAGE) tests/docker

lock: ## Renew the lock files; UPGRADE=1 takes the newest of all
	@command -v $(UV) >/dev/null || { echo "make lock needs uv: install it, or name it with UV=..." >&2; exit 1; }
	@$(LOCK) $(if $(UPGRADE),--upgrade) --group build --group dev pyproject.toml -o requirements-dev.lock
	@$(LOCK) $(if $(UPGRADE),--upgrade) --group build -c requirements-dev.lock pyproject.toml -o requirements.lock

clean: ## Remove .venv, caches, build output; never the warehouse
	@rm -rf .venv .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache dist logs target
	@find app bench hear_app scripts simulation tests -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

# The environment. .runtime is what `hear` needs; .dev adds the tools of the checks. A lock is complete, so pip is
# told to look for no dependencies: that is faster, and older ones stumble over extras in hash mode.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2>/dev/null || { \
	  echo "hear_app needs Python 3.11 to 3.14, but $(PYTHON) is: $$($(PYTHON) --version 2>&1 | tail -1)." >&2; \
	  echo "Name another one: make $(MAKECMDGOALS) PYTHON=python3.13" >&2; exit 1; }
	@$(PYTHON) -m venv --clear .venv || { rm -rf .venv; exit 1; }

.venv/.runtime: requirements.lock pyproject.toml $(BIN)/python
	@echo "Installing the locked packages into .venv; the first time takes about a minute." >&2
	@$(PIP) install --require-hashes --no-deps -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.dev: requirements-dev.lock .venv/.runtime
	@echo "Adding the tools for tests and checks." >&2
	@$(PIP) install --require-hashes --no-deps -r requirements-dev.lock
	@touch $@
