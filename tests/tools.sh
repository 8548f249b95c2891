#!/usr/bin/env bash
# Installs what the black-box tests and the benchmarks need, from Debian's packages, crates.io and PyPI; with the
# word `fuzz`, `service` or `dependencies`, what the fuzzers, the test of the service unit or the look at the crates need as well. Does nothing the second time.
set -euo pipefail
cd "$(dirname "$0")/.."
missing=()
commands=(
  mosquitto:mosquitto mosquitto_pub:mosquitto-clients victoria-metrics:victoria-metrics influxd:influxdb python3:python3 chromium:chromium
  socat:socat openssl:openssl faketime:faketime gcc:gcc make:make pkg-config:pkg-config
)
[ "${1:-}" != fuzz ] || commands+=(c++:g++)
[ "${1:-}" != service ] || commands+=(debootstrap:debootstrap systemd-nspawn:systemd-container)
for pair in "${commands[@]}"; do
  PATH="$PATH:/usr/sbin" command -v "${pair%%:*}" >/dev/null || missing+=("${pair##*:}")
done
python3 -c 'import venv, ensurepip' 2>/dev/null || missing+=(python3-venv)
pkg-config --exists libmodbus 2>/dev/null || missing+=(libmodbus-dev)
if [ ${#missing[@]} -gt 0 ]; then
  sudo=; [ "$(id -u)" = 0 ] || sudo=sudo
  $sudo apt-get update -qq
  DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "${missing[@]}"
fi
if ! cargo nextest --version >/dev/null 2>&1; then
  cargo install --locked cargo-nextest
fi
if [ "${1:-}" = fuzz ] && ! cargo fuzz --version >/dev/null 2>&1; then
  cargo install --locked cargo-fuzz
fi
if [ "${1:-}" = dependencies ] && ! cargo deny --version >/dev/null 2>&1; then
  cargo install --locked cargo-deny
fi
if ! .venv/bin/typos --version >/dev/null 2>&1 || ! .venv/bin/python -c 'import paho.mqtt, pymodbus, serial, pysparkplug, rainflow, importlib.util as u; assert u.find_spec("bibmon")' 2>/dev/null; then
  python3 -m venv .venv
  .venv/bin/python -m pip install --quiet -r tests/peers/requirements.txt
  .venv/bin/python -m pip install --quiet --no-deps -r tests/peers/data_sets.txt
fi
make --silent -C tests/peers/libmodbus
