# Alignment in Miniature. `make lab` to learn, `make test` to check, `make build` after a change in lessons/.
# Everywhere, on Windows too, text is UTF-8: what a library opens without a word of it as well.
export PYTHONUTF8 := 1
PY := .venv/$(if $(filter Windows_NT,$(OS)),Scripts/python.exe,bin/python)
# The first interpreter for which torch has wheels; PYTHON=... names another.
PYTHON ?= $(shell for p in python3 python python3.12 python3.13 python3.11 python3.14; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 15))' 2>/dev/null && echo $$p && break; done)

# Colab's Python where this machine has it.
COLAB_PYTHON ?= $(shell python3.12 -c '' 2>/dev/null && echo python3.12 || echo $(PYTHON))
NEED_PYTHON := test -n "$(PYTHON)" || { echo "make: no Python 3.11 to 3.14 found; install one (3.12, say), or name it: make PYTHON=/path/to/python3"; exit 1; }
# For the environments of `make colab` and `make parity`: somebody's own, linked to, is not cleared.
OWN = test ! -L $(@D) || { echo "make: $(@D) is a link: remove the link, and what it leads to stays as it is"; exit 1; }

.PHONY: help .venv lab test test-claims build claims claims-processors bench slides sheets site bundle newest progress processors e2e colab binder parity release broken

help:
	@echo "make lab         open the course in JupyterLab   (ARGS=--no-browser on a server)"
	@echo "make test        unit tests, exercises, lint, and every lesson against its stored outputs   (LESSON=topic for one)"
	@echo "make build       notebooks/, solutions/, README's tables and the instructor's guide from lessons/   (LESSON=topic)"
	@echo "make claims      measure every claim over seeds 0 to 4   (LESSON= SEEDS=fresh BACKEND= SCHEDULER=)"
	@echo "make test-claims measure every claim again at seed 0, against what is stored   (LESSON=)"
	@echo "make bench       what each lesson costs in CPU seconds and memory, beside its budget   (LESSON=)"
	@echo "make slides      each lesson as slides that need no network, into site/slides/"
	@echo "make sheets      a two-page sheet for each lesson to print, into site/sheets/"
	@echo "make site        the course as web pages, with slides and sheets, into site/"
	@echo "make bundle      the course with all it needs for a room without a network, into dist/"
	@echo "make progress    DIR=folder of learners' notebooks: who passed which exercise, who is stuck and how"
	@echo "make processors  the lessons with solutions on other vector instructions and thread counts   (LESSON=)"
	@echo "make claims-processors   seed 0 of every claim on other vector instructions, for make test-claims   (LESSON=)"
	@echo "make e2e         a learner's first half hour in JupyterLab, in a browser   (needs Chromium or Chrome)"
	@echo "make colab       every set-up cell and a lesson, in an environment with Colab's versions   (LESSON=)"
	@echo "make binder      whether what environment.yml asks for can be had together, and the workflows be read"
	@echo "make newest      the newest libraries in .venv in place of the pinned ones: rm -r .venv undoes it"
	@echo "make release     for the workflow: a release of TAG with dist/ and what CHANGELOG says; broken opens an issue"
	@echo "make parity      the hand-written pieces against production libraries, in an environment of their own"

.venv: .venv/installed
.venv/installed: requirements.txt requirements-real.txt
	@$(NEED_PYTHON)
	@"$(PYTHON)" tools/make_venv.py

lab: .venv
	@$(PY) -m tools.lab $(ARGS)

# One lesson, where LESSON names it: what concerns it alone.
IS_LESSON = test -z "$(LESSON)" || test -d "lessons/$(LESSON)" || { echo "make $@: lessons/ has no folder $(LESSON)"; exit 1; }
# In the order of the files: what takes long and is one test must not come last.
PYTEST := -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test: .venv
	@$(IS_LESSON)
	@$(PY) $(PYTEST) $(if $(LESSON),-k "$(LESSON)") $(ARGS)

