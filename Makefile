# Few verbs. `make demo` and `make test` do all their set-up on a fresh Debian machine.
.PHONY: demo test bench lint web tools clean
NPM_STAMP := web/node_modules/.package-lock.json

demo: web            ## the gateway on the embedded demo plant; open http://127.0.0.1:8686/
	cargo run --quiet --release -- demo

test: tools      ## everything CI runs: lint, unit, property and black-box tests
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings
	cargo nextest run

bench:               ## micro benchmarks of the hot path
	cargo bench

lint:                ## format and lints
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings

web: web/dist/index.html

$(NPM_STAMP): web/package.json web/package-lock.json
	cd web && npm ci --no-audit --no-fund && touch node_modules/.package-lock.json

web/dist/index.html: $(NPM_STAMP) $(shell find web/src web/index.html -type f 2>/dev/null)
	cd web && npm run build && touch dist/index.html

tools:               ## what the tests need from Debian and PyPI
	./tests/tools.sh

clean:
	cargo clean
	rm -rf web/dist web/node_modules .venv
