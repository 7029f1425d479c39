# Everything runs in a virtual environment of its own: .venv.

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/installed
BENCH_STAMP := .venv/bench-installed
DOCS_STAMP := .venv/docs-installed
AS_ROOT := $(if $(filter 0,$(shell id -u)),,sudo)

.PHONY: test lint format demo pictures docs completions soak bench clean redis valgrind promtool hyperfine

# On all cores, of which more than four are not worth it; for one file, `.venv/bin/pytest tests/x.py`.
# Each worker goes through a part in order, so that fixtures of a module are made once, and who is
# done early takes from the end of another's.
test: $(STAMP) redis valgrind promtool
	CACHECTL_REQUIRE_REDIS=1 $(BIN)/pytest -q -n logical --maxprocesses 4 --dist worksteal

soak: $(STAMP) redis
	CACHECTL_REQUIRE_REDIS=1 $(BIN)/pytest -q tests/soak

# All rows, or `make bench ROW=memory-get`; most rows take less than a minute. With ROW="memory-get
# --publish" docs/ has the new figures.
bench: $(BENCH_STAMP) redis hyperfine
	$(BIN)/python -m benchmarks $(ROW)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	cd tests/plugins/example && $(CURDIR)/$(BIN)/mypy .
	PATH="$(CURDIR)/$(BIN):$$PATH" pyright tests/typing/api.py
	PATH="$(CURDIR)/$(BIN):$$PATH" pyright --verifytypes cachectl --ignoreexternal | grep -x "Type completeness score: 100%"
	$(BIN)/lint-imports

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

demo: $(STAMP)
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python docs/demo.py

# What terminals show, as docs/pictures/*.svg: to be looked at before it is kept.
pictures: $(STAMP)
	$(BIN)/python docs/pictures.py

# The site with the reference of all names, site/index.html; a link that leads nowhere is an error.
docs: $(DOCS_STAMP)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

completions: $(STAMP)
	for shell in bash zsh fish; do \
	  _CACHECTL_COMPLETE=source_$$shell $(BIN)/cachectl > completions/cachectl.$$shell || exit 1; \
	done

# The tests talk to a real server; where apt is, it is installed if it is missing.
redis:
	@command -v redis-server >/dev/null || { $(AS_ROOT) apt-get update -q && $(AS_ROOT) apt-get install -qy redis-server; }

# One test counts instructions with it.
valgrind:
	@command -v valgrind >/dev/null || { $(AS_ROOT) apt-get update -q && $(AS_ROOT) apt-get install -qy valgrind; }

# Metrics, alert rules and the dashboard are checked by it. It is taken out of its package, which
# starts a server where it is installed.
promtool: $(STAMP)
	@command -v promtool >/dev/null || test -x $(BIN)/promtool || { \
	  $(AS_ROOT) apt-get update -q && place=$$(mktemp -d) && cd $$place && apt-get download -q prometheus && \
	  dpkg-deb --extract prometheus_*.deb . && mv usr/bin/promtool $(CURDIR)/$(BIN) && rm -r $$place; }

# Whole commands are timed by it.
hyperfine:
	@command -v hyperfine >/dev/null || { $(AS_ROOT) apt-get update -q && $(AS_ROOT) apt-get install -qy hyperfine; }

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { $(AS_ROOT) apt-get update -q && $(AS_ROOT) apt-get install -qy python3-venv; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev,hosts]'
	touch $@

$(DOCS_STAMP): $(STAMP)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[docs]'
	touch $@

$(BENCH_STAMP): $(STAMP)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[bench]'
	touch $@

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis site
