# Every target makes .venv by itself; a machine needs only Python 3.11 or newer and make.

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(firstword $(foreach name,python3 python3.13 python3.12 python3.11,$(if \
	$(shell $(name) -c 'import sys; print(sys.version_info >= (3, 11) or "")' 2>/dev/null),$(name))) python3)
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check --no-input
NPM := $(BIN)/python console/npm.py
CONSOLE := console/dist/index.html
CONSOLE_SOURCES := $(shell find console \( -name node_modules -o -path console/dist \) -prune -o -type f -not -name schema.d.ts -print)
TESTS ?=
SIZE ?=
SIDE_BY_SIDE := -n logical --maxprocesses 4

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo up test test-docker test-kubernetes test-backends programs bench bench-kubernetes lint format docs check lock clean compose-up compose-down sbom

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/platform.stamp $(CONSOLE) ## install the platform into .venv, and build the console

demo: setup ## watch a real training job from queued to finished
	@$(BIN)/python -m examples.demo

up: setup ## start the platform on this machine: http://127.0.0.1:8080
	@exec $(BIN)/jobyard up

compose-up: ## start the platform in containers, jobs as containers beside it: http://127.0.0.1:8080
	@docker compose version > /dev/null 2>&1 || { echo "There is no \`docker compose\` here: install Docker and its \
	compose plugin, https://docs.docker.com/compose/install/" >&2; exit 1; }
	@$(PYTHON) deploy/compose/environment.py
	@docker compose build
	@docker compose up --detach --wait
	@echo "Open http://$$(docker compose port gateway 8080), and sign in as admin with the password in" \
		"$$(sed -n 's/^JOBYARD_FOLDER=//p' .env)/admin-password."

compose-down: ## end what compose-up has started; the data under .jobyard/compose and its volumes stay
	@docker compose down

test: $(VENV)/dev.stamp $(CONSOLE) ## run every test; TESTS="tests/unit -k name" runs some
	@$(BIN)/python -m tests.support.programs
	$(if $(TESTS),,$(NPM) test)
	$(BIN)/python -m pytest $(or $(TESTS),$(SIDE_BY_SIDE))

test-docker: $(VENV)/dev.stamp ## run the tests of the backend docker, and of compose.yaml, on a real engine
	@JOBYARD_TEST_BACKENDS=docker $(BIN)/python -m tests.support.programs
	JOBYARD_TEST_BACKENDS=docker $(BIN)/python -m pytest $(or $(TESTS),tests/docker tests/contract/test_backend_usage.py $(CONTRACTS))

test-kubernetes: programs $(CONSOLE) ## run the tests of the backend kubernetes, and of the Helm chart, on a real cluster
	@JOBYARD_TEST_BACKENDS=kubernetes $(BIN)/python -m tests.support.programs
	JOBYARD_TEST_BACKENDS=kubernetes $(BIN)/python -m pytest $(or $(TESTS),tests/kubernetes $(CONTRACTS))

test-backends: programs $(CONSOLE) ## run both of them side by side
	@JOBYARD_TEST_BACKENDS=docker,kubernetes $(BIN)/python -m tests.support.programs
	JOBYARD_TEST_BACKENDS=docker,kubernetes $(BIN)/python -m pytest -n 2 tests/docker tests/kubernetes tests/contract/test_backend_usage.py $(CONTRACTS)

CONTRACTS := $(addprefix tests/contract/test_backend,.py _ways.py _executor.py _homes.py)

programs: $(VENV)/dev.stamp ## build the programs of a Kubernetes cluster from Go modules, once
	@$(BIN)/python -m tests.support.kubernetes.programs $(OF_A_CLUSTER)

OF_A_CLUSTER := etcd kube-apiserver kube-controller-manager kube-scheduler kubelet containerd containerd-shim-runc-v2 ctr helm

bench: $(VENV)/dev.stamp $(CONSOLE) ## measure this machine
	$(BIN)/python -m benchmarks

bench-kubernetes: $(VENV)/dev.stamp $(CONSOLE) ## measure the backend kubernetes on 1,000 played nodes; SIZE="--nodes 50 --jobs 400 --runs 400" is less
	@JOBYARD_TEST_OPTIMISED=1 $(BIN)/python -m tests.support.kubernetes.programs $(PLAYED_PROGRAMS)
	JOBYARD_TEST_OPTIMISED=1 $(BIN)/python -m benchmarks kubernetes $(SIZE)

PLAYED_PROGRAMS := etcd kube-apiserver kube-controller-manager kube-scheduler kwok

lint: $(VENV)/dev.stamp $(CONSOLE) ## style, types and who may import whom
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(NPM) run check

format: $(VENV)/dev.stamp ## put the source in order
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	$(NPM) run format

docs: $(VENV)/dev.stamp ## write again what is generated from the code
	$(BIN)/python -m docs.tools

check: lint ## what CI runs: lint, generated files are current, all tests
	$(BIN)/python -m docs.tools --check
	@nice $(MAKE) --no-print-directory programs & builds=$$!; \
		$(MAKE) --no-print-directory test && wait $$builds || { kill $$builds; exit 1; }
	@$(MAKE) --no-print-directory test-backends

lock: $(VENV)/dev.stamp ## pin the newest versions that pyproject.toml allows
	$(LOCK) --upgrade pyproject.toml --group platform --group programs --group examples --group build --output-file requirements.lock
	$(LOCK) --upgrade pyproject.toml --group platform --group programs --group examples --group build --group dev --constraint requirements.lock \
		$$(sed -n '/ == .win32./d; s/^\([a-z0-9-]*\)==.*/--no-emit-package \1/p' requirements.lock | sort -u) \
		--output-file requirements-dev.lock

	$(LOCK) --upgrade --group node --output-file requirements-node.lock
	$(LOCK) pyproject.toml --group platform --constraint requirements.lock --output-file requirements-services.lock

LOCK := $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --quiet \
	--no-header --no-annotate --no-emit-index-url --no-emit-find-links

sbom: $(VENV)/dev.stamp ## write build/sbom.json, what the image of the services is made of (CycloneDX)
	@mkdir -p build
	@$(BIN)/cyclonedx-py requirements requirements-services.lock --pyproject pyproject.toml --output-file build/sbom.json

clean: ## remove .venv and every cache; the data under .jobyard stays
	rm -rf console/dist console/node_modules $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/venv.stamp:
	@$(PYTHON) -c 'import sys; sys.exit("Jobyard needs Python 3.11 or newer; set PYTHON=...") if sys.version_info < (3, 11) else None'
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "Python's venv module is incomplete here; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@touch $@

$(VENV)/platform.stamp: $(VENV)/venv.stamp requirements.lock pyproject.toml
	@echo "Installing the platform into $(VENV) ..."
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --no-index --editable .
	@touch $@

$(VENV)/dev.stamp: $(VENV)/platform.stamp requirements-dev.lock
	@echo "Installing what the tests need into $(VENV) ..."
	@$(PIP) install --require-hashes -r requirements.lock -r requirements-dev.lock
	@touch $@

$(CONSOLE): $(VENV)/platform.stamp docs/openapi.json $(CONSOLE_SOURCES)
	@echo "Building the console ..."
	@$(NPM) run build