test-claims: .venv
	@$(IS_LESSON)
	@$(PY) -m pytest -n 2 --dist worksteal -o addopts= tests/claims $(if $(LESSON),-k "$(LESSON)") $(ARGS)

build: .venv
	@$(PY) -m tools.build --lesson "$(LESSON)"

claims: .venv
	@$(PY) -m tools.claims --lesson "$(LESSON)" --seeds "$(SEEDS)" --backend "$(or $(BACKEND),loky)" --scheduler "$(SCHEDULER)"

bench: .venv
	@$(PY) -m tools.bench --lesson "$(LESSON)"

slides sheets bundle newest: .venv
	@$(PY) -m tools.$@

site: slides sheets
	@$(PY) -m tools.website

# For the workflows. The libraries of a broken week may have broken .venv: these two need only Python.
release broken:
	@"$(PYTHON)" -m tools.github $@

progress: .venv
	@$(PY) -m tools.learners "$(DIR)"

# The stored outputs must hold whatever vector instructions and threads torch computes with. On one
# thread two kinds run at a time: of one lesson there is one notebook, which takes one core.
KINDS := default-1 avx2-1 default-2 avx2-2
processors: .venv
	@$(IS_LESSON)
	@$(MAKE) -j 2 $(addprefix processors-,$(filter %-1,$(KINDS)))
	@$(MAKE) -j 1 $(addprefix processors-,$(filter %-2,$(KINDS)))

$(addprefix processors-,$(KINDS)): processors-%:
	@export ATEN_CPU_CAPABILITY=$(firstword $(subst -, ,$*)) COURSE_TORCH_THREADS=$(lastword $(subst -, ,$*)); \
	echo "lessons under ATEN_CPU_CAPABILITY=$$ATEN_CPU_CAPABILITY with $$COURSE_TORCH_THREADS thread(s)"; \
	$(PY) -m pytest -q solutions $(if $(LESSON),-k "$(LESSON)") $(ARGS)

claims-processors: .venv
	@$(PY) -m tools.processors --lesson "$(LESSON)"

# Lessons in JupyterLab side by side; after them what writes into site/.
e2e: .venv
	@$(PY) -m pytest -n 2 --dist worksteal -o addopts= tests/e2e/test_jupyterlab.py $(ARGS)
	@$(PY) -m pytest -o addopts= tests/e2e/test_print.py tests/e2e/test_site.py $(ARGS)

# torch first and by itself: what comes after takes the build that is there.
.venv-colab/installed: tests/places/colab.txt requirements.txt
	@$(NEED_PYTHON)
	@echo "Making .venv-colab with $(COLAB_PYTHON) (once, a few minutes)"
	@$(OWN)
	@"$(COLAB_PYTHON)" -m venv --clear .venv-colab
	@.venv-colab/bin/python -m pip install -q $$(grep '^torch==' requirements.txt)
	@.venv-colab/bin/python -m pip install -q -r $< $$(grep -E '^(nbformat|nbval|pytest)==' requirements.txt)
	@touch $@

colab: .venv-colab/installed
	@.venv-colab/bin/python -m pytest tests/test_setup_cell.py
	@.venv-colab/bin/python -m pytest notebooks -k $(or $(LESSON),superposition)

binder: .venv
	@$(PY) -m pytest -o addopts= tests/places $(ARGS)

.venv-parity/installed: tests/parity/requirements.txt
	@$(NEED_PYTHON)
	@echo "Making .venv-parity (once, a few minutes)"
	@$(OWN)
	@"$(PYTHON)" -m venv --clear .venv-parity
	@.venv-parity/bin/python -m pip install -q $$(grep '^torch==' $<)
	@.venv-parity/bin/python -m pip install -q --no-deps -r $<
	@touch $@

parity: .venv-parity/installed
	@PYTHONPATH=. .venv-parity/bin/python -m pytest -c /dev/null --rootdir . -p no:cacheprovider tests/parity $(ARGS)
