# Packhouse. `make` alone lists the targets. Set-up runs by itself where it is needed and costs nothing where it is done.

MAKEFLAGS += --no-builtin-rules --no-print-directory
.DELETE_ON_ERROR:
.PHONY: help setup serve test quick lint types bench clients docs golden pictures migration lock

PYTHON  := .venv/bin/python
# Each mark is touched by scripts/setup. A newer source makes it look again; it installs only where a hash has changed.
RUNTIME := .venv/.runtime
DEV     := .venv/.dev
JOBS    ?= $(shell nproc)
PAGES   := src/packhouse/ui/static/dist/.built
# Python without a suffix, which the tools do not find by themselves.
SCRIPTS := scripts/check-locks scripts/draft-migration scripts/sizes scripts/write-docs
ASSETS  := $(filter-out %/node_modules,$(wildcard src/packhouse/ui/assets/*)) \
           $(filter-out src/packhouse/ui/assets/node_modules/%,$(wildcard src/packhouse/ui/assets/*/*))

help: ## List the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | while IFS='	' read -r name text; do printf '  %-10s %s\n' "$$name" "$$text"; done

setup: $(RUNTIME) $(PAGES) ## Install what the server runs on

serve: $(RUNTIME) $(PAGES) ## Run a registry on 127.0.0.1:8080, its data in ./var
	@.venv/bin/packhouse serve

test: $(RUNTIME) $(DEV) $(PAGES) clients ## Run the whole suite, real clients included, in JOBS processes; ARGS="-k npm" narrows it
	@$(PYTHON) -m pytest $(or $(ARGS),--numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder $(if $(CI)$(PACKHOUSE_REQUIRE_CLIENTS),--every-client))

quick: $(RUNTIME) $(DEV) ## Run the tests of pure code: no server, no client, few generated examples
	@$(PYTHON) -m pytest -q -x --hypothesis-profile quick -m 'not client and not server and not slow' $(or $(ARGS),tests/unit tests/formats)

lint: $(RUNTIME) $(DEV) ## Check style, layers, types; report what has grown long
	@.venv/bin/ruff check . $(SCRIPTS)
	@.venv/bin/ruff format --check . $(SCRIPTS)
	@.venv/bin/lint-imports --no-cache
	@$(MAKE) types
	@$(PYTHON) scripts/check-locks
	@$(PYTHON) scripts/write-docs --check
	@$(PYTHON) scripts/sizes

types: $(RUNTIME) $(DEV) ## Check the types
	@.venv/bin/mypy
	@.venv/bin/mypy --scripts-are-modules $(SCRIPTS)
	@MYPYPATH=src:tests/support .venv/bin/mypy --no-namespace-packages tests/support tests/clients tests/conftest.py
	@MYPYPATH=.:src:tests/support .venv/bin/mypy --explicit-package-bases tests/formats/*/driver.py

bench: $(RUNTIME) $(DEV) $(PAGES) ## Measure reading and publishing on this machine
	@$(PYTHON) bench/run.py $(ARGS)

clients: ## Install the pinned real clients into .cache/clients
	@scripts/install-clients

docs: $(RUNTIME) $(DEV) ## Write the generated tables of docs/ again
	@$(PYTHON) scripts/write-docs

golden: $(RUNTIME) $(DEV) ## Write the golden documents again; read the difference before you commit it
	@PACKHOUSE_GOLDEN=write $(PYTHON) -m pytest -q -k golden $(ARGS)

pictures: $(RUNTIME) $(DEV) $(PAGES) ## Take the pictures of docs/ again; look at them before you commit them
	@PACKHOUSE_PICTURES=write $(PYTHON) -m pytest -q tests/ui/test_screenshots.py

migration: $(RUNTIME) $(DEV) ## Draft a migration from the tables: make migration NAME="add a column"
	@$(PYTHON) scripts/draft-migration "$(NAME)"

lock: ## Write the lock files again from pyproject.toml and the .in files
	@scripts/lock $(ARGS)

$(RUNTIME): requirements.txt pyproject.toml scripts/setup
	@scripts/setup runtime

$(DEV): requirements-dev.txt scripts/setup $(RUNTIME)
	@scripts/setup dev

$(PAGES): $(ASSETS) scripts/setup
	@scripts/setup pages
