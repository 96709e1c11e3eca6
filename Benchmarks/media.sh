#!/usr/bin/env bash
# media.*: what the kernel spends on a packet that the gate's table forwards, beside one that is routed.
# Usage: media.sh DAEMONS BENCHMARKS (folders of the executables)
set -euo pipefail
daemons=$1 benchmarks=$2
here=$(realpath "$(dirname "$0")")
source "$here/network.sh"

calls=10000 packets=100000 runs=21

# sink NAME: packets end at the first hook of the host they reach, and are counted.
sink() {
    in_namespace "$1" nft -f - <<'END'
table netdev sink {
  chain ingress { type filter hook ingress device eth0 priority 0; udp dport 1024-65535 counter drop; }
}
END
}

arrived() { in_namespace "$1" nft list table netdev sink | sed -n 's/.*counter packets \([0-9]*\).*/\1/p'; }

mac() { ip -n "$id-$1" -br link show "$2" | awk '{ print $3 }'; }

# pump NETWORK DIRECTION MAC PORT: prints unit and cost per packet.
pump() {
    if [[ $2 == out ]]; then
        in_namespace "$1-inside" "$benchmarks/bench-pump" eth0 "$3" 10.1.0.2 10.2.0.2 "$4" $calls $packets
    else
        in_namespace "$1-outside" "$benchmarks/bench-pump" eth0 "$3" 10.2.0.2 10.1.0.2 "$4" $calls $packets
    fi
}

# forwarded NETWORK DIRECTION PORT: the same, and every packet must have arrived.
forwarded() {
    local interface=lan0 host=outside before after
    [[ $2 == out ]] || interface=wan0 host=inside
    before=$(arrived "$1-$host")
    pump "$1" "$2" "$(mac "$1-gateway" $interface)" "$3"
    after=$(arrived "$1-$host")
    ((after - before == packets)) || fail "$1 $2: $((after - before)) of $packets packets arrived"
}

# compare NAME DIRECTION PORT NETWORK
compare() {
    [[ $1 == "${ONLY-}"* ]] || return 0
    local run unit nothing ours peer
    for ((run = 0; run <= runs; run++)); do
        # To an address that is not the gateway's: generator, wire and reception, but no forwarding.
        read -r unit nothing < <(pump bare "$2" 02:00:00:00:00:99 "$3")
        read -r unit peer < <(forwarded bare "$2" "$3")
        read -r unit ours < <(forwarded "$4" "$2" "$3")
        # The first run warms up.
        ((run > 0)) || continue
        awk -v name="$1" -v unit="$unit" -v ours="$ours" -v peer="$peer" -v nothing="$nothing" 'BEGIN {
            OFS = "\t"; print name, unit, "cost", "bare routing", ours - nothing, peer - nothing }'
    done
}

# What a call's port is outside is drawn at random: packets from outside have no order there, so only those that go out are
# measured.
wanted() { [[ $1 == "${ONLY-}"* ]]; }

# start_relay: rtpengine without its kernel module in the gateway of the network `relay`, on the CPU that bench-pump takes so
# that all it costs is counted, with calls set up. Sets relay_pid.
start_relay() {
    local i
    ip netns exec "$id-relay-gateway" taskset -c $(($(getconf _NPROCESSORS_ONLN) - 1)) rtpengine --config-file=none \
        --foreground --log-stderr --log-level=4 --table=-1 --interface=inside/10.1.0.1 --interface=outside/10.2.0.1 \
        --listen-ng=127.0.0.1:2223 --timeout=3600 >"$directory/rtpengine.log" 2>&1 &
    relay_pid=$!
    children+=("$relay_pid")
    for ((i = 0; i < 200; i++)); do
        [[ -z $(in_namespace relay-gateway ss -Hlun 'sport = :2223') ]] || break
        sleep 0.05
    done
    in_namespace relay-gateway "$here/relay-calls.sh" 127.0.0.1 2223 20000 $calls >"$directory/relay-ports" ||
        { cat "$directory/rtpengine.log" >&2; fail 'no calls through rtpengine'; }
}

# relayed MAC: as pump, into the relay.
relayed() {
    in_namespace relay-inside "$benchmarks/bench-pump" eth0 "$1" 10.1.0.2 10.1.0.1 - $calls $packets "$relay_pid" \
        <"$directory/relay-ports"
}

