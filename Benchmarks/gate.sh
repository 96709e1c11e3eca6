#!/usr/bin/env bash
# gate.open.*: from the request on the Unix socket to the gate's answer, with 10,000 calls open and with none.
# Usage: gate.sh DAEMONS BENCHMARKS (folders of the executables)
set -euo pipefail
daemons=$1 benchmarks=$2
source "$(dirname "$0")/network.sh"

# On one CPU and before everything else, so that the numbers tell of these two programs: not of their neighbours on the
# machine, and not of what it costs a virtual machine to wake another CPU.
gate_priority="taskset -c $(($(nproc) - 1)) chrt -f 10"

# measure NETWORK CALLS SUFFIX: the gate and the peer's map hold so many calls already, two elements each.
measure() {
    network "$1"
    start_gate "$1"
    {
        echo 'table netdev peer {'
        echo '  map any4 { type ipv4_addr . inet_service : ipv4_addr; size 65536; flags timeout; counter'
        if (($2 > 0)); then
            seq 20000 $((20000 + 2 * $2 - 1)) | sed 's/.*/10.1.0.2 . & timeout 1h : 10.1.0.2/' | paste -sd, |
                sed 's/.*/    elements = { & }/'
        fi
        echo '  }'
        echo '}'
    } >"$directory/peer.nft"
    in_namespace "$1-gateway" nft -f "$directory/peer.nft"
    "$benchmarks/bench-gate" fill "$gate_socket" answer 20000 "$2"
    in_namespace "$1-gateway" $gate_priority "$benchmarks/bench-gate" measure "$gate_socket" "$3"
}

[[ ${ONLY-} == *.idle* ]] || measure busy 10000 ''
measure idle 0 .idle
