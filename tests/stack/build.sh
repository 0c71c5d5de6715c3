#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# build.sh PRESET [TARGET...]: configures once, builds what changed. CMake configures again by
# itself when CMakeLists.txt changes; a build folder from where the repository was before it was
# moved is made anew. One at a time in each build folder: a second waits for the first.
set -euo pipefail
# shellcheck source=tests/stack/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"

preset=${1:?PRESET}
shift
mkdir -p build
exec 9>"build/$preset.lock" # the compilers hold it, too
flock 9
cache=build/$preset/CMakeCache.txt
if [[ -f $cache ]] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$ROOT" "$cache"; then
    rm -rf "build/$preset"
fi
if [[ ! -f build/$preset/build.ninja ]]; then
    log=build/$preset.configure.log
    if ! cmake --preset "$preset" >"$log" 2>&1; then
        cat "$log" >&2
        say "build: CMake could not configure; if it misses a library, run: make setup"
        exit 1
    fi
fi
[[ $preset != dev ]] || ln -sfn build/dev/compile_commands.json compile_commands.json
targets=()
for target in "$@"; do
    # A target for optional parts (bench_programs) is absent while there are none.
    if [[ $target == all ]] || ninja -C "build/$preset" -t query "$target" >/dev/null 2>&1; then
        targets+=("$target")
    fi
done
quiet=()
[[ -t 1 ]] || quiet=(--quiet)
exec ninja ${quiet[@]+"${quiet[@]}"} -C "build/$preset" ${targets[@]+"${targets[@]}"}
