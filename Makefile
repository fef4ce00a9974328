# The two commands are `make serve` and `make test`; both set up what they need.
PYTHON ?= python3
PORT ?= 8000
BIN := .venv/bin
BUILT := var/legacy/demo

.PHONY: serve test test-long check golden lock bench audit clean

serve: .venv/ready
	$(BIN)/python -m legacy build --scale demo --if-missing
	$(BIN)/python -m legacy.services --store $(BUILT) -- $(BIN)/gateway --config demo.toml serve --port $(PORT)

test: .venv/ready
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not long"

test-long: .venv/ready
	$(BIN)/python -m pytest -n 2 --dist loadfile

check: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m pytest tests/docs

golden: .venv/ready
	GATEWAY_UPDATE_GOLDENS=1 $(BIN)/python -m pytest tests/goldens tests/connectors/test_sql.py tests/schema/test_snapshot.py tests/docs
	git diff --stat

bench: .venv/ready
	$(BIN)/python -m bench

lock: .venv/ready
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header --all-extras pyproject.toml -o requirements.lock

clean:
	rm -rf .venv var tests/http/audit/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info

# uv installs the locked packages in seconds where pip needs half a minute; where it finds no index, pip does it.
.venv/ready: requirements.lock installer.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --no-compile --require-hashes -r installer.lock
	VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet --require-hashes -r requirements.lock \
		|| $(BIN)/pip install --quiet --no-compile --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --no-compile -e .
	touch $@
