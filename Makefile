# Alignment in Miniature. `make lab` to learn, `make test` to check, `make build` after a change in lessons/.
PY := .venv/bin/python
# The first interpreter that is Python 3.11 or newer; PYTHON=... names another.
PYTHON ?= $(shell for p in python3 python python3.11 python3.12 python3.13 python3.14; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
ROOT_FLAG := $(if $(filter 0,$(shell id -u)),--allow-root)

# Colab's Python where this machine has it.
COLAB_PYTHON ?= $(shell python3.12 -c '' 2>/dev/null && echo python3.12 || echo $(PYTHON))
NEED_PYTHON := test -n "$(PYTHON)" || { echo "make: no Python 3.11 or newer found; install one, or name it: make PYTHON=/path/to/python3"; exit 1; }

.PHONY: help .venv lab test build claims bench slides sheets bundle progress processors e2e colab binder parity

help:
	@echo "make lab         open the course in JupyterLab   (ARGS=--no-browser on a server)"
	@echo "make test        run everything there is to run  (ARGS='-k name' for a part)"
	@echo "make build       notebooks/, solutions/, README's tables and the instructor's guide from lessons/"
	@echo "make claims      measure every claim over seeds 0 to 4   (LESSON= SEEDS= BACKEND= SCHEDULER=)"
	@echo "make bench       how long each experiment takes, how that grows, and the memory   (LESSON=)"
	@echo "make slides      each lesson as slides that need no network, into site/slides/"
	@echo "make sheets      a two-page sheet for each lesson to print, into site/sheets/"
	@echo "make bundle      the course with all it needs for a room without a network, into dist/"
	@echo "make progress    DIR=folder of learners' notebooks: who passed which exercise, who is stuck and how"
	@echo "make processors  the notebooks on other vector instructions and thread counts   (ARGS='-k topic')"
	@echo "make e2e         a learner's first half hour in JupyterLab, in a browser   (needs Chromium or Chrome)"
	@echo "make colab       every set-up cell and a lesson, in an environment with Colab's versions   (LESSON=)"
	@echo "make binder      whether what environment.yml asks for can be had together"
	@echo "make parity      the hand-written pieces against production libraries, in an environment of their own"

.venv: .venv/installed
.venv/installed: requirements.txt
	@$(NEED_PYTHON)
	@$(PYTHON) tools/make_venv.py

lab: .venv
	@.venv/bin/jupyter lab $(ROOT_FLAG) --ServerApp.root_dir="$(CURDIR)" \
		--LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb $(ARGS)

test: .venv
	@echo "unit tests, exercise contract, freshness, lint, and every notebook of both editions"
	@$(PY) -m pytest -n 2 --dist loadfile $(ARGS)

build: .venv
	@$(PY) -m tools.build

claims: .venv
	@$(PY) -m tools.claims --lesson "$(LESSON)" --seeds "$(SEEDS)" --backend "$(or $(BACKEND),loky)" --scheduler "$(SCHEDULER)"

bench: .venv
	@$(PY) -m tools.bench --lesson "$(LESSON)"

slides sheets bundle: .venv
	@$(PY) -m tools.$@

progress: .venv
	@$(PY) -m tools.learners "$(DIR)"

# The stored outputs must hold whatever vector instructions and threads torch computes with.
processors: .venv
	@set -e; for cpu in default avx2; do for threads in 1 2; do \
		echo "notebooks under ATEN_CPU_CAPABILITY=$$cpu with $$threads thread(s)"; \
		ATEN_CPU_CAPABILITY=$$cpu COURSE_TORCH_THREADS=$$threads $(PY) -m pytest -q notebooks solutions $(ARGS); \
	done; done

e2e: .venv
	@$(PY) -m pytest -o addopts= tests/e2e $(ARGS)

# torch first and by itself: what comes after takes the build that is there.
.venv-colab/installed: tests/places/colab.txt requirements.txt
	@$(NEED_PYTHON)
	@echo "Making .venv-colab with $(COLAB_PYTHON) (once, a few minutes)"
	@$(COLAB_PYTHON) -m venv --clear .venv-colab
	@.venv-colab/bin/pip install -q $$(grep '^torch==' requirements.txt)
	@.venv-colab/bin/pip install -q -r $< $$(grep -E '^(nbformat|nbval|pytest)==' requirements.txt)
	@touch $@

colab: .venv-colab/installed
	@.venv-colab/bin/python -m pytest tests/test_setup_cell.py
	@.venv-colab/bin/python -m pytest notebooks -k $(or $(LESSON),superposition)

binder: .venv
	@$(PY) -m pytest -o addopts= tests/places $(ARGS)

.venv-parity/installed: tests/parity/requirements.txt
	@$(NEED_PYTHON)
	@echo "Making .venv-parity (once, a few minutes)"
	@$(PYTHON) -m venv --clear .venv-parity
	@.venv-parity/bin/pip install -q $$(grep '^torch==' $<)
	@.venv-parity/bin/pip install -q --no-deps -r $<
	@touch $@

parity: .venv-parity/installed
	@PYTHONPATH=. .venv-parity/bin/python -m pytest -c /dev/null --rootdir . -p no:cacheprovider tests/parity $(ARGS)
