#!/usr/bin/env bash
# Makes what the tests of TLS need into a folder: `tls.sh FOLDER`.
#
#   ca.pem                          the authority; server.pem and client.pem are signed by it
#   server.pem server.key           for localhost, 127.0.0.1 and ::1
#   client.pem client.key           for clients that show a certificate, CN steamward
#   other-ca.pem                    an authority that signed neither, for refusals
#   stranger.pem stranger.key       a client certificate signed by it
#   expired.pem expired.key         a server certificate of the right authority that ended in 2020
#   passwords                       mosquitto's password file: user steamward, password steam-and-water
#
# Keys are PKCS #8, P-256. Every run makes new ones, valid for a week.
set -euo pipefail
[ $# = 1 ] || { echo "usage: tls.sh FOLDER" >&2; exit 2; }
mkdir -p "$1"
cd "$1"
umask 077
days=7
# Requests, the authorities' keys and openssl's papers: nothing of it stays.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
  echo "tls.sh: $*" >&2
  exit 1
}

quietly() { # COMMAND…; what it says is shown only if it fails
  "$@" 2>"$work/log" || {
    cat "$work/log" >&2
    fail "$1 $2 failed"
  }
}

key() { # FILE
  openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" || fail "no key $1"
}

authority() { # NAME SUBJECT
  key "$work/$1.key"
  openssl req -x509 -new -key "$work/$1.key" -sha256 -days "$days" -subj "/O=Steamward tests/CN=$2" -out "$1.pem" \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign || fail "no certificate $1"
}

request() { # NAME SUBJECT USAGE [ALTERNATIVE NAMES]
  key "$1.key"
  openssl req -new -key "$1.key" -subj "/O=Steamward tests/CN=$2" -out "$work/$1.csr" || fail "no request $1"
  {
    echo "basicConstraints=critical,CA:FALSE"
    echo "keyUsage=critical,digitalSignature"
    echo "extendedKeyUsage=$3"
    echo "subjectKeyIdentifier=hash"
    echo "authorityKeyIdentifier=keyid"
    [ -z "${4:-}" ] || echo "subjectAltName=$4"
  } >"$work/$1.ext"
}

sign() { # NAME AUTHORITY
  quietly openssl x509 -req -in "$work/$1.csr" -CA "$2.pem" -CAkey "$work/$2.key" -sha256 -days "$days" \
    -set_serial "0x$(openssl rand -hex 8)" -extfile "$work/$1.ext" -out "$1.pem"
}

sign_expired() { # NAME AUTHORITY; `openssl x509` of OpenSSL 3.0 cannot sign for a span of the past
  : >"$work/index"
  printf '%s\n' '[policy]' 'organizationName=optional' 'commonName=supplied' '[ca]' 'default_ca=own' '[own]' \
    "database=$work/index" "new_certs_dir=$work" 'default_md=sha256' 'policy=policy' 'rand_serial=yes' >"$work/ca.cnf"
  quietly openssl ca -batch -notext -config "$work/ca.cnf" -in "$work/$1.csr" -cert "$2.pem" -keyfile "$work/$2.key" \
    -extfile "$work/$1.ext" -startdate 20200101000000Z -enddate 20200108000000Z -out "$1.pem"
}

here="DNS:localhost,IP:127.0.0.1,IP:::1"
authority ca "Test authority"
authority other-ca "Another authority"
request server localhost serverAuth "$here"
sign server ca
request client steamward clientAuth
sign client ca
request stranger steamward clientAuth
sign stranger other-ca
request expired localhost serverAuth "$here"
sign_expired expired ca

mosquitto_passwd -b -c passwords steamward steam-and-water || fail "no password file"
