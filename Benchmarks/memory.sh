#!/usr/bin/env bash
# session.memory: resident memory of sekishod and sekisho-gated for each call that is established through them.
# Usage: memory.sh DAEMONS BENCHMARKS (folders of the executables)
set -euo pipefail
daemons=$1
scenarios=$(dirname "$0")/scenarios
source "$(dirname "$0")/network.sh"

batch=1000 per_second=100

# sipp in a host of the network; what it writes to its screen and files stays in the directory.
sipp_in() {
    local host=$1
    shift
    in_namespace "$host" env -C "$directory" TERM=dumb sipp "$@" -nostdin >>"$directory/sipp.log" 2>&1
}

next_port=30000
# call COUNT [OPTION...]: establishes so many calls, each with two media ports of its own.
call() {
    {
        echo SEQUENTIAL
        seq $next_port 2 $((next_port + 2 * $1 - 2))
    } >"$directory/ports.csv"
    next_port=$((next_port + 2 * $1))
    sipp_in a-inside 10.1.0.1:5060 -i 10.1.0.2 -p 5060 -sf "$scenarios/caller.xml" -inf ports.csv \
        -m "$1" -r $per_second -l "$1" -timeout 60 -timeout_error "${@:2}" ||
        { tail -n 30 "$directory/sipp.log" "$directory"/*_errors.log "$directory/a-sekishod.log" >&2; fail 'calls failed'; }
}

resident() {
    awk '$1 == "Pss:" { sum += $2 } END { print 1024 * sum }' "/proc/$sekishod_pid/smaps_rollup" \
        "/proc/$gate_pid/smaps_rollup"
}

scenarios=$(realpath "$scenarios")
network a
start_gate a
start_sekishod a
ip netns exec "$id-a-outside" env -C "$directory" TERM=dumb sipp -sf "$scenarios/callee.xml" -i 10.2.0.2 -p 5060 \
    -nostdin >"$directory/callee.log" 2>&1 &
children+=($!)

# The peer: what a program would keep that stores nothing but the text of the call.
call 1 -trace_msg -message_file messages.log
text=$(sed -n 's/^UDP message \(sent\|received\) \[\([0-9]*\)\] bytes.*/\2/p' "$directory/messages.log" |
    sort -n | tail -n 2 | awk '{ sum += $1 } END { print sum }')

# Measured when the transactions have ended (64 T1 = 6.4 s). What the allocator keeps of their memory is counted too, so
# the number falls with the number of calls.
before=$(resident)
call $batch
for calls in $((2 * batch)) $((3 * batch)) $((4 * batch)); do
    call $batch
    sleep 8
    printf 'session.memory\toctets\tcost\toctets of INVITE and 200\t%s\t%s\n' \
        $((($(resident) - before) / calls)) "$text"
done
