# Lines of `name unit direction peer ours theirs`, one per run, to entries of results.json; $old holds the entries before.
def median: sort | if length % 2 == 1 then .[length / 2 | floor] else (.[length / 2 - 1] + .[length / 2]) / 2 end;
# Four significant digits.
def rounded: . as $x | if $x == 0 then 0 else
    ($x | fabs | log10 | floor | pow(10; 3 - .)) as $scale | $x * $scale | round / $scale end;

[split("\n")[] | select(length > 0) | split("\t")
    | {name: .[0], unit: .[1], direction: .[2], peer: .[3], ours: (.[4] | tonumber), theirs: (.[5] | tonumber)}]
| group_by(.name)
| map({
    name: .[0].name, value: (map(.ours) | median), unit: .[0].unit, peer: .[0].peer,
    peer_value: (map(.theirs) | median),
    rate: (.[0].direction == "rate"), runs: length, min: (map(.ours) | min), max: (map(.ours) | max)
  }
  | .ratio = (if .rate then .peer_value / .value else .value / .peer_value end)
  | {name, value: (.value | rounded), unit, peer, peer_value: (.peer_value | rounded), ratio: (.ratio | rounded), runs,
     min: (.min | rounded), max: (.max | rounded), machine: $machine, date: $date})
| . as $new
| ($new | map(.name)) as $names
| [$old[0][] | select(.name as $name | $names | index($name) | not)] + $new
| sort_by(.name)
