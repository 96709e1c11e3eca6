# For the scripts that let sipp call sipp through a proxy; they source it after network.sh. The caller is `inside` and calls
# 10.1.0.1:5060, the callee is `outside`; see network.sh. A NAME is a network's.

kamailio_configuration=$(realpath "$(dirname "${BASH_SOURCE[0]}")")/kamailio.cfg
# The processes of each system, by the name of its network.
declare -A pids

# wants NAME: whether an entry of that name was asked for.
wants() { [[ $1 == "${ONLY-}"* ]]; }

# row NAME UNIT DIRECTION OURS KAMAILIO'S
row() { ! wants "$1" || printf '%s\t%s\t%s\tKamailio\t%s\t%s\n' "$@"; }

say() { echo "    $*" >&2; }

# start_system NAME: in the network of that name, the proxy that the name begins with.
start_system() {
    case $1 in
        sekisho*)
            start_gate "$1"
            start_sekishod "$1"
            pids[$1]="$sekishod_pid $gate_pid"
            ;;
        kamailio*)
            start_kamailio "$1"
            pids[$1]="$kamailio_pid $(pgrep -P "$kamailio_pid" | paste -sd ' ')"
            ;;
    esac
}

# What sipp is called with, everywhere. Received datagrams wait in a buffer that does not lose one.
sipp_options=(-p 5060 -nostdin -buff_size 4194304 -trace_counts -trace_err)

# sipp_in NAME HOST DIRECTORY ARGUMENT...: sipp in a host, with a directory for what it writes, its screen among that.
sipp_in() {
    mkdir -p "$3"
    exec ip netns exec "$id-$1-$2" env -C "$3" TERM=dumb sipp "${@:4}" "${sipp_options[@]}" >"$3/screen.log" 2>&1
}

# counted DIRECTORY PATTERN: the sum of those columns of sipp's last line of counts.
counted() {
    awk -F ';' -v pattern="$2" 'NR == 1 { split($0, name) } END {
        for (i in name) if (name[i] ~ pattern) sum += $i
        print sum + 0 }' "$1"/*_counts.csv
}

# write_ports [FIRST]: one media port pair for each line, taken by turns: no two calls at one time have the same.
write_ports() {
    {
        echo SEQUENTIAL
        seq "${1-20000}" 2 59998
    } >"$directory/ports.csv"
}

# call NAME CALLER CALLEE COUNT RATE SECONDS [OPTION...]: so many calls, given that many seconds; the scenarios are files without .xml.
# Fails when a call does. Sets retransmissions (of both sipps, sent and received) and called (calls per second).
call() {
    local where=$directory/$1-sipp status=0 caller callee i
    rm -rf "$where"
    (sipp_in "$1" outside "$where/callee" -sf "$scenarios/$3.xml" -i 10.2.0.2 -m "$4" -rtcheck loose) &
    callee=$!
    children+=("$callee")
    for ((i = 0; i < 500; i++)); do
        [[ -z $(in_namespace "$1-outside" ss -Hlun 'sport = :5060') ]] || break
        sleep 0.01
    done
    (sipp_in "$1" inside "$where/caller" 10.1.0.1:5060 -sf "$scenarios/$2.xml" -i 10.1.0.2 -m "$4" \
        -inf "$directory/ports.csv" -r "$5" -l "$4" -timeout "$6" -timeout_error -trace_stat -stf "$where/caller.csv" \
        "${@:7}") &
    caller=$!
    children+=("$caller")
    wait "$caller" || status=$?
    # The callee ends by itself with the last call.
    for ((i = 0; i < 20 && status == 0; i++)); do
        kill -0 "$callee" 2>/dev/null || break
        sleep 0.1
    done
    kill -0 "$callee" 2>/dev/null && kill -TERM "$callee"
    wait "$callee" || status=$?
    forget_child "$caller"
    forget_child "$callee"
    retransmissions=$(($(counted "$where/caller" _Retrans) + $(counted "$where/callee" _Retrans)))
    called=$(awk -F ';' 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "CallRate(C)") column = i } END { print $column }' \
        "$where/caller.csv")
    return "$status"
}

# must_call NAME CALLER CALLEE COUNT RATE [OPTION...]: and no call may fail.
must_call() {
    call "${@:1:5}" 60 "${@:6}" || { say_failed "$1"; fail "$1: calls failed"; }
    say "$1: $4 calls at $called/s, $retransmissions retransmissions"
}

# must_be_shut NAME [COUNT]: all elements but that many (none).
must_be_shut() {
    local open
    open=$(holes "$1")
    ((open == ${2-0})) || fail "$1: $open elements are open after the last call"
}

# start_capture NAME HOST INTERFACE OCTETS FILE: tcpdump of the SIP that passes there, so many octets of each packet.
start_capture() {
    ip netns exec "$id-$1-$2" tcpdump -i "$3" -s "$4" -B 16384 -w "$5" udp port 5060 >"$5.log" 2>&1 &
    capture_pid=$! capture_log=$5.log
    children+=("$capture_pid")
    wait_for 'listening on' "$capture_log" "$capture_pid"
}

# stop_capture: and it may have lost nothing.
stop_capture() {
    # It takes packets over once a second.
    sleep 1.2
    stop "$capture_pid"
    forget_child "$capture_pid"
    grep -q '^0 packets dropped by kernel' "$capture_log" || { cat "$capture_log" >&2; fail 'tcpdump has lost packets'; }
}

# forget_child PID: it has ended; its number may become another's.
forget_child() {
    local child kept=()
    for child in "${children[@]}"; do [[ $child == "$1" ]] || kept+=("$child"); done
    children=("${kept[@]}")
}

# say_failed NAME: what sipp and the proxy said.
say_failed() {
    tail -n 20 "$directory/$1-sipp"/*/*.log "$directory/$1"-*.log >&2 2>/dev/null || true
}

# cpu PID...: microseconds of CPU, user and system, that processes have taken.
cpu() {
    local pid files=()
    for pid in "$@"; do files+=("/proc/$pid/stat"); done
    awk -v second="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); sum += $12 + $13 } END { printf "%.0f\n", 1e6 * sum / second }' \
        "${files[@]}"
}

# memory PID...: octets of memory, what processes share divided among them.
memory() {
    local pid files=()
    for pid in "$@"; do files+=("/proc/$pid/smaps_rollup"); done
    awk '$1 == "Pss:" { sum += $2 } END { print 1024 * sum }' "${files[@]}"
}

# holes NAME: elements in the gate's maps.
holes() {
    in_namespace "$1-gateway" nft -j list table netdev sekisho |
        jq '[.nftables[] | (.map // .set // {}).elem // [] | length] | add'
}

# start_kamailio NAME: the peer, in the gateway's namespace. Sets kamailio_pid.
start_kamailio() {
    local i
    ip netns exec "$id-$1-gateway" kamailio -DD -E -m 1024 -f "$kamailio_configuration" -Y "$directory" -w "$directory" \
        >"$directory/$1-kamailio.log" 2>&1 &
    kamailio_pid=$!
    children+=("$kamailio_pid")
    # It says nothing when it is ready: it has its socket and its processes then.
    for ((i = 0; i < 100; i++)); do
        [[ -z $(in_namespace "$1-gateway" ss -Hlun 'sport = :5060') || -z $(pgrep -P "$kamailio_pid") ]] || break
        kill -0 "$kamailio_pid" 2>/dev/null || break
        sleep 0.05
    done
    sleep 0.5
    kill -0 "$kamailio_pid" 2>/dev/null || { cat "$directory/$1-kamailio.log" >&2; fail 'Kamailio does not start'; }
}
