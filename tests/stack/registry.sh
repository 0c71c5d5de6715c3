#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# One real schema registry (Apicurio, in memory: what it knows is gone when it stops), for tests.
#
#   registry.sh start DIR PORT   starts it on 127.0.0.1:PORT, waits until it serves; the Confluent
#                                API is at /apis/ccompat/v7. DIR/registry.log and DIR/registry.pid
#   registry.sh stop DIR         ends it
#   registry.sh archive          makes the class archive that halves the time of a start, if absent
#   registry.sh has-archive      whether it is there
#
# STACK_REGISTRY_WAIT (60): seconds to wait for a start.
set -euo pipefail
# shellcheck source=tests/stack/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

APP=$DEPS/registry/app

usage() { sed -n 's/^#   //p' "${BASH_SOURCE[0]}" >&2; exit 2; }

start()
{
    local dir port jars archive sharing=() deadline started
    [[ $# -ge 2 && $2 =~ ^[0-9]+$ ]] || usage
    mkdir -p "$1"
    dir=$(realpath "$1")
    port=$2
    shift 2
    jars=("$APP"/*-runner.jar)
    if [[ ! -f ${jars[0]} ]]; then
        say "registry: it is not in .deps/registry; run tests/stack/setup.sh"
        exit 69
    fi
    archive=$(class_archive registry "$APP")
    # -Xshare:auto: an archive that does not fit is ignored, never fatal.
    [[ -s $archive ]] && sharing=("-XX:SharedArchiveFile=$archive" -Xshare:auto -Xlog:disable)
    started=$(now_ms)
    deadline=$((started + ${STACK_REGISTRY_WAIT:-60} * 1000))
    # The folder is its own: it writes what it unpacks into the one for temporary files.
    run_detached "$dir/registry.pid" "$dir/registry.log" \
        java -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
        ${sharing[@]+"${sharing[@]}"} "$@" "-Djava.io.tmpdir=$dir" \
        -Dquarkus.http.host=127.0.0.1 "-Dquarkus.http.port=$port" -jar "${jars[0]}"
    until answers "127.0.0.1:$port" /apis/ccompat/v7/subjects; do
        if ! kill -0 "$(cat "$dir/registry.pid")" 2>/dev/null || (($(now_ms) >= deadline)); then
            say "registry: it does not serve; the end of $dir/registry.log:"
            tail -n 25 "$dir/registry.log" >&2
            end_process registry "$dir/registry.pid" "${jars[0]}" 0
            return 1
        fi
        sleep 0.2
    done
    say "registry: ready on 127.0.0.1:$port after $(($(now_ms) - started)) ms"
}

stop()
{
    local dir jars
    [[ $# -eq 1 ]] || usage
    dir=$(realpath -m "$1")
    jars=("$APP"/*-runner.jar)
    if is_running "$dir/registry.pid" "${jars[0]}"; then
        kill -TERM "$(cat "$dir/registry.pid")" 2>/dev/null || true
        kill -CONT "$(cat "$dir/registry.pid")" 2>/dev/null || true
        end_process registry "$dir/registry.pid" "${jars[0]}" $(($(now_ms) + STOP_MS))
    fi
    rm -f "$dir/registry.pid"
}

case ${1:-} in
start) shift; start "$@" ;;
stop) shift; stop "$@" ;;
archive) make_class_archive registry "$APP" ;;
has-archive) [[ -f $(class_archive registry "$APP") ]] ;;
*) usage ;;
esac