# compare_relay: as compare. What the relay takes when it has nothing to do is subtracted with the rest.
compare_relay() {
    # No socket holds more than a hundred packets: none is lost, however late the relay comes to run.
    local calls=100 packets=10000
    local run unit nothing idle relay peer before after mac
    start_relay
    mac=$(mac relay-gateway lan0)
    for ((run = 0; run <= runs; run++)); do
        read -r unit nothing < <(pump bare out 02:00:00:00:00:99 20000)
        read -r unit peer < <(forwarded bare out 20000)
        read -r unit idle < <(relayed 02:00:00:00:00:99)
        before=$(arrived relay-outside)
        read -r unit relay < <(relayed "$mac")
        after=$(arrived relay-outside)
        ((after - before == packets)) || fail "relay: $((after - before)) of $packets packets arrived"
        ((run > 0)) || continue
        awk -v unit="$unit" -v relay="$relay" -v peer="$peer" -v nothing="$nothing" -v idle="$idle" 'BEGIN {
            OFS = "\t"; print "media.relay", unit, "cost", "bare routing", relay - idle, peer - nothing }'
    done
}

# The kernel's own firewall and its connection tracking, which remembers every flow for as long as the benchmark takes.
track() {
    network "$1"
    sink "$1-inside"
    sink "$1-outside"
    in_namespace "$1-gateway" nft -f - <<<"$2"
    in_namespace "$1-gateway" sysctl -qw net.netfilter.nf_conntrack_udp_timeout=600 \
        net.netfilter.nf_conntrack_udp_timeout_stream=600
}

# establish NETWORK ADDRESS: a packet each way of every flow, from outside to that address.
establish() {
    in_namespace "$1-inside" "$benchmarks/bench-pump" eth0 "$(mac "$1-gateway" lan0)" 10.1.0.2 10.2.0.2 20000 \
        $calls $calls >/dev/null
    in_namespace "$1-outside" "$benchmarks/bench-pump" eth0 "$(mac "$1-gateway" wan0)" 10.2.0.2 "$2" 20000 \
        $calls $calls >/dev/null
    # One of each, or the packets of one way have not met those of the other.
    [[ $(in_namespace "$1-gateway" sysctl -n net.netfilter.nf_conntrack_count) == "$calls" ]] || fail "$1: not $calls connections"
}

for name in bare gate; do
    network $name
    sink $name-inside
    sink $name-outside
done
start_gate gate
"$benchmarks/bench-gate" fill "$gate_socket" answer 20000 $calls
"$benchmarks/bench-gate" fill "$gate_socket" offer 40000 $calls

compare media.routed out 20000 gate
compare media.halfopen in 40000 gate
if wanted media.nat; then
    network nat
    sink nat-outside
    gate_nat='{ addresses: [10.2.0.1], ports: 1024-65535 }' start_gate nat
    "$benchmarks/bench-gate" fill "$gate_socket" answer 20000 $calls
    compare media.nat out 20000 nat
fi
if wanted media.routedpath; then
    network routed
    sink routed-outside
    in_namespace routed-gateway nft -f - <<'END'
table inet site {
  chain forward {
    type filter hook forward priority filter; policy drop
    meta mark & 0x40000000 == 0x40000000 accept
  }
}
END
    gate_more='media_path: routed' start_gate routed
    "$benchmarks/bench-gate" fill "$gate_socket" answer 20000 $calls
    compare media.routedpath out 20000 routed
fi
if wanted media.conntrack; then
    track conntrack 'table inet f {
        chain forward {
            type filter hook forward priority filter; policy drop
            ct state established accept
            udp dport 1024-65535 accept
        }
    }'
    establish conntrack 10.1.0.2
    compare media.conntrack out 20000 conntrack
fi
if wanted media.masquerade; then
    track masquerade 'table inet f {
        chain forward {
            type filter hook forward priority filter; policy drop
            ct state established accept
            udp dport 1024-65535 accept
        }
        chain out {
            type nat hook postrouting priority srcnat
            oifname "wan0" masquerade
        }
    }'
    establish masquerade 10.2.0.1
    compare media.masquerade out 20000 masquerade
fi
if wanted media.relay; then
    network relay
    sink relay-outside
    compare_relay
fi
