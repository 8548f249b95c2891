#!/usr/bin/env bash
# needs.sh BINARY VERSION: names the newest glibc that BINARY needs, and fails if that is newer than VERSION.
# A binary that needs a newer one does not start at all on an older system.
set -euo pipefail
[ $# = 2 ] || { echo "usage: $0 BINARY VERSION" >&2; exit 2; }
binary=$1 promised=$2
[ -f "$binary" ] || { echo "$binary: not there" >&2; exit 2; }
found=$(readelf --version-info --wide "$binary" | grep -o 'Name: GLIBC_[0-9.]*' | sed 's/.*GLIBC_//' | sort -uV)
if [ -z "$found" ]; then
  if readelf --dynamic --wide "$binary" | grep -q NEEDED; then
    echo "$binary: no needed version was found, and it is not static" >&2
    exit 1
  fi
  echo "$binary needs no glibc"
  exit 0
fi
newest=$(tail -n 1 <<<"$found")
echo "$binary needs glibc $newest; promised: $promised"
[ "$(printf '%s\n' "$newest" "$promised" | sort -V | tail -n 1)" = "$promised" ] || {
  echo "too new; what asks for it:" >&2
  readelf --dyn-syms --wide "$binary" | grep "GLIBC_$newest" >&2 || true
  exit 1
}
