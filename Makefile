# `make run` and `make test` are all a newcomer needs; the rest is for contributors.

CARGO ?= cargo
TOOLS := target/tools
DENY := 0.20.2
OIDC_PROVIDER := $(TOOLS)/oidc-provider/node_modules/.package-lock.json
NODE := $(shell command -v npm >/dev/null && node --eval 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' 2>/dev/null && echo yes)
PYTHON := $(shell command -v python3 >/dev/null && python3 -m pip --version >/dev/null 2>&1 && echo python3)
MANIFESTS := $(TOOLS)/manifests
KUBERNETES := 1.33
PROMTOOL := $(or $(shell command -v promtool),$(TOOLS)/prometheus/promtool)
REDIS := $(or $(shell command -v redis-server),$(shell command -v valkey-server),$(TOOLS)/redis/redis-server)

.PHONY: run test check fmt clippy doc licences manifests soak-tokens without-node without-manifests image

run:  ## builds and starts the demo
	$(CARGO) run --quiet -- demo

test: $(if $(NODE),$(OIDC_PROVIDER),without-node) $(REDIS)  ## gets what the tests need and runs them all
	$(CARGO) test --quiet $(if $(NODE),,-- --skip oauth_servers)

check: fmt clippy doc licences manifests  ## format, lints, docs, licences, manifests

fmt:
	$(CARGO) fmt --check

clippy:
	$(CARGO) clippy --quiet --all-targets -- -D warnings

doc:
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --quiet --no-deps

licences: $(TOOLS)/bin/cargo-deny-$(DENY)
	$(TOOLS)/bin/cargo-deny --locked check --hide-inclusion-graph bans licenses sources

manifests: $(PROMTOOL) $(if $(NODE),$(MANIFESTS)/node,without-manifests) $(if $(PYTHON),$(MANIFESTS)/python,without-manifests)
	$(if $(PYTHON),PYTHONPATH=$(MANIFESTS)/python $(PYTHON) -B tests/tools/manifests/kubernetes.py $(KUBERNETES) deploy/kubernetes/*.yaml)
	$(if $(NODE),node tests/tools/manifests/strict.mjs $(MANIFESTS) deploy/kubernetes/*.yaml)
	$(PROMTOOL) check rules deploy/prometheus/rules.yml
	$(PROMTOOL) test rules deploy/prometheus/tests/*.yml

soak-tokens:  ## a minute of load over short-lived tokens, in real time
	TOKEN_SOAK=1 $(CARGO) test --quiet --test gateway token_outage -- --nocapture

without-node:
	@echo "There is no Node.js 20 or newer with npm here: the tests before a certified OAuth 2.0 server are left out." >&2

without-manifests:
	@echo "There is no Python with pip, or no Node.js 20 with npm, here: manifests are not held against all their schemas." >&2

image:  ## builds the container image
	docker build -t passport-gateway .

$(TOOLS)/bin/cargo-deny-$(DENY):
	$(CARGO) install --quiet --locked --root $(TOOLS) --version $(DENY) cargo-deny
	touch $@

$(OIDC_PROVIDER): tests/tools/oidc-provider/package.json tests/tools/oidc-provider/package-lock.json
	@mkdir -p $(TOOLS)/oidc-provider
	@cp $^ $(TOOLS)/oidc-provider
	@cd $(TOOLS)/oidc-provider && install="npm ci --ignore-scripts --no-audit --no-fund --loglevel=error" && \
	  { $$install >/dev/null || $$install >/dev/null || \
	    { echo "npm cannot install oidc-provider, which the tests run: see above, and run make again." >&2; exit 1; }; }
	@touch $@

$(MANIFESTS)/node: tests/tools/manifests/package.json tests/tools/manifests/package-lock.json
	@tests/tools/get-npm $(MANIFESTS) $^
	@touch $@

$(MANIFESTS)/python: tests/tools/manifests/requirements.txt
	@install="python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-compile --upgrade --target $@ -r $<" && \
	  { $$install || $$install || { echo "pip cannot install kubernetes-validate, which make manifests runs: see above." >&2; exit 1; }; }
	@touch $@

$(TOOLS)/prometheus/promtool: tests/tools/get-debian
	@tests/tools/get-debian $(TOOLS)/prometheus promtool prometheus

$(TOOLS)/redis/redis-server: tests/tools/get-debian
	@tests/tools/get-debian $(TOOLS)/redis redis-server redis-server redis-tools libjemalloc2 liblzf1
