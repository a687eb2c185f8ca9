#!/bin/sh
# Carries out the Dockerfile without Docker: each stage in a Debian of its own, made by fresh-machine.sh. Needs root.
# It knows the instructions that the Dockerfile has, and stops at any other.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)

# The instructions of one stage as a shell script; the last stage has no name.
steps() { # STAGE
    sed -e ':again' -e '/\\$/N' -e 's/\\\n//' -e 't again' "$here/../../Dockerfile" | awk -v wanted="$1" '
        /^(#|$)/ { next }
        /^FROM / { stage = $4; next }
        stage != wanted { next }
        { rest = $0; sub(/^[A-Z]+ +/, "", rest) }
        /^RUN / { print rest; next }
        /^ENV / { print "export " rest; next }
        /^WORKDIR / { print "mkdir -p " rest " && cd " rest; next }
        /^COPY --from=build / { print "mkdir -p " $4 " && cp -a /checkout/build" $3 "/. " $4; next }
        /^COPY \. \.$/ { print "cp -a $context/. ."; next }
        /^COPY .* \.\/$/ { for (i = 2; i < NF; i++) print "cp $context/" $i " ./"; next }
        /^USER / { print "user=" rest; next }
        /^ENTRYPOINT \["promobot"\]$/ { print "program=promobot"; next }
        /^CMD \["--help"\]$/ { print "arguments=--help"; next }
        { print "echo \"image: unknown instruction: " $1 "\"; exit 2" }'
}

# In the new system: the stage, then what an image without a test would get wrong.
stage() { # STAGE
    context=$PWD
    export context
    steps "$1" >/checkout/steps
    if [ -z "$1" ]; then
        cat >>/checkout/steps <<'CHECK'
as_user() { setpriv --reuid "${user%:*}" --regid "${user#*:}" --clear-groups "$@"; }
as_user git --version
as_user skopeo --version
as_user "$program" "$arguments"
if command -v docker-registry gcc pip; then echo "image: must not be in there"; exit 1; fi
CHECK
    fi
    sh -eux /checkout/steps
}

if [ "${1-}" = --stage ]; then
    stage "$2"
    exit
fi

[ "$(id -u)" = 0 ] || { echo "image: needs root, for debootstrap and chroot" >&2; exit 2; }
systems=$(mktemp -d /var/tmp/promobot-image.XXXXXX)
trap 'rm -rf --one-file-system "$systems"' EXIT
trap 'exit 130' INT TERM
export ROUNDS=1
KEEP=$systems/build "$here/fresh-machine.sh" trixie tests/install/image.sh --stage build
mkdir -p "$systems/final"
KEEP=$systems/final "$here/fresh-machine.sh" trixie true
mkdir -p "$systems/final/checkout/build/opt"
mv "$systems/build/opt/promobot" "$systems/final/checkout/build/opt/promobot"
rm -rf --one-file-system "$systems/build"
KEEP=$systems/final "$here/fresh-machine.sh" trixie tests/install/image.sh --stage ''
