# Every verb sets up first; `make run` and `make test` need no other command before them.
PORT ?= 5005
TESTERS ?= 2
PYTHON := .venv/bin/python
UV := $(or $(shell command -v uv),.venv-uv/bin/uv)
TREES ?= $(wildcard ../shared/corpus/*)
export RASA_TELEMETRY_ENABLED := false
export PYTHONWARNINGS ?= ignore
export TF_CPP_MIN_LOG_LEVEL ?= 3
export SQLALCHEMY_SILENCE_UBER_WARNING ?= 1
# uv trusts the certificates that this machine does, as pip and git do; older versions know the second name.
export UV_SYSTEM_CERTS ?= true
export UV_NATIVE_TLS ?= true

.PHONY: setup run desk train shell test test-full audit lint format bench nightly encoder vectors help

help:       ## list the verbs
	@grep -E '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'
setup:      ## make .venv from the lock
	@tools/setup.sh
run: setup  ## train if needed and serve (PORT=8080 chooses the port, REST=1 opens Rasa's REST channel, DESK=1 serves the agents' desk, too)
	@exec $(PYTHON) -m bot run --port $(PORT) $(if $(filter 1,$(REST)),--rest) $(if $(filter 1,$(DESK)),--desk)
desk: setup ## serve the agents' desk at http://127.0.0.1:5010/
	@exec $(PYTHON) -m bot desk
train: setup ## train if data, configuration or components have changed
	@$(PYTHON) -m bot train
shell: setup ## talk to the bot in this terminal
	@exec $(PYTHON) -m bot shell
lint: setup ## style, types, import contracts, content checks
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports --no-cache
	@$(PYTHON) -m bot articles check data/articles
	@$(PYTHON) -m bot data check
format: setup ## put the code into the house's format
	@.venv/bin/ruff check --fix-only .
	@.venv/bin/ruff format .
test: lint train ## lint and every test but the long ones, two at a time (TESTERS=4 runs more)
	@$(PYTHON) -m pytest -n $(TESTERS) --dist loadfile -m "not full"
test-full: lint audit train ## all tests
	@$(PYTHON) -m pytest -n $(TESTERS) --dist loadfile
audit: setup ## known holes in the locked packages, as far as the database of them can be reached
	@tools/audit.sh "$(UV)"
bench: setup ## what is measured: understanding, robustness, the page, Rasa's starter bot
	@$(PYTHON) -m benchmarks.understanding
	@$(PYTHON) -m benchmarks.robustness
	@$(PYTHON) -m benchmarks.triage
	@$(PYTHON) -m benchmarks.stages
	@$(PYTHON) -m benchmarks.channel
	@$(PYTHON) -m benchmarks.peer
	@$(PYTHON) -m benchmarks.long_tail
	@test ! -f var/articles.db || $(PYTHON) -m benchmarks.search
nightly: setup ## train from scratch, measure, compare with the baseline, report (0 good, 1 worse, 2 could not run)
	@$(PYTHON) -m benchmarks.nightly
encoder: setup ## learn the shipped sentence encoder anew (four hours; the first three may be stopped)
	@$(PYTHON) -m bot encoder lessons $(TREES) --phrases data/nlu -o var/encoder/lessons.json
	@$(UV) sync --frozen --quiet --project tools/encoder --python 3.10
	@tools/encoder/.venv/bin/python tools/encoder var/encoder var/encoder/tuned
	@tools/encoder/.venv/bin/python tools/encoder/refine.py var/encoder/lessons.json var/encoder/tuned bot/encoder/shipped
vectors: setup ## learn the word vectors of languages without phrases from the article trees (TREES=..., ten to twenty minutes)
	@$(UV) sync --frozen --quiet --group encoder --python 3.10
	@$(PYTHON) -m bot encoder train $(TREES) --phrases data/nlu \
	  $(addprefix --english ,$(wildcard ../shared/benchmarks/clinc150/data_full.json)) -o bot/encoder/weights.npz
	@$(PYTHON) -m bot encoder evaluate $(TREES)
