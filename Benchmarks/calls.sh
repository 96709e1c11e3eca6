#!/usr/bin/env bash
# sip.call.*, sip.setup.*, sip.memory: calls from sipp to sipp through sekishod, with holes opened and closed by
# sekisho-gated, beside the same calls through Kamailio, which opens none.
# Usage: calls.sh DAEMONS BENCHMARKS (folders of the executables)
set -euo pipefail
daemons=$1
here=$(realpath "$(dirname "$0")")
scenarios=$here/scenarios
source "$here/network.sh"
source "$here/sipp.sh"

runs=3
# Calls per second and seconds: of CPU, of setup, and of one probe of the rate.
steady=1000 cpu_seconds=5 setup_seconds=3 probe_seconds=1.5
probes=5
established=10000 established_rate=800
# T1 is the default of RFC 3261, so that neither proxy is in more haste than the other; transactions live 64 T1.
t1_ms=500 transaction_seconds=33

# restart_system NAME: what it still sends again of failed calls would come to the next callee.
restart_system() {
    local pid
    for pid in ${pids[$1]}; do
        stop "$pid"
        forget_child "$pid"
    done
    # What a daemon says when it breaks.
    grep -ai -A 5 'fatal' "$directory/$1"-*.log >&2 || true
    start_system "$1"
}

# MARK: sip.call.cpu

measure_cpu() {
    local run system at count=$((steady * cpu_seconds))
    declare -A before used rest
    for system in sekisho kamailio; do
        must_call $system short-caller short-callee $steady $steady
        before[$system]=$(cpu ${pids[$system]})
    done
    for ((run = 0; run < runs; run++)); do
        for system in sekisho kamailio; do
            at=$(cpu ${pids[$system]})
            must_call $system short-caller short-callee $count $steady
            used[$system$run]=$(($(cpu ${pids[$system]}) - at))
        done
    done
    must_be_shut sekisho
    measure_memory
    # What the ends of the transactions cost after the runs is shared out among them.
    for system in sekisho kamailio; do
        rest[$system]=$(($(cpu ${pids[$system]}) - before[$system]))
        for ((run = 0; run < runs; run++)); do rest[$system]=$((rest[$system] - used[$system$run])); done
    done
    for ((run = 0; run < runs; run++)); do
        for system in sekisho kamailio; do
            used[$system$run]=$(((used[$system$run] + rest[$system] / runs) / count))
        done
        row sip.call.cpu µs cost "${used[sekisho$run]}" "${used[kamailio$run]}"
    done
}

# MARK: sip.memory

# establish NAME: opens the calls, waits until the transactions have ended, and writes the octets of each to a file.
establish() {
    local before
    before=$(memory ${pids[$1]})
    must_call "$1" caller callee $established $established_rate -d 4000
    sleep 4
    echo $((($(memory ${pids[$1]}) - before) / established)) >"$directory/$1-octets"
    [[ $1 != sekisho* ]] || say "$1: $(holes "$1") elements for $established calls"
}

# Both at one time, since memory does not depend on the load. Takes at least as long as transactions live.
measure_memory() {
    local run system child end=$((SECONDS + transaction_seconds)) waiting
    if wants sip.memory; then
        for ((run = 0; run < runs; run++)); do
            waiting=()
            for system in sekisho kamailio; do
                network $system-$run
                t1_ms=100 start_system $system-$run
                establish $system-$run &
                waiting+=($!)
            done
            for child in "${waiting[@]}"; do wait "$child" || fail 'calls failed'; done
            for system in sekisho kamailio; do
                for child in ${pids[$system-$run]}; do
                    stop "$child"
                    forget_child "$child"
                done
            done
            row sip.memory octets cost "$(<"$directory/sekisho-$run-octets")" "$(<"$directory/kamailio-$run-octets")"
        done
    fi
    while ((SECONDS < end)); do sleep 1; done
}

