# For the benchmarks that need namespaces; they source it. Each network is
#
#     inside eth0 10.1.0.2 ------ 10.1.0.1 lan0 gateway wan0 10.2.0.1 ------ 10.2.0.2 eth0 outside
#
# in namespaces $id-NAME-{inside,gateway,outside}. Whatever was started or made is gone when the script ends.
set -euo pipefail

id=bench$$
directory=$(mktemp -d "/tmp/sekisho-$id.XXXXXX")
children=()
namespaces=()

clean_up() {
    local child name
    # A second signal must not end this halfway, nor an error.
    trap '' INT TERM HUP
    set +e
    for child in "${children[@]}"; do stop "$child"; done
    for name in "${namespaces[@]}"; do
        # What a subshell started is in no list.
        ip netns pids "$name" | xargs -r kill -KILL
        ip netns del "$name"
    done
    rm -rf "$directory"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

fail() {
    echo "bench: $*" >&2
    exit 1
}

# stop PID: SIGTERM, and after 5 s SIGKILL.
stop() {
    kill -TERM "$1" 2>/dev/null || return 0
    local i
    for ((i = 0; i < 50; i++)); do
        kill -0 "$1" 2>/dev/null || break
        sleep 0.1
    done
    kill -KILL "$1" 2>/dev/null || true
    wait "$1" 2>/dev/null || true
}

# wait_for TEXT FILE PID: until the process has written the text; 20 s at most.
wait_for() {
    local i
    for ((i = 0; i < 2000; i++)); do
        grep -q -- "$1" "$2" 2>/dev/null && return 0
        kill -0 "$3" 2>/dev/null || break
        sleep 0.01
    done
    cat "$2" >&2
    fail "no '$1' in ${2##*/}"
}

in_namespace() { ip netns exec "$id-$1" "${@:2}"; }

# network NAME
network() {
    local host
    for host in inside gateway outside; do
        ip netns add "$id-$1-$host"
        namespaces+=("$id-$1-$host")
    done
    ip -n "$id-$1-inside" link add eth0 type veth peer name lan0 netns "$id-$1-gateway"
    ip -n "$id-$1-outside" link add eth0 type veth peer name wan0 netns "$id-$1-gateway"
    address "$1-inside" eth0 10.1.0.2
    address "$1-gateway" lan0 10.1.0.1
    address "$1-gateway" wan0 10.2.0.1
    address "$1-outside" eth0 10.2.0.2
    ip -n "$id-$1-inside" route add default via 10.1.0.1
    ip -n "$id-$1-outside" route add default via 10.2.0.1
    in_namespace "$1-gateway" sysctl -qw net.ipv4.ip_forward=1
}

# address HOST DEVICE ADDRESS: IPv4 only, so that nothing sends by itself.
address() {
    in_namespace "$1" sysctl -qw net.ipv6.conf.all.disable_ipv6=1
    ip -n "$id-$1" link set lo up
    ip -n "$id-$1" link set "$2" up
    ip -n "$id-$1" addr add "$3/24" dev "$2"
}

# configure_gate NAME: writes gated.yaml, with $gate_nat as its nat section and $gate_more as a further line if there are such.
# Sets gate_socket.
configure_gate() {
    gate_socket=$directory/$1.sock
    cat >"$directory/$1-gated.yaml" <<END
socket: $gate_socket
allow_user: root
inside: { interface: lan0, prefixes: [10.1.0.0/24] }
outside: { interface: wan0 }
half_open_rate: 10000
hole_timeout: 3600
limits: { sessions: 30000 }
log_changes: false
END
    [[ -z ${gate_nat-} ]] || echo "nat: $gate_nat" >>"$directory/$1-gated.yaml"
    [[ -z ${gate_more-} ]] || echo "$gate_more" >>"$directory/$1-gated.yaml"
}

# environment DAEMON: what its systemd unit starts it with.
environment() { sed -n 's/^Environment=//p' "$(dirname "${BASH_SOURCE[0]}")/../systemd/$1.service"; }

# start_gate NAME: sekisho-gated in the gateway's namespace. Sets gate_socket and gate_pid.
# $gate_priority may hold a command that sets its scheduling.
start_gate() {
    configure_gate "$1"
    rm -f "$directory/$1-gated.log"
    # No function here: $! must be the daemon itself.
    ip netns exec "$id-$1-gateway" ${gate_priority-} env $(environment sekisho-gated) "$daemons/sekisho-gated" \
        --config "$directory/$1-gated.yaml" >"$directory/$1-gated.log" 2>&1 &
    gate_pid=$!
    children+=("$gate_pid")
    wait_for ready "$directory/$1-gated.log" "$gate_pid"
}

# configure_sekishod NAME: writes sekishod.yaml, for the gate of that name. T1 is short, so that transactions end soon,
# unless $t1_ms says otherwise.
configure_sekishod() {
    cat >"$directory/$1-sekishod.yaml" <<END
gate: $gate_socket
control: $directory/$1-control.sock
name: gw.example.net
listen:
  - { transport: udp, address: 10.1.0.1, port: 5060 }
  - { transport: udp, address: 10.2.0.1, port: 5060 }
inside: [10.1.0.0/24]
routes:
  - { domain: b.example.net, to: 10.2.0.2 }
limits: { sessions: 30000, transactions: 500000, requests_per_source: 1000000, requests: 1000000 }
timers: { t1_ms: ${t1_ms-100} }
log_level: warning
END
}

# start_sekishod NAME: in the same namespace as the gate. Sets sekishod_pid.
start_sekishod() {
    configure_sekishod "$1"
    rm -f "$directory/$1-sekishod.log"
    ip netns exec "$id-$1-gateway" env $(environment sekishod) "$daemons/sekishod" \
        --config "$directory/$1-sekishod.yaml" >"$directory/$1-sekishod.log" 2>&1 &
    sekishod_pid=$!
    children+=("$sekishod_pid")
    wait_for ready "$directory/$1-sekishod.log" "$sekishod_pid"
}
