# Each is one command on a machine with python3 (3.11 or newer), make and a package index:
#   make demo     recover a damaged example photo
#   make test     run the tests
#   make test-slow  run the long ones: a browser (CHROMIUM=/usr/bin/chromium), films, archives, kills
#   make check    run the linters: ruff and pyright
#   make bench    time recovering a face, every network in every runtime (docs/speed.md), and drawing one in 3D
#   make clean    remove what these made, .venv included
#
# PYTHON=python3.12        the interpreter that .venv is made with
# CONSTRAINTS=my.txt       versions to install; CONSTRAINTS=/dev/null takes the newest of everything

PYTHON ?= python3
CONSTRAINTS ?= constraints.txt
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c $(CONSTRAINTS)
DEMO_PHOTO := examples/damaged.jpg

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test test-slow check bench clean FORCE

help:
	@sed -n '/^#/!q; s/^# \{0,1\}//p' Makefile

demo: $(VENV)/installed
	@$(BIN)/mien recover $(DEMO_PHOTO) -o demo/recovered.png --compare --overwrite
	@ls demo/recovered.png demo/recovered_compare.png >/dev/null
	@echo
	@echo "damaged photo      $(DEMO_PHOTO)"
	@echo "recovered photo    demo/recovered.png"
	@echo "before and after   demo/recovered_compare.png"

test: $(VENV)/installed-dev
	@$(BIN)/python -m pytest -n 2

test-slow: $(VENV)/installed-slow
	@$(BIN)/python -m pytest -m slow

check: $(VENV)/installed-dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/pyright

bench: $(VENV)/installed
	@$(BIN)/mien evaluate speed --photo $(DEMO_PHOTO)
	@$(BIN)/python tools/bench_runtimes.py --write docs/speed.md
	@$(BIN)/python tools/bench_geometry.py

clean:
	rm -rf $(VENV) demo .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/pyvenv.cfg:
	@command -v $(PYTHON) >/dev/null || { echo "mien needs Python 3.11 or newer, and there is no $(PYTHON): make PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "mien needs Python 3.11 or newer, and $(PYTHON) is `$(PYTHON) -V 2>&1`: make PYTHON=..." >&2; exit 1; }
	@echo "creating $(VENV) with `$(PYTHON) -V`"
	@$(PYTHON) -m venv $(VENV)

# a copy that changes only when the wanted versions do, so that another CONSTRAINTS installs again
$(VENV)/constraints.txt: $(VENV)/pyvenv.cfg FORCE
	@test -r "$(CONSTRAINTS)" || { echo "cannot read the constraints file $(CONSTRAINTS)" >&2; exit 1; }
	@cmp -s "$(CONSTRAINTS)" $@ || cp "$(CONSTRAINTS)" $@

$(VENV)/installed: pyproject.toml $(VENV)/constraints.txt
	@echo "installing mien into $(VENV) (the first time takes some minutes)"
	@$(PIP) -e .
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed
	@echo "installing what tests and linters need into $(VENV)"
	@$(PIP) -e '.[dev]'
	@touch $@

$(VENV)/installed-slow: $(VENV)/installed-dev
	@echo "installing what the long tests need into $(VENV)"
	@$(PIP) -e '.[slow]'
	@touch $@
