#!/usr/bin/env bash
# Runs every target for a bounded time on stable Rust, without a sanitizer: `run.sh [SECONDS [TARGET…]]`.
# Ends with the first finding, whose input lies in artifacts/TARGET/ then.
set -euo pipefail
cd "$(dirname "$0")"
seconds=${1:-20}
shift || true
targets=("$@")
[ ${#targets[@]} -gt 0 ] || mapfile -t targets < <(cargo fuzz list)
# What is fuzzed is what is shipped: the product's own locked versions.
[ Cargo.lock -nt ../Cargo.lock ] || cp ../Cargo.lock Cargo.lock
build=(-s none --codegen-units 16)
cargo fuzz build "${build[@]}"
for target in "${targets[@]}"; do
  corpus=(corpus/"$target")
  mkdir -p "${corpus[0]}"
  [ ! -d seeds/"$target" ] || corpus+=(seeds/"$target")
  options=(-max_total_time="$seconds" -max_len=4096 -timeout=10 -print_final_stats=1)
  [ ! -f dictionaries/"$target".dict ] || options+=(-dict=dictionaries/"$target".dict)
  case $target in
    settings) corpus+=(../config ../tests/broken) ;;
    csv) corpus+=(../config/profiles) ;;
  esac
  echo "fuzz $target for ${seconds} s"
  log=$(mktemp)
  if cargo fuzz run "${build[@]}" "$target" "${corpus[@]}" -- "${options[@]}" >"$log" 2>&1; then
    grep '^stat::number_of_executed_units' "$log"
    rm -f "$log"
  else
    tail -n 60 "$log" >&2
    rm -f "$log"
    exit 1
  fi
done
