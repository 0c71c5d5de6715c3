#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every test, quickest first, each kind of build after the other; stops at the first that fails.
#
#   test.sh [STAGE...]     unit fuzz sim fault walk system asan asan-fault tsan; without, unit fuzz
#                          sim system asan tsan
#
# The stage system runs each test with real processes once: walk/ with the programs as built for
# development, fault/ with those that bear sanitizers, as what goes wrong there goes wrong in the
# paths that no other test takes. These tests mostly wait (for time-outs, sessions, a broker): one
# queue of them all, twice as many at once as there are cores. What later stages need is built
# beside the earlier ones.
set -euo pipefail
# shellcheck source=tests/stack/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"
case ${1:-} in -*) only_help tests/stack/test.sh "$1" ;; esac

export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:detect_stack_use_after_return=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1:halt_on_error=1}
export TSAN_OPTIONS=${TSAN_OPTIONS:-halt_on_error=1:second_deadlock_stack=1}

JOBS=$(nproc)

# What Python compiles is kept, also where the environment forbids it, or else each test compiles
# its libraries again.
unset PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX=$ROOT/build/pycache

# A broker writes through to the disk, and four of them wait for each other there: in memory, where
# there is enough.
if [[ -z ${TMPDIR:-} && $(df -Pk /dev/shm 2>/dev/null | awk 'END { print $4 }') -gt 4194304 ]]; then
    export TMPDIR=/dev/shm
fi

# Brokers are no part of our process group, and a test that is interrupted may not come to ending
# its own. So all that a run starts has a folder for temporary files of its own in its environment:
# by that it is known, and ended by its id.
TMPDIR=$(mktemp -d "${TMPDIR:-/tmp}/referral-test-XXXXXX")
export TMPDIR
chmod 711 "$TMPDIR" # PostgreSQL runs as somebody else
end_what_is_left()
{
    local environ
    for environ in /proc/[0-9]*/environ; do
        if grep -zqxF "TMPDIR=$TMPDIR" "$environ" 2>/dev/null; then
            kill -KILL "$(basename "$(dirname "$environ")")" 2>/dev/null || true
        fi
    done
    rm -rf "$TMPDIR"
}

# build PRESET: what its tests need
build()
{
    case $1 in
    tsan) "$ROOT/tests/stack/build.sh" tsan unit_tests ;;
    *) "$ROOT/tests/stack/build.sh" "$1" ;;
    esac
}

# run PRESET LABELS
run()
{
    build "$1" >&2
    queue "build/$1" "$JOBS" "^($2)\$"
}

# queue FOLDER JOBS LABELS
queue()
{
    local choice=(--test-dir "$1" -L "$3")
    if ctest "${choice[@]}" -N | grep -q '^Total Tests: 0$'; then
        say "no such tests yet"
        return 0
    fi
    ctest "${choice[@]}" -j "$2" --output-on-failure --timeout 600
}

# Both builds' tests, as one folder of CTest.
run_system()
{
    build dev >&2
    build asan >&2
    mkdir -p build/system
    echo 'subdirs(../dev ../asan)' >build/system/CTestTestfile.cmake
    queue build/system $((JOBS * 2)) '^system$'
}

# At the lowest priority, while tests wait. What goes wrong comes out in the stage itself, which
# waits for the build that is under way.
build_ahead()
{
    local preset
    for preset in asan tsan; do
        [[ " ${stages[*]} " != *" $preset "* ]] || build "$preset" >/dev/null 2>&1 || true
    done
}

stages=("$@")
((${#stages[@]})) || stages=(unit fuzz sim system asan tsan)
if ((${#stages[@]} > 1)); then
    build dev >&2
    set -m # a group of its own, to be ended with all that it runs
    (renice -n 19 "$BASHPID" >/dev/null && build_ahead) &
    set +m
    ahead=$!
fi
trap 'kill -TERM -- "-${ahead:-none}" 2>/dev/null || true; wait; end_what_is_left' EXIT
for stage in "${stages[@]}"; do
    say "== test: $stage"
    case $stage in
    unit | fuzz | sim) run dev "$stage" ;;
    fault | walk) run dev "$stage" ;;
    system) run_system ;;
    asan) run asan 'unit|fuzz|sim' ;;
    asan-fault) run asan fault ;;
    # ThreadSanitizer of GCC 12 does not know the memory layout of newer kernels.
    tsan)
        if setarch -R true 2>/dev/null; then
            build tsan >&2
            setarch -R "${BASH_SOURCE[0]}" tsan-here
        else
            run tsan unit
        fi
        ;;
    tsan-here) run tsan unit ;;
    *) say "test: no stage '$stage'; --help lists them"; exit 2 ;;
    esac
done
