#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every test, quickest first, each kind of build after the other; stops at the first that fails.
#
#   test.sh [STAGE...]     unit fuzz sim fault walk system asan asan-fault tsan; without, all of
#                          them, fault and walk as one (system)
#
# Tests mostly wait (for time-outs, sessions, a broker), so half as many again run side by side as
# there are cores; and while those with real processes wait, the builds with sanitizers are made, at
# the lowest priority. What goes wrong in those comes out in their own stages.
set -euo pipefail
# shellcheck source=tests/stack/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"

export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:detect_stack_use_after_return=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1:halt_on_error=1}
export TSAN_OPTIONS=${TSAN_OPTIONS:-halt_on_error=1:second_deadlock_stack=1}

JOBS=$(($(nproc) * 3 / 2))

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
    local choice=(--test-dir "build/$1" -L "^($2)\$")
    if ctest "${choice[@]}" -N | grep -q '^Total Tests: 0$'; then
        say "no such tests yet"
        return 0
    fi
    ctest "${choice[@]}" -j "$JOBS" --output-on-failure --timeout 600
}

build_ahead()
{
    local preset
    renice -n 19 "$BASHPID" >/dev/null
    for preset in asan tsan; do
        [[ " ${stages[*]} " != *" $preset"* ]] ||
            build "$preset" >/dev/null 2>&1 || true
    done
}

trap wait EXIT # no build of ours outlives us
stages=("$@")
((${#stages[@]})) || stages=(unit fuzz sim system asan asan-fault tsan)
for stage in "${stages[@]}"; do
    say "== test: $stage"
    case $stage in
    unit | fuzz | sim) run dev "$stage" ;;
    fault | walk) run dev "$stage" ;;
    system)
        build_ahead &
        run dev 'fault|walk'
        wait
        ;;
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
    *) say "test: no stage '$stage'"; exit 2 ;;
    esac
done
