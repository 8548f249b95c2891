#!/usr/bin/env bash
# The service unit under a live systemd: boots a minimal Debian in a container and looks at what a unit file alone
# does not show. Needs root, debootstrap and systemd-container; takes a minute or two, once the container is made.
#   tests/service.sh [BINARY]     default: target/debug/steamward
# Ends with 1 where something does not hold, and with 2 where no container can be made or booted here.
set -euo pipefail
cd "$(dirname "$0")/.."
binary=${1:-target/debug/steamward}
base=${CONTAINER:-target/service-container}
[ "$(id -u)" = 0 ] || { echo "needs root" >&2; exit 2; }
for tool in debootstrap:debootstrap systemd-nspawn:systemd-container; do
  command -v "${tool%%:*}" >/dev/null || { echo "needs the package ${tool##*:}" >&2; exit 2; }
done
if ! [ -e "$base/etc/debian_version" ]; then
  debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus bookworm "$base" >/dev/null \
    || { rm -rf "$base"; echo "the container cannot be made" >&2; exit 2; }
fi
name=steamward-$$
pty=$(mktemp -d)
cleanup() {
  machinectl terminate "$name" >/dev/null 2>&1 || true
  [ -z "${boot:-}" ] || { kill "$boot" 2>/dev/null || true; wait "$boot" 2>/dev/null || true; }
  rm -rf "$pty"
}
trap cleanup EXIT

# What a machine would have after an installation by hand (docs/integrator.md).
install -D -m 755 "$binary" "$base/usr/bin/steamward"
install -D -m 644 deploy/steamward.sysusers "$base/usr/lib/sysusers.d/steamward.conf"
install -D -m 644 deploy/steamward.service "$base/etc/systemd/system/steamward.service"
rm -rf "$base/etc/steamward" "$base/var/lib/steamward" "$base/var/log/journal"
mkdir -p "$base/etc/steamward/profiles"
cat > "$base/etc/steamward/steamward.toml" <<'TOML'
[site]
id = "north"
timezone = "Asia/Shanghai"
[[source.push]]
id = "app"
[[equipment]]
id = "boiler-1"
profile = "p"
source = "app"
[[outlet.influx]]
id = "database"
url = "http://127.0.0.1:9"
org = "plant"
bucket = "boilers"
token = { file = "/etc/steamward/secrets/token" }
TOML
printf 'kind = "steam-boiler"\n[[point]]\nid = "pressure"\nunit = "MPa"\n' > "$base/etc/steamward/profiles/p.toml"
# As on a minimal system: no time zones, no certificates.
rm -rf "$base/usr/share/zoneinfo" "$base/etc/ssl/certs"

SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=${UNIFIED:-1} systemd-nspawn --quiet --boot --register=no --keep-unit --machine="$name" --directory="$base" \
  --private-network --console=pipe </dev/null >"$pty/console" 2>&1 &
boot=$!
leader=
in_it() { nsenter --target "$leader" --mount --uts --ipc --net --pid --root --wd=/ "$@"; }
for _ in $(seq 120); do
  kill -0 "$boot" 2>/dev/null || { echo "the container ended:" >&2; tail -20 "$pty/console" >&2; exit 2; }
  leader=$(pgrep -P "$boot" | head -n 1 || true)
  [ -n "$leader" ] && [ "$(cat "/proc/$leader/comm")" = systemd ] \
    && in_it systemctl is-system-running 2>/dev/null | grep -qE 'running|degraded' && break
  sleep 0.5
done

failed=0
say() { printf '%-5s %s\n' "$1" "$2"; [ "$1" = ok ] || failed=1; }
# holds WORDS COMMAND…: true within 40 s.
holds() {
  local words=$1; shift
  for _ in $(seq 80); do "$@" >/dev/null 2>&1 && { say ok "$words"; return; }; sleep 0.5; done
  say FAIL "$words"
  in_it systemctl status --no-pager --full steamward 2>&1 | tail -15 || true
}
property() { in_it systemctl show --property="$1" --value steamward; }
active() { [ "$(property ActiveState)" = active ]; }

