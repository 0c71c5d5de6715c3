#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Does the simulation bite? Each patch in bugs/ plants one bug in a copy of the dispatcher's
# sources; the simulator built with it must find it within SEEDS seeds, while the sources as they
# are pass. A patch that no longer applies fails: it has to follow the sources.
#
#   bugs_test.sh CC COPY-TO SIM-LIBRARY... (in the order of linking) -- FLAGS...
#
# SOURCE_DIR is the repository. Only the files that a patch touches are compiled anew; they stand in
# front of the library that has the others.
set -euo pipefail

SEEDS=300
SEEDS_AS_THEY_ARE=30 # sim_seeds has many more

cc=$1
work=$2
shift 2
libraries=()
while [[ $1 != -- ]]; do
    libraries+=("$1")
    shift
done
shift
flags=("$@")
cd "$SOURCE_DIR"
failures=0
fail()
{
    echo "FAILED: $1"
    failures=$((failures + 1))
}

# build NAME FILE...: a simulator with these sources of its copy
build()
{
    local copy=$work/$1 name=$1 file objects=()
    shift
    for file in "$@"; do
        "$cc" "${flags[@]}" -I"$copy/services/dispatcher" -c "$copy/$file" \
            -o "$copy/$(basename "$file").o"
        objects+=("$copy/$(basename "$file").o")
    done
    "$cc" "${flags[@]}" -Iservices/dispatcher tests/sim/main.c "${objects[@]}" "${libraries[@]}" \
        -o "$work/$name/referral-sim"
}

# try PATCH
try()
{
    local patch=$1 name touched=() said
    name=$(basename "$patch" .patch)
    mkdir -p "$work/$name/services"
    cp -r services/dispatcher "$work/$name/services/"
    if ! said=$(patch --batch --forward -p1 -d "$work/$name" -i "$SOURCE_DIR/$patch" 2>&1); then
        fail "$patch no longer applies to services/dispatcher; make it anew: $said"
        return
    fi
    mapfile -t touched < <(sed -n 's|^+++ b/||p' "$patch")
    if ! said=$(build "$name" "${touched[@]}" 2>&1); then
        fail "$patch applies, but what it makes can't be built: $said"
        return
    fi
    if said=$("$work/$name/referral-sim" --seeds "$SEEDS" --findings 1); then
        fail "$name was not found in $SEEDS seeds"
    else
        echo "found: $name: $(head -n 1 <<<"$said")"
    fi
}

rm -rf "$work"
mkdir -p "$work/none"
build none
"$work/none/referral-sim" --seeds "$SEEDS_AS_THEY_ARE" >"$work/none/said" ||
    fail "the sources as they are break a promise: $(cat "$work/none/said")"

# The program itself: a seed is the same again, a slip in a flag is told from a broken promise.
once=$("$work/none/referral-sim" --seed 10)
[[ $once == *digest* && $("$work/none/referral-sim" --seed 10) == "$once" ]] ||
    fail "seed 10 is not the same again"
status=0
"$work/none/referral-sim" --no-such-flag 2>/dev/null || status=$?
((status == 2)) || fail "an unknown flag ends with $status, not 2"

patches=(tests/sim/bugs/*.patch)
((${#patches[@]} >= 5)) || fail "expected at least five patches in tests/sim/bugs"
for patch in "${patches[@]}"; do
    try "$patch"
done
((failures == 0)) && echo "${#patches[@]} planted bugs, all found"
