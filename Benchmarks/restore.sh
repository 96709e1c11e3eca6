#!/usr/bin/env bash
# gate.restore: 100,000 elements in a table made anew after somebody took it away. gate.refresh: 40,000 elements renewed.
# Usage: restore.sh DAEMONS BENCHMARKS (folders of the executables)
set -euo pipefail
daemons=$1 benchmarks=$2
source "$(dirname "$0")/network.sh"

runs=5
# What the timeout is by default, and how often it is renewed in that time.
hole_timeout=60
renewals=3

# prepare NETWORK PORT CALLS: a gate with so many calls, four elements each, and the peer's map.
prepare() {
    network "$1"
    start_gate "$1"
    in_namespace "$1-gateway" nft -f - <<'END'
table netdev peer {
  map path4 { type ipv4_addr . inet_service . ipv4_addr . inet_service : ipv4_addr; size 131072; flags timeout; counter; }
}
END
    "$benchmarks/bench-gate" fill "$gate_socket" answer "$2" "$3"
}

restore() {
    # Others can take such a table away; where the kernel protects it nobody can.
    gate_more='table_flags: none' prepare restore 12000 25000
    local run log=$directory/restore-gated.log ours peer i
    for ((run = 0; run <= runs; run++)); do
        in_namespace restore-gateway nft delete table netdev sekisho
        for ((i = 0; i < 1000; i++)); do
            (($(grep -c 'made anew in' "$log") > run)) && break
            sleep 0.01
        done
        ours=$(grep 'made anew in' "$log" | tail -n 1 | sed -nE 's/.* in ([0-9]+) us, with 100000 elements.*/\1/p')
        [[ -n $ours ]] || fail "the table did not come back with 100000 elements: $(tail -n 1 "$log")"
        in_namespace restore-gateway nft flush map netdev peer path4
        peer=$(in_namespace restore-gateway "$benchmarks/bench-gate" raw fill 100000)
        # The first run warms up.
        ((run == 0)) || printf 'gate.restore\tms\tcost\tlibnftnl, one batch\t%s\t%s\n' "$(awk "BEGIN { print $ours / 1000 }")" "$peer"
    done
}

refresh() {
    prepare refresh 20000 10000
    local run ours peer
    in_namespace refresh-gateway "$benchmarks/bench-gate" raw fill 40000 >/dev/null
    for ((run = 0; run <= runs; run++)); do
        ours=$("$benchmarks/bench-gate" renew "$gate_socket" 20000 10000 "$gate_pid")
        peer=$(in_namespace refresh-gateway "$benchmarks/bench-gate" raw renew 40000)
        # Milliseconds in every third of the timeout, as a share of one CPU.
        ((run == 0)) || awk -v ours="$ours" -v peer="$peer" -v every=$((hole_timeout * 1000 / renewals)) \
            'BEGIN { printf "gate.refresh\t%%\tcost\tlibnftnl, in process\t%f\t%f\n", 100 * ours / every, 100 * peer / every }'
    done
}

[[ ${ONLY-} == gate.refresh* ]] || restore
[[ ${ONLY-} == gate.restore* ]] || refresh
