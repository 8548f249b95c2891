# Few verbs. `make demo` and `make test` do all their set-up on a fresh Debian machine with Rust and Node.
.PHONY: demo test test-long test-service bench fuzz lint features spelling dependencies release web tools clean
FUZZ_SECONDS ?= 20
NPM_STAMP := web/node_modules/.package-lock.json

demo: web            ## the gateway on the embedded demo plant; open http://127.0.0.1:8686/
	cargo run --quiet --release -- demo

test: tools web      ## lints, unit, property and black-box tests, the page in Chromium
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings
	cd web && npm run --silent check && npm test --silent
	cargo nextest run --no-fail-fast

test-long: tools     ## the store's disk full for two minutes at 5 000 readings a second (as root); every fault of the public process
	STEAMWARD_LONG=1 cargo nextest run --profile long --test black_box -E 'test(disk::) + test(realism::)'

test-service:        ## the service unit under a live systemd, in a container that is made first (as root)
	./tests/tools.sh service
	cargo build
	./tests/service.sh

bench: tools         ## the hot path by itself, and the cost of a reading from wire to database
	cargo bench --bench hot_path
	cargo bench --bench wire_to_database

fuzz:                ## every fuzz target for FUZZ_SECONDS; see fuzz/README.md
	./tests/tools.sh fuzz
	cargo fmt --check --manifest-path fuzz/Cargo.toml
	./fuzz/run.sh $(FUZZ_SECONDS)

lint: web            ## format and lints only
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings
	cd web && npm run --silent check

features: web        ## the lints without default features, and with each of them alone
	for features in "" demo broker influx-client spreadsheets; do \
	  echo "with: $$features" && cargo clippy --no-default-features --features "$$features" --lib --bins -- -D warnings || exit 1; \
	done

spelling: tools      ## words that are not English; exceptions are in _typos.toml
	.venv/bin/typos

dependencies:        ## licences, sources and duplicates of crates; see deny.toml
	./tests/tools.sh dependencies
	cargo deny --log-level error check licenses bans sources

release: web         ## the binary for other machines, which starts with glibc 2.17 and newer
	./deploy/release.sh

web: web/dist/index.html

$(NPM_STAMP): web/package.json web/package-lock.json
	cd web && npm ci --no-audit --no-fund && touch node_modules/.package-lock.json

web/dist/index.html: $(NPM_STAMP) $(shell find web/src web/index.html web/vite.config.ts web/svelte.config.js -type f 2>/dev/null)
	cd web && npm run --silent build && touch dist/index.html

tools:               ## what the tests need from Debian, crates.io and PyPI
	./tests/tools.sh

clean:
	cargo clean
	rm -rf web/dist web/node_modules .venv
