# shellcheck shell=bash disable=SC2034 # the scripts that read this file use what it sets
# SPDX-License-Identifier: Apache-2.0
# What the scripts of the local stack share: where things are, and how processes are
# started, known and ended. Processes are known by their id and proved by what they run:
# an id alone may have been given to a stranger since.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
DEPS=$ROOT/.deps
SERVICES=(gateway router dispatcher aggregator tracker)

say() { echo "$*" >&2; }
now_ms() { date +%s%3N; }

# is_running PID_FILE PROGRAM: the process of PID_FILE lives and is PROGRAM: the name of its
# executable, wherever that was built (and also when built again since), or one of its arguments.
is_running()
{
    local pid exe
    pid=$(cat "$1" 2>/dev/null) || return 1
    [[ $pid =~ ^[0-9]+$ && -d /proc/$pid ]] || return 1
    [[ $(awk '/^State:/ { print $2 }' "/proc/$pid/status" 2>/dev/null) != Z ]] || return 1
    exe=$(readlink "/proc/$pid/exe" 2>/dev/null) || return 1
    exe=${exe% (deleted)}
    [[ ${exe##*/} == "$2" ]] && return 0
    tr '\0' '\n' <"/proc/$pid/cmdline" 2>/dev/null | grep -qxF -- "$2"
}

# run_detached PID_FILE LOG PROGRAM [ARGUMENT...]: in a session of its own, so that Ctrl-C in the
# terminal does not reach it, and with no descriptor of ours, so that it holds no lock of ours.
run_detached()
{
    local pid_file=$1 log=$2
    shift 2
    setsid "$@" </dev/null >>"$log" 2>&1 7>&- 8>&- 9>&- &
    echo $! >"$pid_file"
    disown
}

# wait_gone DEADLINE_MS PID_FILE PROGRAM
wait_gone()
{
    while is_running "$2" "$3"; do
        (($(now_ms) < $1)) || return 1
        sleep 0.05
    done
}

# end_process NAME PID_FILE PROGRAM DEADLINE_MS: waits for a process that was told to stop; kills
# it when it has not ended by the deadline. The pid file is gone afterwards.
end_process()
{
    if ! wait_gone "$4" "$2" "$3"; then
        say "$1: did not stop in time; killed"
        kill -KILL "$(cat "$2")" 2>/dev/null || true
        wait_gone $(($(now_ms) + 5000)) "$2" "$3" || { say "$1: cannot be killed"; return 1; }
    fi
    rm -f "$2"
}

# answers HOST:PORT PATH: a GET there answers 200.
answers()
{
    [[ $(curl -s -o /dev/null --max-time 2 -w '%{http_code}' "http://$1$2") == 200 ]]
}
