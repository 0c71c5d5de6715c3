#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# One real Kafka broker on this machine, for tests and local runs.
#
#   kafka.sh start DIR PORT   starts it on 127.0.0.1:PORT (its controller takes PORT+1), waits until
#                             it serves; DIR holds its data, DIR/kafka.log and DIR/kafka.pid.
#                             Data that is already in DIR is kept, also after kill -9.
#   kafka.sh stop DIR         ends it in good order, or kills it after 20 s
#   kafka.sh archive          makes the class archive that halves the time of a start, if absent
#   kafka.sh has-archive      whether it is there
#
# STACK_KAFKA_XMX (384m): its heap. STACK_KAFKA_WAIT (60): seconds to wait for a start.
set -euo pipefail
# shellcheck source=tests/stack/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

LIB=$DEPS/kafka/lib
CLUSTER_ID=cmVmZXJyYWwtcm91dGVyMQ

usage() { sed -n 's/^#   //p' "${BASH_SOURCE[0]}" >&2; exit 2; }

# java_command [JVM-OPTION...]: fills the array java. The class path is in a fixed order, for the
# class archive fits no other.
java_command()
{
    local jars=("$LIB"/*.jar) classpath archive
    if [[ ! -f ${jars[0]} ]]; then
        say "kafka: no jars in .deps/kafka/lib; run tests/stack/setup.sh"
        exit 69
    fi
    classpath=$(IFS=:; echo "${jars[*]}")
    java=(java "-Xmx${STACK_KAFKA_XMX:-384m}" -Xms64m -XX:+UseSerialGC -XX:TieredStopAtLevel=1)
    archive=$(class_archive kafka "$LIB")
    # -Xshare:auto: an archive that does not fit is ignored, never fatal.
    [[ -s $archive ]] && java+=("-XX:SharedArchiveFile=$archive" -Xshare:auto -Xlog:disable)
    java+=("$@" -Djava.awt.headless=true -Dorg.slf4j.simpleLogger.defaultLogLevel=warn
        -Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info
        -Dorg.slf4j.simpleLogger.showDateTime=true
        "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX"
        -cp "$classpath")
}

start()
{
    local dir port properties from deadline started
    [[ $# -ge 2 && $2 =~ ^[0-9]+$ ]] || usage
    mkdir -p "$1"
    dir=$(realpath "$1")
    port=$2
    shift 2
    properties=$dir/server.properties
    if is_running "$dir/kafka.pid" "$properties"; then
        say "kafka: already running on 127.0.0.1:$port"
        return 0
    fi
    if port_is_open "$port" || port_is_open $((port + 1)); then
        say "kafka: port $port or $((port + 1)) is taken; STACK_KAFKA_PORT chooses another"
        return 1
    fi
    sed -e "s#@PORT@#$port#g" -e "s#@CONTROLLER_PORT@#$((port + 1))#g" -e "s#@DIR@#$dir#g" \
        "$ROOT/tests/stack/server.properties.in" >"$properties"
    started=$(now_ms)
    touch "$dir/kafka.log"
    from=$(($(stat -c %s "$dir/kafka.log") + 1))
    if [[ ! -f $dir/data/meta.properties ]] && ! format "$dir" "$properties"; then
        failed "$dir" "its storage could not be formatted"
        return 1
    fi
    java_command "$@"
    deadline=$((started + ${STACK_KAFKA_WAIT:-60} * 1000))
    run_detached "$dir/kafka.pid" "$dir/kafka.log" "${java[@]}" kafka.Kafka "$properties"
    # Its own word that it has registered and serves, then its port.
    until tail -c "+$from" "$dir/kafka.log" | grep -q 'Kafka Server started' &&
        port_is_open "$port"; do
        if ! kill -0 "$(cat "$dir/kafka.pid")" 2>/dev/null; then
            rm -f "$dir/kafka.pid"
            failed "$dir" "it ended while starting"
            return 1
        fi
        if (($(now_ms) >= deadline)); then
            end_process kafka "$dir/kafka.pid" "$properties" 0
            failed "$dir" "it did not serve within ${STACK_KAFKA_WAIT:-60} s"
            return 1
        fi
        sleep 0.2
    done
    say "kafka: ready on 127.0.0.1:$port after $(($(now_ms) - started)) ms"
}

# What Kafka's own program writes is the same every time, and costs a start of Java: it is kept, and
# copied after that. meta.properties, by which a folder is known to be formatted, comes last.
format()
{
    local kept made
    kept=$(class_archive kafka "$LIB")
    kept=${kept%.jsa}.formatted
    if [[ ! -f $kept/meta.properties ]]; then
        java_command
        "${java[@]}" kafka.tools.StorageTool format -t "$CLUSTER_ID" -c "$2" \
            >>"$1/kafka.log" 2>&1 </dev/null || return 1
        made=$(mktemp -d "$DEPS/kafka/formatted.XXXXXX")
        cp "$1"/data/* "$made"
        mv -T "$made" "$kept" 2>/dev/null || rm -rf "$made" # another was quicker
        return 0
    fi
    mkdir -p "$1/data"
    cp "$kept/bootstrap.checkpoint" "$1/data/" && cp "$kept/meta.properties" "$1/data/"
}

# Shows what this start has written (from), and nothing of earlier ones.
failed()
{
    say "kafka: $2; the end of $1/kafka.log:"
    tail -c "+$from" "$1/kafka.log" | tail -n 25 >&2
}

stop()
{
    local dir
    [[ $# -eq 1 ]] || usage
    dir=$(realpath -m "$1")
    if is_running "$dir/kafka.pid" "$dir/server.properties"; then
        kill -TERM "$(cat "$dir/kafka.pid")" 2>/dev/null || true
        # A stopped process (SIGSTOP in a fault test) must wake up to stop.
        kill -CONT "$(cat "$dir/kafka.pid")" 2>/dev/null || true
        end_process kafka "$dir/kafka.pid" "$dir/server.properties" $(($(now_ms) + STOP_MS))
    fi
    rm -f "$dir/kafka.pid"
}

case ${1:-} in
start) shift; start "$@" ;;
stop) shift; stop "$@" ;;
archive) make_class_archive kafka "$LIB" ;;
has-archive) [[ -f $(class_archive kafka "$LIB") ]] ;;
*) usage ;;
esac
