# The commands of the README: `make demo`, `make page` and `make test`. Each does its own set-up.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
OUT ?= indexes/demo
CORPUS ?= mycorpus
SEEDS ?= myterms.txt
TARGETS ?= @19th_century @modern @natural_history @food
MINE ?= indexes/mine

.PHONY: demo page test lint full docs faults lock clean

demo: $(VENV)/demo.installed
	$(BIN)/cooc demo --out $(OUT)

# A page about your terms in your corpus: make page CORPUS=folder SEEDS=terms.txt [TARGETS="@food more.txt"] [MINE=index].
page: $(VENV)/demo.installed
	$(BIN)/cooc build $(CORPUS) --out $(MINE)
	$(BIN)/cooc report $(MINE) --seeds $(SEEDS) $(addprefix --target ,$(TARGETS)) --out $(MINE).html

test: $(VENV)/test.installed lint
	$(BIN)/python -m pytest -q -n auto -m "not slow and not real"

lint: $(VENV)/test.installed
	$(BIN)/ruff check cooc tests benchmarks
	$(BIN)/mypy

full: $(VENV)/test.installed
	$(BIN)/python -m pytest -q

# The site of README.md, docs/ and the docstrings, in site/index.html.
docs: $(VENV)/docs.installed
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build -q
	@echo "the site: site/index.html (its search needs a server: $(BIN)/python -m http.server -d site)"

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --upgrade "pip>=25.1"

$(VENV)/demo.installed: pyproject.toml requirements.lock | $(VENV)/bin/python
	$(BIN)/python -m pip install -q -c requirements.lock -e ".[demo]"
	@touch $@

$(VENV)/test.installed: pyproject.toml requirements.lock | $(VENV)/bin/python
	$(BIN)/python -m pip install -q -c requirements.lock -e ".[demo]" --group test
	@touch $@

$(VENV)/docs.installed: pyproject.toml requirements.lock | $(VENV)/bin/python
	$(BIN)/python -m pip install -q -c requirements.lock -e . --group docs
	@touch $@

# Every fault at full size (docs/faults.md): each operation of a build killed, refused and cut off, 200 kills at random,
# 10,000 flipped bits, hostile files by the hundred thousand, giants of a gigabyte, 500 corpora counted by a database.
# It takes two hours or more, and leaves what it did in .venv/faults.jsonl.
faults: $(VENV)/test.installed
	COOC_FAULTS=all COOC_FAULT_SCALE=20 COOC_FAULT_LOG=$(CURDIR)/$(VENV)/faults.jsonl COOC_TEST_EXAMPLES=500 \
	  $(BIN)/python -m pytest -q -ra tests/test_faults.py tests/test_damage.py tests/test_limits.py \
	  tests/test_paths.py tests/test_processes.py tests/test_cluster.py tests/test_oracle.py tests/test_counting.py \
	  tests/test_corpus_bad_input.py tests/test_hostile.py tests/test_corpus_giants.py tests/test_overflow.py \
	  tests/test_pickles.py tests/test_verify.py

# Pins every version that the tests ran with; used as constraints, so it installs nothing by itself.
lock: $(VENV)/test.installed
	$(BIN)/python -m pip freeze --exclude-editable > requirements.lock

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
