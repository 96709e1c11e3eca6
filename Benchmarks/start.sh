#!/usr/bin/env bash
# Starts a daemon, waits until it says that it is ready, lets it idle for a second, and ends it.
# Prints the milliseconds from the fork to "ready", and the resident set in octets.
# Usage: start.sh COMMAND...
set -euo pipefail

begin=$EPOCHREALTIME
exec {output}< <(exec "$@" 2>&1)
pid=$!
trap 'kill $pid 2>/dev/null || true' EXIT
line=
while [[ $line != *ready* ]]; do
    read -r -t 20 -u "$output" line || { echo "bench: $1 does not become ready: $line" >&2; exit 1; }
done
ready=$EPOCHREALTIME
sleep 1
resident=$(awk '$1 == "Rss:" { print 1024 * $2 }' "/proc/$pid/smaps_rollup")
kill -TERM $pid
# Its output ends when it does.
timeout 10 cat <&"$output" >/dev/null
echo "$(((${ready/./} - ${begin/./}))) $resident" | awk '{ print $1 / 1000, $2 }'
