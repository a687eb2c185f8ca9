#!/bin/sh
# Runs the checkout's last commit on a Debian that has nothing but git and certificates: a newcomer's first minutes.
#
#   tests/install/fresh-machine.sh SUITE [COMMAND...]      SUITE: bookworm, trixie, ...; COMMAND: default ./run test
#
# The system is made by debootstrap in a folder of this machine and entered by chroot, in mount and process namespaces
# of its own: whatever happens, no mount and no process stays behind. COMMAND runs twice, in a clone, and is timed.
# Settings:
#
#   ROUNDS=N            how often COMMAND runs (default: 2, the first installs)
#   MIRROR=URL          where packages come from (default: the first of this machine's apt sources)
#   COMPONENTS=A,B      of that archive (default: main; Ubuntu needs main,universe)
#   KEEP=DIR            make the system in DIR and keep it; if it is there, go on with it
#   PASS="NAME..."      environment variables to take along (default: proxies, certificates and pip's index)
set -eu

: "${PASS=http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY SSL_CERT_FILE SSL_CERT_DIR GIT_SSL_CAINFO
PIP_CERT PIP_INDEX_URL PIP_DEFAULT_TIMEOUT}"
certificates=/etc/ssl/certs/ca-certificates.crt

say() { printf 'fresh-machine: %s\n' "$*" >&2; }
fail() { say "$*"; exit 2; }

first_mirror() {
    cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null |
        sed -nE 's/^URIs: *([^ ]+).*/\1/p; s/^deb +(\[[^]]*\] +)?([^ ]+).*/\2/p' | head -n 1
}

make_system() { # DIR SUITE
    mirror=${MIRROR:-$(first_mirror)}
    [ -n "$mirror" ] || fail "no mirror in this machine's apt sources; name one by MIRROR=URL"
    say "making $2 in $1"
    debootstrap --variant=minbase --components="${COMPONENTS:-main}" --include=git,ca-certificates \
        "$2" "$1" "$mirror" >"$1/debootstrap.out" 2>&1 || { tail -n 30 "$1/debootstrap.out"; fail "debootstrap failed"; }
    # How this machine reaches its mirror, and whom it trusts: a company's proxy signs with a certificate of its own.
    apt-config dump | grep -E '^Acquire::(Check-|http|Retries)' >"$1/etc/apt/apt.conf.d/99host" || true
    if [ -e "$certificates" ]; then cp "$certificates" "$1$certificates"; fi
    mkdir "$1/checkout"
}

mount_devices() { # DIR
    mount -t proc proc "$1/proc"
    mount -t tmpfs -o mode=755 dev "$1/dev"
    for device in null zero full random urandom tty; do
        : >"$1/dev/$device"
        mount --bind "/dev/$device" "$1/dev/$device"
    done
    mkdir "$1/dev/pts"
    mount -t devpts -o newinstance,ptmxmode=0666 devpts "$1/dev/pts"
    ln -s pts/ptmx "$1/dev/ptmx"
    mkdir -m 1777 "$1/dev/shm"
    ln -s /proc/self/fd "$1/dev/fd"
    ln -s /proc/self/fd/1 "$1/dev/stdout"
    ln -s /proc/self/fd/2 "$1/dev/stderr"
    cp -L /etc/resolv.conf "$1/etc/resolv.conf"
}

# In the namespaces. The script that follows `sh -c` runs in the new system.
enter() { # DIR COMMAND...
    system=$1
    shift
    mount_devices "$system"
    # shellcheck disable=SC2016 # expanded in there
    set -- sh -c '
        set -eu
        cd /checkout
        rm -rf promobot
        git -c advice.detachedHead=false clone -q promobot.bundle promobot
        cd promobot
        for round in $(seq "$ROUNDS"); do
            started=$(date +%s)
            "$@" </dev/null
            echo "fresh-machine: run $round of $* took $(($(date +%s) - started)) s" >&2
        done' sh "$@"
    for name in $PASS; do
        if value=$(printenv "$name"); then set -- "$name=$value" "$@"; fi
    done
    exec env -i /usr/sbin/chroot "$system" /usr/bin/env HOME=/root LANG=C.UTF-8 ROUNDS="${ROUNDS:-2}" \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

if [ "${1-}" = --inside ]; then
    shift
    enter "$@"
fi

[ $# -ge 1 ] || fail "usage: $0 SUITE [COMMAND...]"
[ "$(id -u)" = 0 ] || fail "needs root, for debootstrap and chroot"
command -v debootstrap >/dev/null || fail "needs debootstrap: apt-get install debootstrap"
suite=$1
shift
[ $# -gt 0 ] || set -- ./run test

checkout=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
if [ -n "${KEEP-}" ]; then
    mkdir -p "$KEEP"
    system=$(CDPATH='' cd -- "$KEEP" && pwd)
else
    system=$(mktemp -d /var/tmp/promobot-fresh.XXXXXX)
    trap 'rm -rf --one-file-system "$system"' EXIT
    trap 'exit 130' INT TERM
fi
[ -d "$system/checkout" ] || make_system "$system" "$suite"
[ -z "$(git -C "$checkout" status --porcelain)" ] || say "this checkout has changes that are not committed: they are left out"
git -C "$checkout" bundle create -q "$system/checkout/promobot.bundle" HEAD
unshare --mount --pid --fork --kill-child "$0" --inside "$system" "$@"
