# `make run` and `make test` are all a newcomer needs; the rest is for contributors.

CARGO ?= cargo
TOOLS := target/tools
DENY := 0.20.2
OIDC_PROVIDER := $(TOOLS)/oidc-provider/node_modules/.package-lock.json
NODE := $(shell command -v npm >/dev/null && node --eval 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' 2>/dev/null && echo yes)
CHROMIUM := $(or $(shell command -v chromium),$(if $(filter x86_64,$(shell uname -m)),$(TOOLS)/chromium/chromium))
BROWSER := $(and $(NODE),$(CHROMIUM),$(TOOLS)/chromium/driven)
PYTHON := $(shell command -v python3 >/dev/null && python3 -m pip --version >/dev/null 2>&1 && echo python3)
MANIFESTS := $(TOOLS)/manifests
KUBERNETES := 1.33
PROMTOOL := $(or $(and $(shell command -v prometheus),$(shell command -v promtool)),$(TOOLS)/prometheus/promtool)
REDIS := $(or $(shell command -v redis-server),$(shell command -v valkey-server),$(TOOLS)/redis/redis-server)

# What cargo-fuzz would set but for a sanitizer, which needs a nightly compiler: there is no unsafe code here for it to look at.
FUZZ_TARGETS := token query json head answer
FUZZ_SECONDS := 60
FUZZ_HOST := $(shell rustc -vV | sed -n 's/^host: //p')
FUZZ_BIN := target/fuzz/$(FUZZ_HOST)/release
FUZZ_FLAGS := --cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
  -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
  -Cllvm-args=-sanitizer-coverage-trace-compares

PEERS := $(TOOLS)/peers
# Pingora is built with a CMake of its own.
PEERS_ENV := CARGO_TARGET_DIR=target/peers PATH="$(CURDIR)/$(PEERS)/python/bin:$$PATH" PYTHONPATH=$(CURDIR)/$(PEERS)/python

.PHONY: run test check fmt clippy doc licences manifests soak soak-tokens soak-limits soak-kills bench release instructions bench-peers fuzz fuzz-build without-node without-browser without-manifests screenshots image

run:  ## builds and starts the demo
	$(CARGO) run --quiet -- demo

test: $(PROMTOOL) $(if $(NODE),$(OIDC_PROVIDER),without-node) $(if $(BROWSER),$(BROWSER) $(CHROMIUM),without-browser) $(REDIS)  ## gets what the tests need and runs them all
	$(CARGO) test --quiet -- $(if $(NODE),,--skip oauth_servers) $(if $(BROWSER),,--skip status_page)

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
	$(if $(NODE),node tests/tools/manifests/strict.mjs $(MANIFESTS) deploy/kubernetes/*.yaml deploy/compose/*.yaml deploy/grafana/provisioning/*/*.yaml)
	tests/tools/check-systemd deploy/systemd
	$(PROMTOOL) check config deploy/prometheus/prometheus.yml
	$(CARGO) run --quiet -- openapi >$(TOOLS)/openapi.json
	$(if $(PYTHON),PYTHONPATH=$(MANIFESTS)/python $(PYTHON) -B -m openapi_spec_validator $(TOOLS)/openapi.json)
	$(PROMTOOL) test rules deploy/prometheus/tests/*.yml

soak:  ## a quarter of an hour of everything at once, in real time; SOAK=60 makes it a minute
	SOAK=$(or $(SOAK),900) $(CARGO) test --quiet --test gateway soak::no_answer -- --nocapture

soak-tokens:  ## a minute of load over short-lived tokens, in real time
	TOKEN_SOAK=1 $(CARGO) test --quiet --test gateway token_outage -- --nocapture

soak-limits: $(REDIS)  ## half a minute of load on three gateways and one Redis, in real time
	LIMITS_SOAK=1 $(CARGO) test --quiet --test gateway shared_limits::soak -- --nocapture --test-threads=1

bench:  ## measures; benches/README.md says how to read it
	$(CARGO) bench --quiet $(if $(BENCH),--bench $(BENCH)) -- $(FILTER)

instructions:  ## counts those of a hit and a forward, and fails if there are more than before
	$(CARGO) bench --quiet --bench instructions

release:  ## the binary as it ships, optimised by a profile of its own work: target/optimised/passport-gateway
	benches/optimise

bench-peers: $(PEERS)/installed release  ## three quarters of an hour beside other proxies; benches/peers/README.md says how
	$(PEERS_ENV) $(CARGO) build --quiet --release --workspace --manifest-path benches/peers/Cargo.toml
	target/peers/release/peers run --gateway target/optimised/passport-gateway --tools $(PEERS) \
	  --systems benches/peers/systems --results benches/peers/results $(PEERS_RUN)

fuzz: $(addprefix fuzz-,$(FUZZ_TARGETS))  ## a minute of each fuzz target; a finding ends it with the input's path

fuzz-%: fuzz-build
	@mkdir -p target/fuzz/corpus/$* target/fuzz/findings
	$(FUZZ_BIN)/$* target/fuzz/corpus/$* fuzz/corpus/$* -artifact_prefix=target/fuzz/findings/$*- \
	  -max_total_time=$(FUZZ_SECONDS) -max_len=4096 -timeout=10 -print_final_stats=1 -verbosity=0

fuzz-build:
	RUSTFLAGS="$(FUZZ_FLAGS)" CARGO_TARGET_DIR=target/fuzz $(CARGO) build --quiet --release --manifest-path fuzz/Cargo.toml --target $(FUZZ_HOST)

soak-kills: $(REDIS)  ## two hundred real SIGKILLs over payments with each store: none is paid twice
	KILLS=200 $(CARGO) test --quiet --test gateway kills -- --nocapture

without-node:
	@echo "There is no Node.js 20 or newer with npm here: the tests before a certified OAuth 2.0 server are left out." >&2

without-browser:
	@echo "There is no Chromium here, or no Node.js 20 with npm to drive it: the tests of the status page are left out." >&2

screenshots: $(BROWSER) $(CHROMIUM)  ## pictures of the status page, for the documents
	$(CARGO) test --quiet --test gateway status_page::it_fits
	cp target/screenshots/status-page-*.png docs/

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

$(TOOLS)/chromium/driven: tests/tools/chromium/package.json tests/tools/chromium/package-lock.json
	@tests/tools/get-npm $(TOOLS)/chromium $^
	@touch $@

$(TOOLS)/chromium/chromium: tests/tools/chromium/unpack.mjs $(TOOLS)/chromium/driven
	@node $< $(TOOLS)/chromium
	@touch $@

$(TOOLS)/prometheus/promtool: tests/tools/get-debian
	@tests/tools/get-debian $(TOOLS)/prometheus promtool prometheus

$(TOOLS)/redis/redis-server: tests/tools/get-debian
	@tests/tools/get-debian $(TOOLS)/redis redis-server redis-server redis-tools libjemalloc2 liblzf1

$(PEERS)/installed: benches/peers/install
	@benches/peers/install $(PEERS)