# MARK: sip.setup

# setup NAME: sets p50 and p99 to the median and the 99th percentile of milliseconds from the INVITE to the 200 as they pass the
# caller's interface; sipp's own clock ticks too slowly.
setup() {
    local capture=$directory/$1.pcap count=$((steady * setup_seconds))
    start_capture "$1" inside eth0 400 "$capture"
    must_call "$1" short-caller short-callee $count $steady
    stop_capture
    tcpdump -tt -n -A -r "$capture" 2>/dev/null | awk '
        /^[0-9]+\.[0-9]+ IP/ { time = $1; kind = "" }
        /INVITE sip:/ { kind = "sent" }
        /SIP\/2.0 200/ { kind = "answered" }
        /^Call-ID:/ { id = $2 }
        /^CSeq: 1 INVITE/ && kind == "sent" && !(id in sent) { sent[id] = time }
        /^CSeq: 1 INVITE/ && kind == "answered" && id in sent { print 1000 * (time - sent[id]); delete sent[id] }
        ' | sort -n | awk -v count=$count '{ value[NR] = $1 } END {
            if (NR != count) { print "bench: " NR " of " count " answers seen" >"/dev/stderr"; exit 1 }
            print value[int((NR + 1) / 2)], value[int(NR * 0.99 + 0.5)] }' >"$directory/$1-setup"
    read -r p50 p99 <"$directory/$1-setup"
}

measure_setup() {
    local run p50 p99 our50 our99
    wants sip.setup.p50 || wants sip.setup.p99 || return 0
    for ((run = 0; run < runs; run++)); do
        setup sekisho
        our50=$p50 our99=$p99
        setup kamailio
        row sip.setup.p50 ms cost "$our50" "$p50"
        row sip.setup.p99 ms cost "$our99" "$p99"
    done
    must_be_shut sekisho
}

# MARK: sip.call.rate

# probe NAME RATE: whether so many calls each second are carried without a retransmission. Sets called, to how many really
# were: sipp takes longer when its calls do.
probe() {
    local count
    count=$(awk -v rate="$2" -v seconds=$probe_seconds 'BEGIN { printf "%d", rate * seconds }')
    call "$1" short-caller short-callee "$count" "$2" 3 && ((retransmissions == 0))
}

# search NAME: sets highest[NAME] to the highest rate of the probes that passed. Up or down from the one before by half as
# much again, until one passes and one fails; then between the two.
search() {
    local low=0 high=0 rate=${highest[$1]} best=0 i
    for ((i = 0; i < probes; i++)); do
        if probe "$1" "$rate"; then
            called=$(printf '%.0f' "$called")
            say "$1: $rate calls/s: $called"
            low=$rate
            ((called <= best)) || best=$called
        else
            say "$1: not $rate calls/s: $retransmissions retransmissions"
            high=$rate
            restart_system "$1"
        fi
        if ((high == 0)); then
            rate=$((rate * 3 / 2))
        elif ((low == 0)); then
            rate=$((rate * 2 / 3))
        else
            rate=$(((low + high) / 2))
        fi
    done
    ((best > 0)) || fail "$1: no rate without retransmission, down to $high calls/s"
    highest[$1]=$best
}

declare -A highest
measure_rate() {
    local run system
    wants sip.call.rate || return 0
    highest=([sekisho]=700 [kamailio]=2000)
    for ((run = 0; run < runs; run++)); do
        for system in sekisho kamailio; do search $system; done
        row sip.call.rate /s rate "${highest[sekisho]}" "${highest[kamailio]}"
    done
}

# Before what else the machine does: a proxy that does not get to run loses datagrams.
renice -n -15 -p $$ >/dev/null
write_ports
for system in sekisho kamailio; do
    network $system
    start_system $system
done
if wants sip.call.cpu; then
    measure_cpu
elif wants sip.memory; then
    measure_memory
fi
measure_setup
measure_rate
