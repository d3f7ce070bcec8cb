# Alignment in Miniature. `make lab` to learn, `make test` to check, `make build` after a change in lessons/.
PY := .venv/bin/python
# The first interpreter that is Python 3.11 or newer; PYTHON=... names another.
PYTHON ?= $(shell for p in python3 python python3.11 python3.12 python3.13 python3.14; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
ROOT_FLAG := $(if $(filter 0,$(shell id -u)),--allow-root)

.PHONY: help .venv lab test build claims bench processors parity

help:
	@echo "make lab         open the course in JupyterLab   (ARGS=--no-browser on a server)"
	@echo "make test        run everything there is to run  (ARGS='-k name' for a part)"
	@echo "make build       notebooks/, solutions/ and README's tables from lessons/"
	@echo "make claims      measure every claim over seeds 0 to 4   (LESSON= SEEDS= BACKEND= SCHEDULER=)"
	@echo "make bench       how long each experiment takes, and how that grows   (LESSON=)"
	@echo "make processors  the notebooks on other vector instructions and thread counts   (ARGS='-k topic')"
	@echo "make parity      the hand-written losses against production libraries, in an environment of their own"

.venv: .venv/installed
.venv/installed: requirements.txt
	@test -n "$(PYTHON)" || { echo "make: no Python 3.11 or newer found; install one, or name it: make PYTHON=/path/to/python3"; exit 1; }
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

# The stored outputs must hold whatever vector instructions and threads torch computes with.
processors: .venv
	@set -e; for cpu in default avx2; do for threads in 1 2; do \
		echo "notebooks under ATEN_CPU_CAPABILITY=$$cpu with $$threads thread(s)"; \
		ATEN_CPU_CAPABILITY=$$cpu COURSE_TORCH_THREADS=$$threads $(PY) -m pytest -q notebooks solutions $(ARGS); \
	done; done

# torch first, so that trl takes the CPU build that is there.
.venv-parity/installed: requirements.txt pyproject.toml
	@$(PYTHON) -m venv --clear .venv-parity
	@.venv-parity/bin/pip install -q "$$(grep '^torch==' requirements.txt)"
	@.venv-parity/bin/pip install -q pytest ipython ipywidgets matplotlib platformdirs tqdm "trl==1.16.0" "transformers==5.23.0"
	@touch $@

parity: .venv-parity/installed
	@PYTHONPATH=. .venv-parity/bin/python -m pytest -c /dev/null --rootdir . -p no:cacheprovider tests/parity $(ARGS)