in_it systemd-sysusers
in_it chown -R root:steamward /etc/steamward
in_it chmod -R u=rwX,g=rX,o= /etc/steamward
in_it systemctl daemon-reload
in_it systemctl start steamward || true
holds "it starts on a system without certificates and time zones" active
told() { property StatusText | grep -q 'sources connected'; }
holds "the status line tells how it stands" told
down() { property StatusText | grep -q 'outlet.influx.database: down'; }
holds "the status line names what is down" down
in_it mkdir -p /etc/steamward/secrets
in_it sh -c 'echo "a long random text" > /etc/steamward/secrets/token'
in_it chown -R root:steamward /etc/steamward/secrets
up() { ! property StatusText | grep -q down; }
holds "what was missing is found once it is there" up
owner() { [ "$(in_it stat -c %U:%a /var/lib/steamward)" = steamward:750 ]; }
holds "the store belongs to the static user, and to nobody else" owner

pid=$(property MainPID)
mknod -m 660 "$base/dev/ttyUSB0" c 188 0 2>/dev/null || in_it mknod -m 660 /dev/ttyUSB0 c 188 0 || true
in_it chgrp dialout /dev/ttyUSB0 2>/dev/null || true
groups() { grep -q "^Groups:.*\b$(in_it getent group dialout | cut -d: -f3)\b" "/proc/$(pgrep -P "$leader" -x steamward | head -n 1)/status"; }
holds "it is in the group of serial lines" groups

uptime() { nsenter --target "$(pgrep -P "$leader" -x steamward | head -n 1)" --mount --pid -- cat /proc/uptime /proc/sys/kernel/random/boot_id; }
holds "how long the machine has been up can be read under the unit's options" uptime

in_it sed -i 's/^\[\[source.push\]\]/[[source.push]]\n# changed/' /etc/steamward/steamward.toml
in_it sed -i 's/^bucket = .*/bucket = "other"/' /etc/steamward/steamward.toml
reloads() { in_it systemctl reload steamward; }
holds "a reload needs no program that is not there" reloads
[ "$(property MainPID)" = "$pid" ] && say ok "a reload is no restart" || say FAIL "a reload is no restart"
in_it sed -i 's/^bucket/buckt/' /etc/steamward/steamward.toml
refused() { ! in_it systemctl reload steamward; }
holds "a reload with wrong settings fails, and says so" refused
active && say ok "and the gateway runs on" || say FAIL "and the gateway runs on"
in_it sed -i 's/^buckt/bucket/' /etc/steamward/steamward.toml

in_it kill -9 "$pid" 2>/dev/null || kill -9 "$(pgrep -P "$leader" -x steamward)"
again() { active && [ "$(property MainPID)" != "$pid" ]; }
holds "it is started again after kill -9" again
pid=$(property MainPID)
kill -STOP "$(pgrep -P "$leader" -x steamward | head -n 1)"
holds "the watchdog starts a stopped one again" again

in_it sed -i 's/^bucket/buckt/' /etc/steamward/steamward.toml
in_it systemctl stop steamward
in_it systemctl start steamward 2>/dev/null || true
stays() { [ "$(property ActiveState)" = failed ] && [ "$(property ExecMainStatus)" = 2 ]; }
holds "wrong settings are not started again and again" stays
[ "$(property NRestarts)" = 0 ] && say ok "no restart was tried" || say FAIL "no restart was tried: $(property NRestarts)"
in_it sed -i 's/^buckt/bucket/' /etc/steamward/steamward.toml
in_it systemctl start steamward
holds "it starts once they are right" active
began=$(date +%s%N)
in_it systemctl stop steamward
took=$((($(date +%s%N) - began) / 1000000))
[ "$took" -lt 6000 ] && say ok "it stops in $took ms" || say FAIL "it stops in $took ms"
in_it systemd-analyze security --no-pager steamward | tail -n 1
exit $failed
