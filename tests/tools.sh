#!/usr/bin/env bash
# Installs what the black-box tests need, from Debian's packages and PyPI; does nothing the second time.
set -euo pipefail
cd "$(dirname "$0")/.."
missing=()
for pair in mosquitto:mosquitto victoria-metrics:victoria-metrics influxd:influxdb python3:python3 chromium:chromium; do
  PATH="$PATH:/usr/sbin" command -v "${pair%%:*}" >/dev/null || missing+=("${pair##*:}")
done
python3 -c 'import venv, ensurepip' 2>/dev/null || missing+=(python3-venv)
if [ ${#missing[@]} -gt 0 ]; then
  sudo=; [ "$(id -u)" = 0 ] || sudo=sudo
  $sudo apt-get update -qq
  DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "${missing[@]}"
fi
if ! cargo nextest --version >/dev/null 2>&1; then
  cargo install --locked cargo-nextest
fi
if ! .venv/bin/python -c 'import pymodbus, pysparkplug' 2>/dev/null; then
  python3 -m venv .venv
  .venv/bin/pip install --quiet -r tests/peers/requirements.txt
fi
