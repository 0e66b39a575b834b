# `make setup` installs into .venv and nowhere else; everything else builds on it.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
INSTALLED := .venv/.installed

.PHONY: setup demo test check compose-test compose-scale format golden services generator clean

setup: $(INSTALLED)

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[train,dev]'
	touch $@

# make demo                    procedural street scenes, 8 minutes
# make demo DATA=folder MINUTES=30
demo: setup
	$(BIN)/bpkd demo $(if $(DATA),--data '$(DATA)') $(if $(MINUTES),--minutes $(MINUTES))

# Every test that runs on a CPU, after the checks. PYTEST_ARGS narrows it down.
test: setup services generator check
	$(BIN)/python -m pytest $(PYTEST_ARGS)

check: setup
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/lint-imports
	$(BIN)/pyright
	$(BIN)/bandit --quiet --recursive bpkd_core service worker --configfile pyproject.toml
	$(BIN)/hadolint docker/Dockerfile docker/*.Dockerfile
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.compose-spec docker-compose.yml docker/compose.*.yml
	$(BIN)/kubernetes-validate --quiet --strict docker/k8s/*.yaml

# What is said of containers, shown with containers; both want Docker with compose, and leave nothing behind.
# compose-test   build, up, the main job from outside while the stores are restarted, a mask, down, up, all still there
# compose-scale  two replicas behind a proxy and two workers: 20 jobs, each once, while one replica goes away
compose-test: setup
	PYTHONPATH=. $(BIN)/python tests/compose/walk.py

compose-scale: setup
	PYTHONPATH=. $(BIN)/python tests/compose/scale.py

format: setup
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

# Rewrite the files that pin our public surface; read the diff before committing it.
golden: setup
	$(BIN)/python -m pytest tests --golden

# Redis and PostgreSQL for the integration tests; the tests start and stop their own.
services:
	@command -v redis-server >/dev/null && ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || { \
	  sudo=$$([ "$$(id -u)" = 0 ] || echo sudo); \
	  $$sudo apt-get update -qq && $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq redis-server postgresql; }

# A public generator of clients, for the test that uses one; its own environment, because its pins are not ours.
generator: .venv-openapi/.installed

.venv-openapi/.installed:
	$(PYTHON) -m venv .venv-openapi
	.venv-openapi/bin/python -m pip install --quiet --disable-pip-version-check openapi-python-client==0.29.1
	touch $@

clean:
	rm -rf .venv .venv-openapi .pytest_cache .ruff_cache .hypothesis *.egg-info bpkd-demo
