#!/usr/bin/env bash
# sip.open.p99, sip.close.p99: what it delays an INVITE that its hole is opened, and a BYE that its holes are closed, beside
# the same requests through Kamailio, which opens none.
# Usage: delays.sh DAEMONS BENCHMARKS (folders of the executables)
set -euo pipefail
daemons=$1
here=$(realpath "$(dirname "$0")")
scenarios=$here/scenarios
source "$here/network.sh"
source "$here/sipp.sh"

runs=3
# The calls that stand, and the rate at which they begin. Their media ports are 20000 to 39998.
standing=10000 standing_rate=500 first_port=40000
# Calls per second that come and go beside them, and for how many seconds.
rate=200 seconds=10
# T1 is the default of RFC 3261; transactions live 64 T1.
t1_ms=500 transaction_seconds=33

# stand NAME: opens the calls that stay.
stand() { must_call "$1" caller callee $standing $standing_rate -d 4000; }

# percentiles NAME METHOD FILE: the median and the 99th percentile of milliseconds from a request's arrival at the gateway's
# inside interface to its leaving by the outside one, of the capture's text. None may be missing.
percentiles() {
    awk -v method="$2" '
        /^[0-9]+\.[0-9]+ / { time = $1; at = $2 " " $3; wanted = 0 }
        $0 ~ method " sip:[^ ]* SIP/2.0" { wanted = 1 }
        wanted && /^Call-ID:/ && at == "lan0 In" && !($2 in came) { came[$2] = time }
        wanted && /^Call-ID:/ && at == "wan0 Out" && $2 in came && !($2 in left) { left[$2]; print 1000 * (time - came[$2]) }
        ' "$3" | sort -n | awk -v name="$1" -v method="$2" -v count=$((rate * seconds)) '{ value[NR] = $1 } END {
            if (NR != count) { print "bench: " name ": " NR " of " count " " method "s seen" >"/dev/stderr"; exit 1 }
            print value[int((NR + 1) / 2)], value[int(NR * 0.99 + 0.5)] }'
}

# delays NAME: sets open50, open99, close50 and close99.
delays() {
    local capture=$directory/$1.pcap
    start_capture "$1" gateway any 1500 "$capture"
    must_call "$1" short-caller short-callee $((rate * seconds)) $rate
    stop_capture
    # In the namespace, where the numbers of interfaces have their names.
    in_namespace "$1-gateway" tcpdump -tt -n -A -r "$capture" 2>/dev/null >"$capture.txt"
    percentiles "$1" INVITE "$capture.txt" >"$directory/$1-open"
    percentiles "$1" BYE "$capture.txt" >"$directory/$1-close"
    read -r open50 open99 <"$directory/$1-open"
    read -r close50 close99 <"$directory/$1-close"
    say "$1: INVITE median $open50 ms, p99 $open99; BYE median $close50, p99 $close99"
}

# Before what else the machine does, and the proxies at real-time priority as in gate.sh: else the 99th percentile is how
# late the scheduler is.
renice -n -15 -p $$ >/dev/null
write_ports
for system in sekisho kamailio; do
    network $system
    start_system $system
    for pid in ${pids[$system]}; do chrt -a -f -p 10 "$pid"; done
done
waiting=()
for system in sekisho kamailio; do
    stand $system &
    waiting+=($!)
done
for child in "${waiting[@]}"; do wait "$child" || fail 'calls failed'; done
sleep $transaction_seconds
elements=$(holes sekisho)
say "sekisho: $elements elements for $standing calls"
write_ports $first_port
for ((run = 0; run < runs; run++)); do
    delays sekisho
    our_open=$open99 our_close=$close99
    delays kamailio
    row sip.open.p99 ms cost "$our_open" "$open99"
    row sip.close.p99 ms cost "$our_close" "$close99"
done
must_be_shut sekisho "$elements"
