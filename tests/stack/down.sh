#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# make down: ends the services and Kafka of make up, each by its id, and leaves nothing running.
#
#   down.sh           what they stored stays for the next make up
#   down.sh --empty   make clean-run: the topics, the tracker's database and the logs go too
#
# STACK_RUN_DIR as for up.sh. STACK_DRAIN (20): seconds to stop in good order.
set -euo pipefail
# shellcheck source=tests/stack/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"
[[ $# == 0 || "$*" == --empty ]] || only_help tests/stack/down.sh "$*"

RUN=$(realpath -m "${STACK_RUN_DIR:-.run}")
[[ -d $RUN ]] || { say "down: nothing runs, there is no $RUN"; exit 0; }

exec 9>"$RUN/lock"
flock -w 120 9 || { say "down: another up or down is at work in $RUN"; exit 1; }

# From left to right, so that none waits for work from one that has gone.
stopped=()
for name in "${SERVICES[@]}"; do
    if is_running "$RUN/$name.pid" "$name"; then
        kill -TERM "$(cat "$RUN/$name.pid")" 2>/dev/null || true
        kill -CONT "$(cat "$RUN/$name.pid")" 2>/dev/null || true
        stopped+=("$name")
    else
        rm -f "$RUN/$name.pid"
    fi
done
status=0
deadline=$(($(now_ms) + ${STACK_DRAIN:-20} * 1000))
for name in ${stopped[@]+"${stopped[@]}"}; do
    end_process "$name" "$RUN/$name.pid" "$name" "$deadline" || status=1
done
"$ROOT/tests/stack/kafka.sh" stop "$RUN/kafka" || status=1

if [[ ${1:-} == --empty && $status == 0 ]]; then
    # Only what up.sh makes: the folder may hold other things.
    rm -rf "$RUN/kafka" "$RUN"/tracker.db* "$RUN"/*.log "$RUN/webhook.secret"
    said="topics, tracker, logs and webhook secret are gone"
fi
said="${stopped[*]:-no service} stopped, Kafka is off; ${said:-state and logs stay in $RUN}"
((status)) || say "down: $said"
exit "$status"
