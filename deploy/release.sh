#!/usr/bin/env bash
# Builds the binary that is given to others: it starts on every Linux with the glibc named below or a newer one
# (2.17 is of 2012; openEuler 20.03, Kylin V10 and Debian 10 have 2.28). The linker is zig's, which carries the
# symbols of every glibc; both tools come from PyPI. Result: target/TRIPLE/release/steamward.
set -euo pipefail
cd "$(dirname "$0")/.."
glibc=${GLIBC:-2.17}
target=${TARGET:-x86_64-unknown-linux-gnu}
tools=target/release-tools
if ! [ -x "$tools/bin/cargo-zigbuild" ]; then
  python3 -m venv "$tools"
  "$tools/bin/python" -m pip install --quiet cargo-zigbuild ziglang
fi
rustup target list --installed 2>/dev/null | grep -qx "$target" || rustup target add "$target"
PATH="$PWD/$tools/bin:$PATH" cargo zigbuild --release --locked --target "$target.$glibc"
./deploy/needs.sh "target/$target/release/steamward" "$glibc"
