#!/usr/bin/env bash
# daemon.size.*, daemon.rss.*, daemon.start.*: what the daemons cost before they do anything, beside the limits we set.
# Usage: daemons.sh DAEMONS BENCHMARKS (folders of the executables)
set -euo pipefail
daemons=$1
here=$(realpath "$(dirname "$0")")
source "$here/network.sh"

runs=5
start_limit=50

# row NAME UNIT OURS LIMIT
row() { [[ $1 != "${ONLY-}"* ]] || printf '%s\t%s\tcost\tlimit\t%s\t%s\n' "$@"; }

megabytes() { awk -v octets="$1" 'BEGIN { print octets / 1e6 }'; }

# measure NAME PROGRAM SIZE_LIMIT RSS_LIMIT: the limits in MB.
measure() {
    local run start resident
    # As `make install` installs it.
    strip -o "$directory/stripped" "$daemons/$2"
    for ((run = 0; run < runs; run++)); do
        row "daemon.size.$1" MB "$(megabytes "$(stat -c %s "$directory/stripped")")" "$3"
    done
    for ((run = 0; run < runs; run++)); do
        read -r start resident < <(in_namespace a-gateway "$here/start.sh" "$daemons/$2" --config "$directory/a-$2.yaml")
        row "daemon.start.$1" ms "$start" $start_limit
        row "daemon.rss.$1" MB "$(megabytes "$resident")" "$4"
    done
}

network a
configure_gate a
mv "$directory/a-gated.yaml" "$directory/a-sekisho-gated.yaml"
measure gated sekisho-gated 8 8
start_gate a
configure_sekishod a
measure sekishod sekishod 15 16
