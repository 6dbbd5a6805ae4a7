# make demo       install into .venv and run the main job on bundled data (demo_abilities.png)
# make test       install with the test extra and run the tests
# make test-slow  the tests that take longer
# make lint       ruff
# make docs       HTML documentation in docs/_build/html, warnings are errors
# make bench      the table of benchmarks
# make clean      remove .venv and everything generated
#
# PYTHON=python3.13 make test VENV=.venv313 chooses another interpreter and place.
PYTHON ?= python3
VENV ?= .venv
PYTEST_ARGS ?= -n auto

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: demo test test-slow lint docs bench clean

# The installation is editable and each extra leaves a stamp, so that nothing is installed
# again until pyproject.toml changes.
$(VENV)/pyvenv.cfg:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed-%: $(VENV)/pyvenv.cfg pyproject.toml
	$(PIP) install --quiet --editable ".[$*]"
	@touch $@

demo: $(VENV)/.installed-plot
	$(BIN)/python examples/demo.py

test: $(VENV)/.installed-test
	$(BIN)/python -m pytest $(PYTEST_ARGS)

test-slow: $(VENV)/.installed-test
	$(BIN)/python -m pytest -m slow $(PYTEST_ARGS)

lint: $(VENV)/.installed-test
	$(BIN)/python -m ruff check .

docs: $(VENV)/.installed-docs
	$(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build/html

bench: $(VENV)/.installed-plot
	$(BIN)/python benchmarks/run.py

clean:
	rm -rf $(VENV) build dist *.egg-info docs/_build demo_abilities.png
