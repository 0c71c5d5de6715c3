#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# make up: Kafka and the five services on this machine, in the background, on fixed ports.
# Returns 0 when all are ready; run again it starts only what is missing.
#
#   STACK_RUN_DIR (.run)          state, logs, process ids: NAME.pid, NAME.log
#   STACK_BIN_DIR (build/bin)     the programs
#   STACK_KAFKA_PORT (19092)      Kafka on 127.0.0.1; its controller takes the next port
#   STACK_WAIT (30)               seconds that the services have to be ready
#   GATEWAY_LISTEN, TRACKER_LISTEN, ROUTER_HEALTH_LISTEN, ...   the services' own options, passed on
#
# With other ports referralctl needs KAFKA_BOOTSTRAP_SERVERS, REFERRALCTL_GATEWAY_URL and
# REFERRALCTL_TRACKER_URL.
set -euo pipefail
# shellcheck source=tests/stack/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"
(($# == 0)) || only_help tests/stack/up.sh "$*"

# whole VARIABLE VALUE LEAST MOST: ends with 2 unless the value is a whole number between these.
whole()
{
    [[ $2 =~ ^[0-9]{1,9}$ ]] && ((10#$2 >= $3 && 10#$2 <= $4)) && return
    say "up: $1 is \"$2\", expected a whole number from $3 to $4"
    exit 2
}

port=${STACK_KAFKA_PORT:-19092}
wait_s=${STACK_WAIT:-30}
whole STACK_KAFKA_PORT "$port" 1 65534 # its controller takes the next
whole STACK_WAIT "$wait_s" 0 86400
port=$((10#$port))
wait_s=$((10#$wait_s))

mkdir -p "${STACK_RUN_DIR:=.run}"
RUN=$(realpath "$STACK_RUN_DIR")
BIN=$(realpath -m "${STACK_BIN_DIR:-build/bin}")

exec 9>"$RUN/lock"
flock -w 120 9 || { say "up: another up or down is at work in $RUN"; exit 1; }

for name in "${SERVICES[@]}" referralctl; do
    [[ -x $BIN/$name ]] || { say "up: $BIN/$name is missing; build it with: make"; exit 69; }
done

# What the services are told. They take every KAFKA_X_Y as Kafka's property x.y: no other name of
# ours may begin like that.
export KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:$port
export SCHEMAS_DIR=${SCHEMAS_DIR:-$ROOT/schemas}
export GATEWAY_LISTEN=${GATEWAY_LISTEN:-127.0.0.1:8080}
export TRACKER_LISTEN=${TRACKER_LISTEN:-127.0.0.1:8081}
export GATEWAY_STATUS_URL=${GATEWAY_STATUS_URL:-http://$TRACKER_LISTEN/v1/referrals/}
export GATEWAY_HEALTH_LISTEN=${GATEWAY_HEALTH_LISTEN:-127.0.0.1:9101}
export ROUTER_HEALTH_LISTEN=${ROUTER_HEALTH_LISTEN:-127.0.0.1:9102}
export DISPATCHER_HEALTH_LISTEN=${DISPATCHER_HEALTH_LISTEN:-127.0.0.1:9103}
export AGGREGATOR_HEALTH_LISTEN=${AGGREGATOR_HEALTH_LISTEN:-127.0.0.1:9104}
export TRACKER_HEALTH_LISTEN=${TRACKER_HEALTH_LISTEN:-127.0.0.1:9105}
if [[ -z ${TRACKER_DATABASE:-}${TRACKER_DATABASE_URL:-} ]]; then
    export TRACKER_DATABASE=$RUN/tracker.db
fi
if [[ -z ${DISPATCHER_WEBHOOK_SECRET:-}${DISPATCHER_WEBHOOK_SECRET_FILE:-} ]]; then
    export DISPATCHER_WEBHOOK_SECRET_FILE=$RUN/webhook.secret
    if [[ ! -s $RUN/webhook.secret ]]; then
        (umask 077 && echo "whsec_$(head -c 24 /dev/urandom | base64 -w 0)" >"$RUN/webhook.secret")
    fi
fi
# The providers of a local run are programs on this machine, without certificates.
export DISPATCHER_ALLOW_HTTP=${DISPATCHER_ALLOW_HTTP:-true}
export DISPATCHER_ALLOW_NETWORKS=${DISPATCHER_ALLOW_NETWORKS:-127.0.0.0/8}

started=()
is_running "$RUN/kafka/kafka.pid" "$RUN/kafka/server.properties" || started+=(kafka)
"$ROOT/tests/stack/kafka.sh" start "$RUN/kafka" "$port"

if ! "$BIN/referralctl" topics create >"$RUN/topics.log" 2>&1 9>&-; then
    say "up: the topics could not be created; the end of $RUN/topics.log:"
    tail -n 15 "$RUN/topics.log" >&2
    say "up: Kafka keeps running; make down stops it"
    exit 1
fi

health_of() { local variable=${1^^}_HEALTH_LISTEN; echo "${!variable}"; }

declare -A from # where in its log the process that runs now begins, if this run started it
for name in "${SERVICES[@]}"; do
    from[$name]=1
    is_running "$RUN/$name.pid" "$name" && continue
    from[$name]=$(($(stat -c %s "$RUN/$name.log" 2>/dev/null || echo 0) + 1))
    run_detached "$RUN/$name.pid" "$RUN/$name.log" "$BIN/$name"
    started+=("$name")
done

not_ready()
{
    say "up: $1 is not ready: $2; the end of $RUN/$1.log:"
    tail -c "+${from[$1]}" "$RUN/$1.log" | tail -n 15 >&2 || true # somebody may have removed it
}

# Of its own process, too: another program may answer on the port.
deadline=$(($(now_ms) + wait_s * 1000))
waiting=("${SERVICES[@]}")
failures=0
while ((${#waiting[@]})); do
    still=()
    for name in "${waiting[@]}"; do
        if ! kill -0 "$(cat "$RUN/$name.pid")" 2>/dev/null; then
            rm -f "$RUN/$name.pid"
            not_ready "$name" "it ended"
            failures=$((failures + 1))
        elif answers "$(health_of "$name")" /readyz && is_running "$RUN/$name.pid" "$name"; then
            :
        elif (($(now_ms) >= deadline)); then
            not_ready "$name" \
                "no 200 from http://$(health_of "$name")/readyz in $wait_s s"
            failures=$((failures + 1))
        else
            still+=("$name")
        fi
    done
    waiting=(${still[@]+"${still[@]}"})
    if ((${#waiting[@]})); then sleep 0.05; fi
done
if ((failures)); then
    say "up: what did start keeps running; make down stops it"
    exit 1
fi

if ((${#started[@]})); then
    say "up: started ${started[*]}"
else
    say "up: everything was running already"
fi
say "up: ready. Referrals http://$GATEWAY_LISTEN/v1/referrals, status http://$TRACKER_LISTEN/"
say "up: Kafka 127.0.0.1:$port, logs in $STACK_RUN_DIR/; make down stops it all"
