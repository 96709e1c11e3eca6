# results.json as a table of 80 columns.
def number: if . >= 100 then round | tostring elif . >= 10 then . * 10 | round / 10 | tostring else . * 100 | round / 100 | tostring end;
def left($n): . + " " * $n | .[:$n];
def right($n): " " * $n + . | .[-$n:];
def row: (.[0] | left(22)) + (.[1] | right(8)) + " " + (.[2] | left(9)) + (.[3] | left(24))
    + (.[4] | right(9)) + (.[5] | right(7));

(["benchmark", "ours", "unit", "peer", "peer's", "ratio"] | row),
(.[] | select(.name | startswith($prefix))
    | [.name, (.value | number), .unit, .peer, (.peer_value | number), (.ratio * 100 | round / 100 | tostring)] | row)
