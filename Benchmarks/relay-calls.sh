#!/usr/bin/env bash
# Sets up calls in rtpengine by its ng protocol and prints, for each, the ports that the caller's media has to be sent from
# and to. The caller is 10.1.0.2, the callee 10.2.0.2; both have the port FIRST + 2 i.
# Usage: relay-calls.sh HOST PORT FIRST COUNT (where rtpengine listens)
set -euo pipefail
host=$1 port=$2 first=$3 count=$4

# dictionary COOKIE STRING...: a datagram of the protocol: a cookie, and a dictionary in bencode of names and values by turns.
# A list, l...e, is in bencode already.
dictionary() {
    local text
    printf '%s d' "$1"
    for text in "${@:2}"; do
        if [[ $text == l*e ]]; then printf %s "$text"; else printf '%d:%s' ${#text} "$text"; fi
    done
    printf e
}

# ask DATAGRAM...: sets reply. A pipe makes one datagram of it, which bash would cut into lines.
ask() {
    dictionary "$@" | dd bs=65536 iflag=fullblock status=none >&"$ng"
    reply=$(timeout 5 dd bs=65536 count=1 status=none <&"$ng") || reply='no reply'
    [[ $reply == *'6:result2:ok'* ]] || { echo "bench: rtpengine: $reply" >&2; exit 1; }
}

# describe ADDRESS PORT: sets description.
describe() {
    printf -v description 'v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio %d RTP/AVP 8\r\n' "$1" "$1" "$2"
}

exec {ng}<>"/dev/udp/$host/$port"
for ((i = 0; i < count; i++)); do
    call=(call-id "call$i" from-tag caller ICE remove)
    describe 10.1.0.2 $((first + 2 * i))
    ask "${i}o" command offer "${call[@]}" direction l6:inside7:outsidee sdp "$description"
    describe 10.2.0.2 $((first + 2 * i))
    ask "${i}a" command answer "${call[@]}" to-tag callee sdp "$description"
    # Where the answer says that the callee is.
    [[ $reply == *'IP4 10.1.0.1'* && $reply =~ m=audio\ ([0-9]+) ]] || { echo "bench: rtpengine answers: $reply" >&2; exit 1; }
    echo $((first + 2 * i)) "${BASH_REMATCH[1]}"
done
