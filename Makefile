# Two commands for a stranger: make reproduce, make test. Needs Python 3.11 or later, make and git; no GPU.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
CORES ?= all
STUDY ?= demo
WORDS ?=
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help setup reproduce explain doctor gpu-check push pull archive test lint reference lock clean
help:
	@echo "make reproduce   install into .venv and make every table and figure at demo scale (minutes, 2 CPU cores)"
	@echo "make explain     say what would run and why, and run nothing [STUDY=demo TARGETS=table-9 WORDS='seeds=0,1']"
	@echo "make doctor      check machine, cluster, disk and data before anything is submitted [STUDY=demo WORDS='site=local']"
	@echo "make gpu-check   check and measure this machine's GPU in 8 minutes; installs nothing [WORDS='out=FOLDER minutes=12']"
	@echo "make archive     report, results and provenance of a study as one RO-Crate [STUDY=demo]"
	@echo "make push        record what was made and send its bytes to the DVC remote [STUDY=demo REMOTE=name]"
	@echo "make pull        get them in a clone, so that nothing needs to be made [STUDY=demo RUN=bits-reset WEIGHTS=no]"
	@echo "make test        install into .venv, then linters, types and tests (minutes)"
	@echo "make reference   write docs/configuration.md anew from the schema"
	@echo "make lock        resolve requirements.in anew into requirements.lock"

# The last file to be written says where it was installed: whoever moves or copies the project gets it installed anew.
ifneq ($(shell cat $(VENV)/.installed 2> /dev/null),$(CURDIR))
.PHONY: $(VENV)/.installed
endif
# Scripts and activate hold the folder's path, so an environment of another place is of no use here.
HERE = grep -qF "$$PWD" $(VENV)/bin/activate 2> /dev/null

# uv checks every hash and installs in parallel; pip itself only installs uv, by hash.
$(VENV)/.installed: requirements.lock requirements-uv.lock pyproject.toml
	@[ ! -L $(VENV) ] || [ ! -e $(VENV)/pyvenv.cfg ] || $(HERE) || { echo "$(VENV) is a link to $$(readlink $(VENV)), an environment of another folder, which installing here would change. Remove the link (rm $(VENV)), or name another folder: make VENV=FOLDER" >&2; exit 1; }
	@echo "== Installing into $(VENV): about 6 GB of packages, most of it PyTorch; half a minute to some minutes"
	@start=$$SECONDS; $(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(v < (3, 11) and f"Python 3.11 or later is needed, this is {v[0]}.{v[1]}; say make PYTHON=/path/to/python3.11")' \
	&& { { $(HERE) && $(VENV)/bin/python -m pip --version > /dev/null 2>&1; } || $(PYTHON) -m venv --clear $(VENV); } \
	&& $(VENV)/bin/python -m pip install -q --require-hashes -r requirements-uv.lock \
	&& $(VENV)/bin/uv pip sync -q --require-hashes --python $(VENV)/bin/python requirements-uv.lock requirements.lock \
	&& $(VENV)/bin/uv pip install -q --python $(VENV)/bin/python --no-deps --no-build-isolation -e . \
	&& pwd -P > $@ && echo "== Installed in $$((SECONDS - start)) s"

setup: $(VENV)/.installed

reproduce: setup
	@echo "== Making every exhibit at demo scale: about ten minutes on two cores, seconds when nothing changed"
	@exec $(VENV)/bin/snakemake --cores $(CORES)  # exec: a signal to make (docker stop) is one to Snakemake

explain: setup
	@$(VENV)/bin/python -m bits explain $(TARGETS) study=$(STUDY) $(WORDS)

doctor: setup
	@$(VENV)/bin/python -m bits doctor study=$(STUDY) $(WORDS)

# With what Python is there: a GPU machine may have no network to install from.
gpu-check:
	@$(firstword $(wildcard $(VENV)/bin/python) $(PYTHON)) -m bits gpu-check $(WORDS)

archive: setup
	@$(VENV)/bin/python -m bits archive study=$(STUDY) $(WORDS)

push: setup
	@$(VENV)/bin/python -m bits share push study=$(STUDY) $(if $(REMOTE),remote=$(REMOTE)) $(WORDS)

pull: setup
	@$(VENV)/bin/python -m bits share pull study=$(STUDY) $(if $(REMOTE),remote=$(REMOTE)) \
		$(if $(RUN),run=$(RUN)) $(if $(filter no,$(WEIGHTS)),weights=no) $(WORDS)

lint: setup
	@echo "== Style, types, import directions, workflow format"
	@$(VENV)/bin/ruff check . && $(VENV)/bin/ruff format --check . && $(VENV)/bin/mypy && $(VENV)/bin/lint-imports && $(VENV)/bin/snakefmt --check Snakefile workflow

test: lint
	@echo "== Tests: some minutes (three at a time, because those on Slurm mostly wait)"
	@$(VENV)/bin/python -m pytest -n 3 --dist loadgroup

reference: setup
	$(VENV)/bin/python -m bits.config.reference > docs/configuration.md

lock: setup
	$(VENV)/bin/uv pip compile -q --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header requirements.in -o requirements.lock
	echo uv | $(VENV)/bin/uv pip compile -q --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header - -o requirements-uv.lock

clean:
	rm -rf results/*/ reports/*/ reports/index.html .snakemake
