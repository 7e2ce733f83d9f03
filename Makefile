# `make run` and `make test` are all a newcomer needs; the rest is for contributors.

CARGO ?= cargo
TOOLS := target/tools
DENY := 0.20.2

.PHONY: run test check fmt clippy doc licences image

run:  ## builds and starts the demo
	$(CARGO) run --quiet -- demo

test:  ## gets what the tests need and runs them all
	$(CARGO) test --quiet

check: fmt clippy doc licences  ## format, lints, docs, licences

fmt:
	$(CARGO) fmt --check

clippy:
	$(CARGO) clippy --quiet --all-targets -- -D warnings

doc:
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --quiet --no-deps

licences: $(TOOLS)/bin/cargo-deny-$(DENY)
	$(TOOLS)/bin/cargo-deny --locked check --hide-inclusion-graph bans licenses sources

image:  ## builds the container image
	docker build -t passport-gateway .

$(TOOLS)/bin/cargo-deny-$(DENY):
	$(CARGO) install --quiet --locked --root $(TOOLS) --version $(DENY) cargo-deny
	touch $@
