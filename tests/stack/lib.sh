# shellcheck shell=bash disable=SC2034 # the scripts that read this file use what it sets
# SPDX-License-Identifier: Apache-2.0
# What the scripts of the local stack share: where things are, and how processes are
# started, known and ended. Processes are known by their id and proved by what they run:
# an id alone may have been given to a stranger since.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
DEPS=$ROOT/.deps
STOP_MS=20000 # that a Java program has to stop in good order
SERVICES=(gateway router dispatcher aggregator tracker)

say() { echo "$*" >&2; }

# only_help SCRIPT ARGUMENTS: does nothing but print the first comment of the script, for --help or
# arguments that it has not.
only_help()
{
    local code=0
    if [[ $2 != --help && $2 != -h ]]; then
        say "${1##*/}: \"$2\" is not known"
        code=2
    fi
    sed -n '3,/^[^#]/ s/^# \{0,1\}//p' "$ROOT/$1"
    exit "$code"
}
now_ms() { echo $((${EPOCHREALTIME/[.,]/} / 1000)); }

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
        sleep 0.1
    done
}

# end_process NAME PID_FILE PROGRAM DEADLINE_MS: waits for a process that was told to stop; kills
# it when it has not ended by the deadline. The pid file is gone afterwards.
end_process()
{
    if ! wait_gone "$4" "$2" "$3"; then
        say "$1: did not stop in time; killed"
        kill -KILL "$(cat "$2")" 2>/dev/null || true
        wait_gone $(($(now_ms) + 30000)) "$2" "$3" || { say "$1: cannot be killed"; return 1; }
    fi
    rm -f "$2"
}

# answers HOST:PORT PATH: a GET there answers 200.
answers()
{
    [[ $(curl -s -o /dev/null --max-time 2 -w '%{http_code}' "http://$1$2") == 200 ]]
}

port_is_open() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# class_archive NAME JARS: the file of what a Java program had loaded when it ended well; it halves
# the time of a start. It fits one Java and one class path only: its name says which.
class_archive()
{
    local program sum
    program=$(readlink -f "$(command -v java)")
    sum=$(stat -c '%n %s %Y' "$program" "$2" | cksum)
    echo "$DEPS/$1/classes-${sum%% *}.jsa"
}

# make_class_archive NAME JARS: by the functions start DIR PORT JVM-OPTION and stop DIR of the
# script that reads this file.
make_class_archive()
{
    local archive dir port
    archive=$(class_archive "$1" "$2")
    [[ -f $archive ]] && return 0
    rm -rf "$DEPS/$1"/classes-*
    dir=$(mktemp -d "$DEPS/$1/archive.XXXXXX")
    for port in 29890 31890 33890 35890 37890; do
        port_is_open "$port" || port_is_open $((port + 1)) || break
    done
    STOP_MS=120000 # it is written then
    if start "$dir" "$port" "-XX:ArchiveClassesAtExit=$dir/classes.jsa"; then stop "$dir"; fi
    # Without the archive it starts more slowly, and that is all.
    if [[ -s $dir/classes.jsa ]]; then
        mv "$dir/classes.jsa" "$archive"
    else
        say "$1: no class archive could be made; it works without"
        touch "$archive"
    fi
    rm -rf "$dir"
}
