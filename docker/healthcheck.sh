#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Is the service of this container alive? Asks /livez where the service listens: where the
# environment says so, else at the default in the service's own option table. No curl in the image:
# bash speaks enough TCP. /readyz is not asked, on purpose: with Kafka away nothing is won by a
# restart.
set -euo pipefail

program=$(readlink /usr/local/bin/program)
name=${program^^}_HEALTH_LISTEN
listen=${!name:-${HEALTH_LISTEN:-}}
if [[ -z $listen ]]; then
    listen=$(/usr/local/bin/program --options-json |
        sed -n '/"name":"health-listen"/s/.*"default":"\([^"]*\)".*/\1/p')
fi
host=${listen%:*}
port=${listen##*:}
case $host in
0.0.0.0 | '') host=127.0.0.1 ;;
'[::]') host=::1 ;;
\[*\]) host=${host:1:-1} ;;
esac

exec 3<>"/dev/tcp/$host/$port"
printf 'GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3
IFS=' ' read -r -t 4 _ status _ <&3
if [[ $status != 200 ]]; then
    echo "/livez answers $status"
    exit 1
fi
