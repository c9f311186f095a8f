# The verbs of this repository. Longer ones are scripts in bin/.
.DEFAULT_GOAL := help
.PHONY: help up status down kill revive logs psql unit env e2e env-down pipeline test hosts-test drill bench django-suite golden provisioner lint fmt build build-frontend lock clean

HOST :=
LOCAL := .venv/bin/python -m cluster.local

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: ## install what is missing, start the cluster, print where it is  [HOSTS=3] [PORT_BASE=8000]
	@bin/up $(if $(HOSTS),--hosts $(HOSTS)) $(if $(PORT_BASE),--port-base $(PORT_BASE))

status: .venv ## which hosts are up, who follows whom, how far behind
	@.venv/bin/python -m cluster.cli status

down: .venv ## stop everything cleanly; all data stays
	@$(LOCAL) down

kill: .venv ## SIGKILL to all that one host runs  HOST=2
	@$(LOCAL) kill --host $(or $(HOST),$(error say which: make kill HOST=2))

revive: .venv ## start a killed host again and let it catch up  HOST=2
	@$(LOCAL) revive --host $(or $(HOST),$(error say which: make revive HOST=2))

logs: .venv ## follow the logs of all, or of one host  [HOST=2|edge]
	@$(LOCAL) logs $(if $(HOST),--host $(HOST))

psql: .venv ## a psql prompt on one node  [HOST=1]
	@$(LOCAL) psql $(if $(HOST),--host $(HOST))

unit: ## fast tests of single parts, without a whole cluster  [ARGS="-k deck"]
	@bin/unit $(ARGS)

env: ## an environment from the provisioner, in reports/env.json  [TEMPLATE=pipeline] [TTL=2h] [ENV_NAME=...]
	@bin/environment create

e2e: ## end-to-end tests in an environment  ENV=reports/env.json
	@bin/e2e $(or $(ENV),$(error say which: make e2e ENV=reports/env.json)) $(ARGS)

env-down: ## destroy the environment that `make env` made
	@bin/environment destroy

pipeline: ## run jenkins/Jenkinsfile here, stage by stage, without a Jenkins
	@bin/pipeline $(ARGS)

test: ## everything but long drills, as CI runs it  [ARGS="tests/local -k kill"]
	@bin/test $(ARGS)

hosts-test: ## site.yml on three real Debian hosts of this machine, lessons and power failures on them, the click  (root)
	@bin/hosts-test $(ARGS)

drill: ## break things while people write and count what is wrong; page in reports/drill  [ROUNDS="conflicts kill"] [SHORT=1]
	@bin/drill $(ROUNDS)

django-suite: ## Django's own test suite on a live mesh; nodes must be equal after each label  [LABELS="schema update"] [HOSTS=3]
	@bin/django-suite $(if $(HOSTS),--hosts $(HOSTS)) $(LABELS)

bench: ## figures beside their yardsticks (Postgres, pglogical; Channels, Tornado, aiohttp); page in reports/bench  [BENCH="writes relay"] [SHORT=1]
	@bin/bench $(BENCH)

golden: ## a golden image of finished hosts, from which environments are cloned in seconds  [HOSTS=3]  (root)
	@bin/golden $(or $(HOSTS),3)

provisioner: ## environments at a click: page and API on port 8500, state in .run/provisioner
	@bin/provisioner

lint: ## style and types of Python, shell and TypeScript
	@bin/install --tests && bin/build-frontend && bin/lint

fmt: .venv ## format the Python code
	@.venv/bin/ruff check --quiet --fix . ; .venv/bin/ruff format .

build: ## everything that a host gets, as one archive: dist/firstbell-<version>.tar.gz
	@bin/build

build-frontend: ## build the pages, if their sources changed
	@bin/install && bin/build-frontend

lock: .venv ## lock the Python packages of pyproject.toml anew
	@bin/lock

clean: .venv ## stop the cluster and delete its data (asks)
	@$(LOCAL) clean

.venv:
	@echo 'Nothing is installed yet. Start with: make up' >&2; exit 1
